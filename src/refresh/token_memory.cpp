#include "refresh/token_memory.h"

#include <algorithm>

namespace latchkey {
namespace {

/// No read of the store takes as long.
constexpr std::chrono::seconds reads_most{60};

}  // namespace

std::optional<AccessToken> TokenMemory::find(const ConnectionId& who, const TokenDemand& demand,
                                             WallTime wall, SteadyTime now) {
    latest_ = std::max(latest_, now);
    const auto found = kept_.find(who);
    if (found == kept_.end() || now >= found->second.until) return std::nullopt;
    if (!meets(found->second.token, demand, wall)) return std::nullopt;
    return found->second.token;
}

void TokenMemory::remember(const ConnectionId& who, const AccessToken& token, SteadyTime read) {
    if (gave_later(who, token.generation)) return;
    // Its caller gets it even if it is too old to be remembered.
    give(who, token.generation);
    const auto outrun = kept_.find(who);
    if (outrun != kept_.end() && outrun->second.token.generation < token.generation)
        kept_.erase(outrun);
    const auto forgotten = forgotten_.find(who);
    if (read <= all_forgotten_ || (forgotten != forgotten_.end() && read <= forgotten->second))
        return;
    const auto known = kept_.find(who);
    if (known == kept_.end() && kept_.size() >= most) prune(read);
    if (known == kept_.end() && kept_.size() >= most) return;
    kept_[who] = Kept{token, read + keep_};
}

void TokenMemory::forget(const ConnectionId& who) {
    tell(&who);
    kept_.erase(who);
    if (forgotten_.size() < most) {
        forgotten_[who] = latest_;
    } else {
        all_forgotten_ = latest_;
    }
}

void TokenMemory::forget_all() {
    tell(nullptr);
    kept_.clear();
    forgotten_.clear();
    all_forgotten_ = latest_;
}

void TokenMemory::start_over() {
    forget_all();
    given_.clear();
}

void TokenMemory::give(const ConnectionId& who, Generation generation) {
    const auto known = given_.find(who);
    if (known != given_.end() && known->second.generation < generation) tell(&who);
    if (known == given_.end() && given_.size() >= most) return;
    given_[who] = Given{generation, latest_};
}

void TokenMemory::surpass(const ConnectionId& who, Generation generation) {
    const auto given = given_.find(who);
    if (given == given_.end() || given->second.generation < generation) give(who, generation);
    const auto known = kept_.find(who);
    if (known == kept_.end() || known->second.token.generation < generation) forget(who);
}

bool TokenMemory::gave_later(const ConnectionId& who, Generation generation) const {
    const auto given = given_.find(who);
    return given != given_.end() && generation < given->second.generation &&
           latest_ < given->second.at + reads_most;
}

void TokenMemory::prune(SteadyTime now) {
    std::erase_if(kept_, [&](const auto& kept) { return now >= kept.second.until; });
    std::erase_if(forgotten_, [&](const auto& past) { return now >= past.second + reads_most; });
    std::erase_if(given_, [&](const auto& past) { return now >= past.second.at + reads_most; });
}

bool meets(const AccessToken& token, const TokenDemand& demand, WallTime now) {
    if (demand.newer_than && token.generation <= *demand.newer_than) return false;
    return !token.expires_at || *token.expires_at - now >= demand.valid_for;
}

}  // namespace latchkey
