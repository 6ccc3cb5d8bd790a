#include "access/key_gate.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "access/stored_rules.h"

namespace latchkey {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t ns_of(SteadyTime now) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
}

std::int64_t burst_of(const KeyLimits& limits) {
    return limits.burst > 0 ? limits.burst : limits.rate;
}

Error try_later(const char* code, std::string message, std::chrono::seconds wait) {
    Error error{Fault::try_later, code, std::move(message)};
    error.retry_after = wait;
    return error;
}

}  // namespace

KeyGate::KeyGate(KeyRules rules)
    : rules_(std::move(rules)),
      paths_(rules_.paths.empty() ? std::nullopt : std::optional<PathJudge>{rules_.paths}),
      through_at_(std::numeric_limits<std::int64_t>::min()) {}

Result<Judged> KeyGate::judge(std::string_view method, std::string_view target) const {
    if (!paths_) return Judged{};
    return paths_->judge(method, target);
}

bool KeyGate::begin() {
    const auto before = under_way_.fetch_add(1, std::memory_order_relaxed);
    if (before < rules_.limits.concurrency) return true;
    end();
    return false;
}

/// How long to wait, if this call comes too soon.
std::optional<std::chrono::seconds> KeyGate::spend(SteadyTime now) {
    const auto rate = rules_.limits.rate;
    const auto one = second_ns / rate;
    const auto whole = one * burst_of(rules_.limits);
    const auto at = ns_of(now);
    auto before = through_at_.load(std::memory_order_relaxed);
    for (;;) {
        const auto after = std::max(before, at) + one;
        if (const auto ahead = after - at; ahead > whole)
            return std::chrono::seconds{(ahead - whole + second_ns - 1) / second_ns};
        // Somebody else's call is counted whenever this fails, so all together get on.
        if (through_at_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return {};
    }
}

Result<CallPlace> KeyGate::enter(const std::shared_ptr<KeyGate>& gate, SteadyTime now) {
    const auto& limits = gate->rules_.limits;
    CallPlace place;
    if (limits.concurrency > 0) {
        if (!gate->begin())
            return try_later("too_many_calls",
                             "As many calls as this API key may have at once (" +
                                 std::to_string(limits.concurrency) +
                                 ") are under way on this node. Send it again when one has ended.",
                             std::chrono::seconds{1});
        place = CallPlace{gate.get(), [gate](const void*) { gate->end(); }};
    }
    if (limits.rate == 0) return place;
    if (const auto wait = gate->spend(now))
        return try_later("rate_limited",
                         "This API key may make " + std::to_string(limits.rate) +
                             " calls a second on this node. Send it again after Retry-After.",
                         *wait);
    return place;
}

bool KeyGate::at_rest(SteadyTime now) const {
    return under_way_.load(std::memory_order_relaxed) == 0 &&
           through_at_.load(std::memory_order_relaxed) <= ns_of(now);
}

Result<std::shared_ptr<KeyGate>> KeyGates::of(const ApiKeyId& key, const std::string& stored) {
    if (stored.empty()) return std::shared_ptr<KeyGate>{};
    std::lock_guard hold{mutex_};
    const auto found = gates_.find(key);
    const bool known = found != gates_.end();
    if (known && found->second.stored == stored) return found->second.gate;
    auto rules = parse_rules(stored);
    if (!rules) return rules.error();
    auto gate = std::make_shared<KeyGate>(std::move(*rules));
    if (!known && gates_.size() >= most) sweep();
    // Beyond so many that count at the same time, each who asks has counters of his own.
    if (known || gates_.size() < most) gates_.insert_or_assign(key, Known{stored, gate});
    return gate;
}

void KeyGates::sweep() {
    const auto now = clock_.steady();
    std::erase_if(gates_, [&](const auto& entry) {
        const auto& gate = entry.second.gate;
        return gate.use_count() == 1 && gate->at_rest(now);
    });
}

std::size_t KeyGates::size() const {
    std::lock_guard hold{mutex_};
    return gates_.size();
}

}  // namespace latchkey
