#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/async.h"

namespace latchkey {

namespace detail {
template <class T>
Async<void> keep_result(Task<T> work, std::optional<Result<T>>* into) {
    auto result = co_await std::move(work);
    into->emplace(std::move(result));
}
}  // namespace detail

/// Runs `loop`, which nobody else runs, in this thread until `work` is done. Used before there is a
/// thread of the library's own. `work` is bounded by its own deadline; an exception out of it is
/// told as a bug.
template <class T>
Result<T> run_here(boost::asio::io_context& loop, Task<T> work) {
    std::optional<Result<T>> result;
    bool done = false;
    boost::asio::co_spawn(loop, detail::keep_result(std::move(work), &result),
                          [&done](const std::exception_ptr&) { done = true; });
    loop.restart();
    while (!done && loop.run_one() != 0) {
    }
    if (result) return std::move(*result);
    return Error{Fault::internal, "unexpected_exception",
                 "Something happened that latchkey does not provide for. Please report it."};
}

}  // namespace latchkey
