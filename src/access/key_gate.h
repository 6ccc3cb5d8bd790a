#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <latchkey/api_key.h>
#include <latchkey/ids.h>
#include <latchkey/key_rules.h>
#include <latchkey/time.h>

#include "access/path_judge.h"
#include "base/clock.h"

namespace latchkey {

/// Holds a call's place among those of its key that are under way, as long as it lives. Null: the key
/// has no such limit.
using CallPlace = std::shared_ptr<const void>;

/// What a key with rules or limits may do now. One object for each key of a node, shared by its loops
/// and by the key's gateway sessions; asking and counting take no lock.
class KeyGate {
public:
    explicit KeyGate(KeyRules rules);

    const KeyRules& rules() const { return rules_; }

    /// errors  denied denied_by_rule
    Result<Judged> judge(std::string_view method, std::string_view target) const;

    /// Counts one call and takes a place for it.
    /// errors  try_later  too_many_calls: as many as allowed are under way
    ///                    rate_limited: not before `retry_after`
    static Result<CallPlace> enter(const std::shared_ptr<KeyGate>& gate, SteadyTime now);

    /// Nobody is under way and the burst is whole, so that forgetting it changes nothing.
    bool at_rest(SteadyTime now) const;

private:
    bool begin();
    void end() { under_way_.fetch_sub(1, std::memory_order_relaxed); }
    std::optional<std::chrono::seconds> spend(SteadyTime now);

    const KeyRules rules_;
    const std::optional<PathJudge> paths_;
    /// The time at which the calls let in so far would be through, had they come at the rate: a token
    /// bucket as one number. Nanoseconds of the steady clock.
    std::atomic<std::int64_t> through_at_;
    std::atomic<std::int64_t> under_way_{0};
};

/// The gates of this node, by key. Any thread may ask.
class KeyGates {
public:
    explicit KeyGates(Clock& clock) : clock_(clock) {}

    /// Null for a key without rules. The same object for as long as anybody has it or it counts
    /// anything. errors  denied key_rules_unreadable
    Result<std::shared_ptr<KeyGate>> of(const ApiKeyId& key, const std::string& stored_rules);

    std::size_t size() const;
    static constexpr std::size_t most = 10'000;

private:
    struct Known {
        std::string stored;
        std::shared_ptr<KeyGate> gate;
    };
    void sweep();

    Clock& clock_;
    mutable std::mutex mutex_;  // held for a look, and for a sweep once in a long while
    std::unordered_map<ApiKeyId, Known> gates_;
};

}  // namespace latchkey
