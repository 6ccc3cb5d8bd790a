#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/clock.h"

namespace latchkey::test {

/// Time that moves only when a test says so. Sleepers wake on their own loop after `advance`.
class FakeClock final : public Clock {
public:
    WallTime wall() const override {
        std::lock_guard hold{mutex_};
        return wall_;
    }
    SteadyTime steady() const override {
        std::lock_guard hold{mutex_};
        return steady_;
    }

    Async<void> sleep_until(SteadyTime when) override {
        auto sleeper = std::make_shared<Sleeper>(co_await boost::asio::this_coro::executor, when);
        {
            std::lock_guard hold{mutex_};
            if (steady_ >= when) co_return;
            sleepers_.push_back(sleeper);
        }
        boost::system::error_code cancelled;
        co_await sleeper->timer.async_wait(boost::asio::redirect_error(use_task, cancelled));
    }

    /// Moves both clocks and wakes who is due.
    void advance(std::chrono::milliseconds by) {
        std::lock_guard hold{mutex_};
        steady_ += by;
        carried_ += by;
        const auto whole = std::chrono::floor<std::chrono::seconds>(carried_);
        wall_ += whole;
        carried_ -= whole;
        std::erase_if(sleepers_, [&](const std::weak_ptr<Sleeper>& sleeping) {
            const auto s = sleeping.lock();
            if (!s) return true;
            if (s->when > steady_) return false;
            boost::asio::post(s->timer.get_executor(), [s] { s->timer.cancel(); });
            return true;
        });
    }

    /// Moves the wall clock alone, as an operator or NTP would.
    void set_wall(WallTime to) {
        std::lock_guard hold{mutex_};
        wall_ = to;
    }

    std::size_t sleepers() const {
        std::lock_guard hold{mutex_};
        return static_cast<std::size_t>(
            std::count_if(sleepers_.begin(), sleepers_.end(),
                          [](const std::weak_ptr<Sleeper>& s) { return !s.expired(); }));
    }

private:
    struct Sleeper {
        using Timer =
            boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                              boost::asio::wait_traits<std::chrono::steady_clock>,
                                              Executor>;
        Sleeper(Executor on, SteadyTime until)
            : timer(on, std::chrono::steady_clock::time_point::max()), when(until) {}
        Timer timer;
        SteadyTime when;
    };

    mutable std::mutex mutex_;
    WallTime wall_{std::chrono::seconds{1763900000}};
    SteadyTime steady_{std::chrono::hours{1000}};
    std::chrono::milliseconds carried_{0};
    // The sleeping coroutine owns its timer, which must not outlive its loop; this clock may.
    std::vector<std::weak_ptr<Sleeper>> sleepers_;
};

}  // namespace latchkey::test
