#pragma once

#include <boost/asio/use_awaitable.hpp>

#include <latchkey/task.h>

namespace latchkey {

/// Completion token for Asio operations inside Async and Task.
inline constexpr boost::asio::use_awaitable_t<Executor> use_task{};

}  // namespace latchkey
