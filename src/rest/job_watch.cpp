#include "rest/job_watch.h"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/async.h"

namespace latchkey::rest {
namespace {

constexpr std::chrono::milliseconds longest_pause{8000};
constexpr std::chrono::seconds patience_for_a_look{60};
constexpr int most_failures = 5;

bool waiting_may_help(const Error& error) {
    // A look changes nothing, so one whose answer was lost may be repeated.
    return error.fault == Fault::try_later || error.fault == Fault::outcome_unknown;
}

}  // namespace

void JobWatch::interrupt() {
    interrupted_ = true;
    if (timer_) timer_->cancel();
}

Task<BulkJob> JobWatch::until_ended(Deadline by) {
    const Executor here = co_await boost::asio::this_coro::executor;
    interrupted_ = false;
    while (!job_.ended()) {
        const auto now = BootClock::now();
        if (!next_look_) next_look_ = now + pause_;
        if (interrupted_ || by.passed(now)) break;
        if (*next_look_ > now) {
            timer_.emplace(here, std::min(*next_look_, by.at) - now);
            boost::system::error_code woken;
            co_await timer_->async_wait(boost::asio::redirect_error(use_task, woken));
            timer_.reset();
            continue;
        }
        auto seen = co_await look_at_job(place_, kind_, job_.id, Deadline::in(patience_for_a_look));
        pause_ = std::min(pause_ * 2, longest_pause);
        next_look_ = BootClock::now() + pause_;
        if (seen) {
            failures_ = 0;
            job_ = std::move(*seen);
            board_->set(number_, job_);
        } else if (!waiting_may_help(seen.error()) || ++failures_ > most_failures) {
            failures_ = 0;
            co_return seen.error();
        } else if (seen.error().retry_after) {
            next_look_ = std::max(*next_look_, BootClock::now() + *seen.error().retry_after);
        }
    }
    co_return job_;
}

}  // namespace latchkey::rest
