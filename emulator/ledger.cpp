#include "emulator/ledger.h"

#include <algorithm>

#include "base/text.h"
#include "emulator/hash.h"

namespace latchkey::emulator {
namespace {

constexpr std::size_t most_grants = 250'000;
constexpr std::size_t most_uses = 100'000;

}  // namespace

Ledger::Ledger() : grants_(most_grants) {}

Tally& Ledger::tally(const std::string& grant) {
    if (Tally* found = grants_.find(grant)) return *found;
    return grants_.put(grant, Tally{});
}

std::uint64_t Ledger::arrive(const std::string& token, const std::string& grant, WallTime now) {
    const std::uint64_t number = next_use_++;
    open_[number] = {token, grant};
    const std::uint64_t together = ++in_flight_[token];
    totals_.max_in_flight = std::max(totals_.max_in_flight, together);
    if (!grant.empty()) {
        Tally& own = tally(grant);
        own.max_in_flight = std::max(own.max_in_flight, together);
    }
    TokenUse use;
    use.number = number;
    use.token_tag = hex(sha256(token)).substr(0, 12);
    use.grant = grant;
    use.arrived_at = now;
    use.arrived = next_event_++;
    if (uses_.size() == most_uses) uses_.pop_front();
    uses_.push_back(std::move(use));
    return number;
}

TokenUse* Ledger::find(std::uint64_t use) {
    // Numbers grow without gaps from the first one still kept.
    if (uses_.empty() || use < uses_.front().number) return nullptr;
    const std::uint64_t place = use - uses_.front().number;
    return place < uses_.size() ? &uses_[place] : nullptr;
}

bool Ledger::same_token(std::uint64_t one, std::uint64_t other) {
    const auto first = open_.find(one);
    const auto second = open_.find(other);
    return first != open_.end() && second != open_.end() &&
           first->second.token == second->second.token;
}

void Ledger::begin(std::uint64_t use) {
    if (TokenUse* found = find(use)) found->begun = next_event_++;
}

void Ledger::outcome(std::uint64_t use, std::string_view what) {
    if (TokenUse* found = find(use)) found->outcome = what;
}

void Ledger::end(std::uint64_t use) {
    const auto place = open_.find(use);
    if (place == open_.end()) return;
    const auto count = in_flight_.find(place->second.token);
    if (--count->second == 0) in_flight_.erase(count);
    open_.erase(place);
    if (TokenUse* found = find(use)) found->ended = next_event_++;
}

void Ledger::handed_over(std::uint64_t use, bool whole) {
    if (TokenUse* found = find(use)) found->handed_over = whole;
}

void Ledger::refreshed(const std::string& grant) {
    ++totals_.refreshes;
    ++tally(grant).refreshes;
}

void Ledger::reused(const std::string& grant) {
    ++totals_.reuses;
    ++tally(grant).reuses;
}

void Ledger::revoked(const std::string& grant) {
    ++totals_.revocations;
    ++tally(grant).revocations;
}

Tally Ledger::of(const std::string& grant) const {
    const Tally* found = grants_.find(grant);
    return found == nullptr ? Tally{} : *found;
}

void Ledger::clear() {
    totals_ = {};
    grants_.clear();
    uses_.clear();
    open_.clear();
    in_flight_.clear();
}

}  // namespace latchkey::emulator
