#pragma once

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include <latchkey/time.h>

#include "base/async.h"

/// From a caller's thread or loop onto the library's loop and back.
///
/// The work runs to its own end whatever the caller does: it is spawned on the library's loop and
/// keeps the house standing. A caller that has given up finds nobody to disturb, and a result that
/// nobody waits for is dropped where it is made.
namespace latchkey {

/// How much longer than its deadline a caller waits: work ends at the same deadline with an error
/// that says more than that time is over.
inline constexpr std::chrono::milliseconds time_for_the_answer{100};

inline Error gave_up() {
    return {Fault::try_later, "deadline_passed",
            "The time to wait is over; what was begun goes on. Ask again."};
}

using HopTimer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

/// Where a result is put for a coroutine of another loop. Its timer is the caller's and goes with
/// the caller, so it is touched only while the caller is there.
template <class T>
class Handoff {
public:
    explicit Handoff(HopTimer& wake) : wake_(&wake) {}

    /// On the library's loop.
    static void deliver(const std::shared_ptr<Handoff>& self, Result<T> result) {
        const std::lock_guard hold{self->guard_};
        if (self->wake_ == nullptr) return;
        self->result_.emplace(std::move(result));
        boost::asio::post(self->wake_->get_executor(), [self] {
            const std::lock_guard again{self->guard_};
            if (self->wake_ != nullptr) self->wake_->cancel();
        });
    }

    /// On the caller's loop.
    std::optional<Result<T>> take() {
        const std::lock_guard hold{guard_};
        return std::exchange(result_, std::nullopt);
    }
    void leave() {
        const std::lock_guard hold{guard_};
        wake_ = nullptr;
    }

private:
    std::mutex guard_;
    HopTimer* wake_;
    std::optional<Result<T>> result_;
};

/// The same for a thread that waits.
template <class T>
class Promise {
public:
    static void deliver(const std::shared_ptr<Promise>& self, Result<T> result) {
        self->promise_.set_value(std::move(result));
    }
    std::future<Result<T>> future() { return promise_.get_future(); }

private:
    std::promise<Result<T>> promise_;
};

/// Takes the caller out of a handoff, also when its coroutine is destroyed while it waits.
template <class T>
class Leaving {
public:
    explicit Leaving(std::shared_ptr<Handoff<T>> from) : from_(std::move(from)) {}
    Leaving(const Leaving&) = delete;
    Leaving& operator=(const Leaving&) = delete;
    ~Leaving() { from_->leave(); }

private:
    std::shared_ptr<Handoff<T>> from_;
};

/// Runs on the library's loop. The house is the last to be let go, after what the work holds.
template <class T, class To, class Host>
Async<void> carry(std::shared_ptr<Host> house, Task<T> work, std::shared_ptr<To> to) {
    const typename Host::Presence counted{*house};
    std::optional<Result<T>> result;
    try {
        auto done = co_await std::move(work);
        result.emplace(std::move(done));
    } catch (const std::exception& thrown) {
        result.emplace(house->bug(thrown.what()));
    }
    To::deliver(to, std::move(*result));
}

/// Awaits work of the library's loop on any loop that one thread runs. On the library's own loop it
/// is awaited as it is.
/// errors  those of the work · try_later deadline_passed
template <class T, class Host>
Task<T> on_loop(std::shared_ptr<Host> house, Task<T> work, Deadline by) {
    const Executor here = co_await boost::asio::this_coro::executor;
    if (here == house->loop().get_executor()) {
        auto result = co_await std::move(work);
        co_return result;
    }
    HopTimer wake{here};
    auto handoff = std::make_shared<Handoff<T>>(wake);
    const Leaving<T> leaving{handoff};
    boost::asio::co_spawn(house->loop(), carry<T, Handoff<T>>(house, std::move(work), handoff),
                          boost::asio::detached);
    // The kernel's timer may stand still while the machine is suspended; after a minute at the most
    // the clock that does not is looked at again.
    constexpr std::chrono::nanoseconds slice = std::chrono::minutes{1};
    for (;;) {
        auto result = handoff->take();
        if (result) co_return std::move(*result);
        const std::chrono::nanoseconds left = by.at - BootClock::now() + time_for_the_answer;
        if (left <= std::chrono::nanoseconds::zero()) co_return gave_up();
        wake.expires_after(std::min(left, slice));
        boost::system::error_code woken;
        co_await wake.async_wait(boost::asio::redirect_error(use_task, woken));
        const auto state = co_await boost::asio::this_coro::cancellation_state;
        if (state.cancelled() != boost::asio::cancellation_type::none) co_return gave_up();
    }
}

/// Waits in the calling thread for work of the library's loop.
/// errors  those of the work · try_later deadline_passed · internal would_block_loop
template <class T, class Host>
Result<T> wait_for(const std::shared_ptr<Host>& house, Task<T> work, Deadline by) {
    if (house->loop().get_executor().running_in_this_thread()) {
        return Error{Fault::internal, "would_block_loop",
                     "A blocking call was made on the loop that has to do the work. Use the async_ "
                     "form there."};
    }
    auto promise = std::make_shared<Promise<T>>();
    auto future = promise->future();
    boost::asio::co_spawn(house->loop(), carry<T, Promise<T>>(house, std::move(work), promise),
                          boost::asio::detached);
    const auto left = by.at - BootClock::now() + time_for_the_answer;
    if (future.wait_for(left) != std::future_status::ready) return gave_up();
    return future.get();
}

}  // namespace latchkey
