#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include <latchkey/ids.h>

namespace latchkey {

/// Counts what happens to connections and keys, so that loops which remember something of them
/// notice without being told. Whoever remembers notes the count before asking, and forgets when it
/// has changed. Connections share counters: a change of another one costs a question, no more.
class ChangeCounts {
public:
    std::uint32_t of(const ConnectionId& who) const { return of(std::string_view{who.text}); }
    std::uint32_t of(std::string_view who) const { return counter(who).load(); }
    void note(const ConnectionId& who) { ++counter(who.text); }

    /// What is remembered of any connection is forgotten.
    void note_all() {
        for (auto& one : counters_) ++one;
    }

    std::uint32_t of_keys() const { return keys_.load(); }
    void note_keys() { ++keys_; }

private:
    using Counters = std::array<std::atomic<std::uint32_t>, 1024>;
    std::atomic<std::uint32_t>& counter(std::string_view id) {
        return counters_[std::hash<std::string_view>{}(id) % counters_.size()];
    }
    const std::atomic<std::uint32_t>& counter(std::string_view id) const {
        return counters_[std::hash<std::string_view>{}(id) % counters_.size()];
    }

    Counters counters_{};
    std::atomic<std::uint32_t> keys_{0};
};

}  // namespace latchkey
