#pragma once

#include <cstddef>
#include <cstdint>

namespace latchkey {

/// Bounds that every adapter keeps. Members so that a test can reach them.
struct StoreLimits {
    std::size_t unexpired_flows = 100'000;
    std::size_t open_flows_of_key = 10'000;       ///< unexpired, neither done nor failed
    std::uint64_t journal_bytes = 1ull << 30;     ///< of sealed answers, closed ones included
    std::uint64_t free_disk_bytes = 64ull << 20;  ///< SQLite: left free for everything else
};

inline constexpr std::size_t most_listed_keys = 1000;
inline constexpr std::size_t most_listed_nodes = 1000;
inline constexpr std::size_t most_events_read = 500;
inline constexpr std::size_t longest_page = 200;
inline constexpr std::size_t most_rows_of_a_state = 500;

}  // namespace latchkey
