#pragma once

#include <functional>
#include <thread>

namespace latchkey {

/// A thread in which no signal of the program arrives: those are for whoever has made the process.
std::thread quiet_thread(std::function<void()> work);

}  // namespace latchkey
