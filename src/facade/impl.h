#pragma once

#include <memory>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <latchkey/latchkey.h>

#include "facade/house.h"

namespace latchkey {

/// The house and, unless the program gave one, the loop and the thread it stands on.
///
/// The loop is the last to go: rooms hold timers and sockets of it, and what is left on it when the
/// time to close is over may still hold the house.
struct Latchkey::Impl {
    struct OwnLoop {
        boost::asio::io_context loop{1};
        boost::asio::executor_work_guard<Executor> open{loop.get_executor()};
        std::thread thread;
    };
    std::unique_ptr<OwnLoop> own;  ///< null: the program runs the loop
    std::shared_ptr<House> house;
    bool closed = false;  ///< by async_close: the destructor has nothing left to start

    Impl(std::unique_ptr<OwnLoop> o, std::shared_ptr<House> h)
        : own(std::move(o)), house(std::move(h)) {}
};

}  // namespace latchkey
