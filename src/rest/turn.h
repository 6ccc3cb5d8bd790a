#pragma once

#include <chrono>
#include <list>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include <latchkey/time.h>

#include "base/async.h"

namespace latchkey::rest {

/// One piece of work at a time on a loop. A caller that has given up leaves its work running, so the
/// next one waits for that.
class Turn {
public:
    /// The object must live until this is done.
    /// errors  try_later deadline_passed
    Task<bool> take(Deadline by) {
        const Executor here = co_await boost::asio::this_coro::executor;
        while (taken_) {
            const auto left = by.at - BootClock::now();
            if (left <= std::chrono::nanoseconds::zero()) {
                co_return Error{Fault::try_later, "deadline_passed",
                                "What was asked for before is still under way. Ask again."};
            }
            auto& timer = waiting_.emplace_back(here, left);
            boost::system::error_code woken;
            co_await timer.async_wait(boost::asio::redirect_error(use_task, woken));
            waiting_.remove_if([&](const Timer& one) { return &one == &timer; });
        }
        taken_ = true;
        co_return true;
    }
    void give_back() {
        taken_ = false;
        for (auto& timer : waiting_) timer.cancel();
    }

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    bool taken_ = false;
    std::list<Timer> waiting_;
};

}  // namespace latchkey::rest
