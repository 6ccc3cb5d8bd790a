#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "base/async.h"

namespace latchkey::test {

namespace detail {
template <class T>
Async<void> keep(Async<T> work, std::optional<T>* value) {
    value->emplace(co_await std::move(work));
}
}  // namespace detail

/// Runs `loop` until `work` is done and returns its value; other coroutines of the loop run too.
template <class T>
T run(boost::asio::io_context& loop, Async<T> work) {
    std::optional<T> value;
    std::exception_ptr failed;
    bool done = false;
    boost::asio::co_spawn(loop, detail::keep(std::move(work), &value), [&](std::exception_ptr e) {
        failed = e;
        done = true;
    });
    loop.restart();
    while (!done && loop.run_one() != 0) {
    }
    if (failed) std::rethrow_exception(failed);
    return std::move(value).value();
}

}  // namespace latchkey::test
