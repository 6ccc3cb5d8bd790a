#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace latchkey {

/// Counts calls and tokens that an API key was refused for its rules, its limits or its org's reserve,
/// by the error's code; for metrics, from any loop.
class RefusalCounts {
public:
    static constexpr std::array<std::string_view, 5> codes = {
        "denied_by_rule", "composite_unreadable", "rate_limited", "too_many_calls",
        "daily_limit_reserved"};

    void note(std::string_view code) {
        const auto found = std::find(codes.begin(), codes.end(), code);
        if (found != codes.end())
            counts_[static_cast<std::size_t>(found - codes.begin())].fetch_add(
                1, std::memory_order_relaxed);
    }
    std::uint64_t of(std::size_t code) const {
        return counts_[code].load(std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<std::uint64_t>, codes.size()> counts_{};
};

}  // namespace latchkey
