#include "base/clock.h"

#include <algorithm>
#include <chrono>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

namespace latchkey {

WallTime SystemClock::wall() const {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady() const {
    return BootClock::now();
}

Async<void> SystemClock::sleep_until(SteadyTime when) {
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    // The kernel's timer may stand still during suspension; in slices of a minute the boot clock is
    // looked at again soon after the machine wakes.
    constexpr auto slice = std::chrono::minutes{1};
    Timer timer{co_await boost::asio::this_coro::executor};
    for (;;) {
        const auto now = steady();
        if (now >= when) co_return;
        const std::chrono::nanoseconds left = when - now;
        timer.expires_after(std::min<std::chrono::nanoseconds>(left, slice));
        boost::system::error_code failed;
        co_await timer.async_wait(boost::asio::redirect_error(use_task, failed));
        if (failed) co_return;
    }
}

}  // namespace latchkey
