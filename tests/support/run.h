#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "base/async.h"

namespace latchkey::test {

/// Runs `loop` until `work` is done and returns its value; other coroutines of the loop run too.
template <class T>
T run(boost::asio::io_context& loop, Async<T> work) {
    std::optional<T> value;
    std::exception_ptr failed;
    boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr e, T got) {
        failed = e;
        value.emplace(std::move(got));
    });
    loop.restart();
    while (!value && loop.run_one() != 0) {
    }
    if (failed) std::rethrow_exception(failed);
    return std::move(value).value();
}

}  // namespace latchkey::test
