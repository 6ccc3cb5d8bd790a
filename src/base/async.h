#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <latchkey/error.h>

namespace latchkey {

/// Every loop is an io_context run by one thread; the concrete type keeps type erasure off the path.
using Executor = boost::asio::io_context::executor_type;

/// A coroutine that cannot fail, or whose failure is in its value.
template <class T = void>
using Async = boost::asio::awaitable<T, Executor>;

/// Everything that waits and may fail. Its last argument is a Deadline.
template <class T>
using Task = Async<Result<T>>;

/// Completion token for Asio operations inside Async and Task.
inline constexpr boost::asio::use_awaitable_t<Executor> use_task{};

}  // namespace latchkey
