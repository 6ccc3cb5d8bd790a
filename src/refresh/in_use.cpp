#include "refresh/in_use.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace latchkey {

using std::chrono::milliseconds;

void InUse::used(const ConnectionId& who, const AccessToken& token, WallTime wall, SteadyTime now) {
    if (!token.expires_at) return;
    const auto known = uses_.find(who);
    if (known != uses_.end() && known->second.generation >= token.generation) {
        known->second.last = now;
        return;
    }
    const auto life = *token.expires_at - token.received_at;
    const auto left = *token.expires_at - wall;
    if (life < times_.life_least || left <= left.zero()) return;
    if (known == uses_.end() && uses_.size() >= most) return;
    if (known != uses_.end()) by_due_.erase(known->second.place);
    const auto due = std::max(now, now + left - lead(life));
    uses_[who] = Use{token.generation, by_due_.emplace(due, who), now, life / 2};
}

std::vector<InUse::Due> InUse::take(SteadyTime now, std::size_t limit) {
    std::vector<Due> taken;
    while (!by_due_.empty() && by_due_.begin()->first <= now && taken.size() < limit) {
        const auto who = by_due_.begin()->second;
        by_due_.erase(by_due_.begin());
        const auto found = uses_.find(who);
        if (now - found->second.last <= found->second.half_life)
            taken.push_back(Due{who, found->second.generation});
        uses_.erase(found);
    }
    return taken;
}

milliseconds InUse::lead(std::chrono::seconds life) {
    const auto longest = std::min<milliseconds>(life / times_.lead_of_life, times_.lead_most);
    std::array<std::byte, 2> raw{};
    random_.fill(raw);
    const auto share = std::to_integer<std::int64_t>(raw[0]) * 256 + std::to_integer<int>(raw[1]);
    return longest / 2 + longest * share / (2 * 65536);
}

}  // namespace latchkey
