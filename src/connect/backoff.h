#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include <latchkey/time.h>

#include "base/random.h"

namespace latchkey::connect {

/// When something that failed is due again: after 1 s, doubling to 5 min, each between half of that
/// and all of it, so that many that failed together do not come back together. Never before
/// `at_least`, the pause that a server asked for.
class Backoff {
public:
    void failed(SteadyTime now, Random& random, std::chrono::milliseconds at_least) {
        const auto whole = std::min<std::chrono::milliseconds>(longest, first * (1 << doublings_));
        doublings_ = std::min(doublings_ + 1, most_doublings);
        std::array<std::byte, 2> bytes{};
        random.fill(bytes);
        const auto draw = std::to_integer<int>(bytes[0]) * 256 + std::to_integer<int>(bytes[1]);
        due_ = now + std::max(at_least, whole / 2 + whole * draw / (2 * 65536));
    }
    SteadyTime due() const { return due_; }

private:
    static constexpr std::chrono::milliseconds first{1000};
    static constexpr std::chrono::milliseconds longest{5 * 60 * 1000};
    static constexpr int most_doublings = 9;  // 512 s, beyond the longest
    int doublings_ = 0;
    SteadyTime due_{};
};

}  // namespace latchkey::connect
