#pragma once

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "base/async.h"

namespace latchkey::connect {

namespace detail {
template <class T>
Async<void> fill(Task<T> work, std::shared_ptr<std::optional<Result<T>>> box) {
    box->emplace(co_await std::move(work));
}
}  // namespace detail

/// Keeps a name in a set for as long as this lives. `set` must outlive it.
template <class T>
class Mark {
public:
    Mark(std::set<T>& set, T name) : set_(set), name_(std::move(name)) { set_.insert(name_); }
    ~Mark() { set_.erase(name_); }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;

private:
    std::set<T>& set_;
    T name_;
};

/// Runs `work` to its end even if the caller is cancelled meanwhile: a code that is on its way must
/// have its answer kept. The caller waits for it.
template <class T>
Task<T> unstoppable(boost::asio::io_context& loop, Task<T> work) {
    auto box = std::make_shared<std::optional<Result<T>>>();
    auto filling = detail::fill(std::move(work), box);
    // An empty slot: nothing of the caller's cancellation reaches the work.
    co_await boost::asio::co_spawn(
        loop.get_executor(), std::move(filling),
        boost::asio::bind_cancellation_slot(boost::asio::cancellation_slot{}, use_task));
    co_return std::move(**box);
}

}  // namespace latchkey::connect
