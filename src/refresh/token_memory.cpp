#include "refresh/token_memory.h"

namespace latchkey {

std::optional<AccessToken> TokenMemory::find(const ConnectionId& who, const TokenDemand& demand,
                                             WallTime wall, SteadyTime now) const {
    const auto found = kept_.find(who);
    if (found == kept_.end() || now >= found->second.until) return std::nullopt;
    if (!meets(found->second.token, demand, wall)) return std::nullopt;
    return found->second.token;
}

void TokenMemory::remember(const ConnectionId& who, const AccessToken& token, SteadyTime read) {
    if (kept_.size() >= most && !kept_.contains(who)) prune(read);
    if (kept_.size() >= most && !kept_.contains(who)) return;
    kept_[who] = Kept{token, read + keep_};
}

void TokenMemory::prune(SteadyTime now) {
    std::erase_if(kept_, [&](const auto& kept) { return now >= kept.second.until; });
}

bool meets(const AccessToken& token, const TokenDemand& demand, WallTime now) {
    if (demand.newer_than && token.generation <= *demand.newer_than) return false;
    return !token.expires_at || *token.expires_at - now >= demand.valid_for;
}

}  // namespace latchkey
