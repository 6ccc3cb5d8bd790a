#pragma once

#include <chrono>
#include <ctime>

namespace latchkey {

/// Wall clock, whole seconds since 1970 in UTC, 64 bits: for what is stored and shown.
using WallTime = std::chrono::sys_seconds;

/// The monotonic clock that goes on while the machine is suspended (CLOCK_BOOTTIME). Send deadlines
/// and quiet periods are read from it, so a laptop lid or a paused guest cannot stretch them.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept {
        timespec ts{};
        ::clock_gettime(CLOCK_BOOTTIME, &ts);
        return time_point{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
    }
};

using SteadyTime = BootClock::time_point;

/// How long a caller is willing to wait: a moment on the steady clock.
struct Deadline {
    SteadyTime at;
    explicit Deadline(SteadyTime when) : at(when) {}
    /// From now on the system's clock; code under test takes its `now` from a Clock instead.
    static Deadline in(std::chrono::milliseconds wait) { return Deadline{BootClock::now() + wait}; }
    bool passed(SteadyTime now) const { return now >= at; }
    Deadline sooner(SteadyTime other) const { return Deadline{other < at ? other : at}; }
};

}  // namespace latchkey
