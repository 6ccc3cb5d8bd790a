#pragma once

#include <chrono>
#include <ctime>

namespace latchkey {

/// What std::chrono::steady_clock said at the kernel's last tick, up to some 10 ms ago: a tenth of the
/// price. For time limits that are looked at a few times a second.
inline std::chrono::steady_clock::time_point coarse_now() noexcept {
    timespec at{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
    return std::chrono::steady_clock::time_point{std::chrono::seconds{at.tv_sec} +
                                                 std::chrono::nanoseconds{at.tv_nsec}};
}

}  // namespace latchkey
