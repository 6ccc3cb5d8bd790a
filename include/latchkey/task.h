#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <latchkey/error.h>

namespace latchkey {

/// Every loop is an io_context run by one thread; the concrete type keeps type erasure off the path.
using Executor = boost::asio::io_context::executor_type;

/// A coroutine that cannot fail, or whose failure is in its value.
template <class T = void>
using Async = boost::asio::awaitable<T, Executor>;

/// Everything that waits and may fail. Its last argument is a Deadline. A program whose coroutines
/// run on another executor spawns it: `co_await co_spawn(loop, std::move(task), use_awaitable)`.
template <class T>
using Task = Async<Result<T>>;

}  // namespace latchkey
