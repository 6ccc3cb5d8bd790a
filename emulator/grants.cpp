#include "emulator/grants.h"

#include <algorithm>

namespace latchkey::emulator {
namespace {

constexpr std::size_t most_grants = 250'000;
constexpr std::size_t most_sessions = 1'000'000;
constexpr std::size_t most_spent = 1'000'000;

}  // namespace

bool Grant::has_scope(std::string_view scope) const {
    return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

std::string Grant::scope_text() const {
    std::string out;
    for (const auto& scope : scopes) out += (out.empty() ? "" : " ") + scope;
    return out;
}

std::optional<WallTime> refresh_expiry(const Grant& grant, const RefreshPolicy& policy) {
    using Kind = RefreshPolicy::Kind;
    switch (policy.kind) {
        case Kind::until_revoked:
            return std::nullopt;
        case Kind::immediate:
            return grant.approved_at;
        case Kind::idle:
            return grant.last_used + policy.span;
        case Kind::fixed:
            return grant.approved_at + policy.span;
    }
    return std::nullopt;
}

Grants::Grants() : grants_(most_grants), sessions_(most_sessions), spent_(most_spent) {}

Grant& Grants::open(Grant grant, std::size_t max_approvals, std::vector<std::string>& evicted) {
    ++changes_;
    if (grants_.full()) forget_oldest();
    grant.id = "grant-" + std::to_string(++opened_);
    if (!grant.refresh_token.empty()) {
        current_[grant.refresh_token] = grant.id;
        auto& held = by_pair_[{grant.client_id, grant.user_id}];
        while (!held.empty() && held.size() >= std::max<std::size_t>(max_approvals, 1)) {
            evicted.push_back(held.front());
            revoke(*grants_.find(evicted.back()));
        }
        by_pair_[{grant.client_id, grant.user_id}].push_back(grant.id);
    }
    const std::string id = grant.id;
    return grants_.put(id, std::move(grant));
}

void Grants::forget_oldest() {
    auto oldest = std::find_if(grants_.begin(), grants_.end(),
                               [](const auto& named) { return !named.second.alive; });
    if (oldest == grants_.end()) oldest = grants_.begin();
    const std::string id = oldest->first;
    revoke(oldest->second);
    current_.erase(oldest->second.refresh_token);
    grants_.erase(id);
}

Grants::Found Grants::find_refresh(const std::string& token) {
    if (const auto place = current_.find(token); place != current_.end()) {
        Grant* grant = grants_.find(place->second);
        return {grant->alive ? Standing::current : Standing::revoked, grant};
    }
    if (const auto* id = spent_.find(token)) {
        if (Grant* grant = grants_.find(*id)) return {Standing::spent, grant};
    }
    return {};
}

void Grants::rotate(Grant& grant, std::string next) {
    ++changes_;
    current_.erase(grant.refresh_token);
    spent_.put(grant.refresh_token, grant.id);
    grant.refresh_token = std::move(next);
    current_[grant.refresh_token] = grant.id;
    ++grant.generation;
}

bool Grants::revoke(Grant& grant) {
    if (!grant.alive) return false;
    ++changes_;
    grant.alive = false;
    end_sessions(grant);
    const auto place = by_pair_.find({grant.client_id, grant.user_id});
    if (place != by_pair_.end()) {
        std::erase(place->second, grant.id);
        if (place->second.empty()) by_pair_.erase(place);
    }
    return true;
}

std::vector<Grant*> Grants::living(const std::string& client_id, const std::string& user_id) {
    std::vector<Grant*> out;
    const auto place = by_pair_.find({client_id, user_id});
    if (place == by_pair_.end()) return out;
    for (const auto& id : place->second) out.push_back(grants_.find(id));
    return out;
}

Session& Grants::add_session(Session session) {
    ++changes_;
    if (sessions_.full()) end_session(std::string{sessions_.begin()->first});
    if (Grant* grant = grants_.find(session.grant)) grant->sessions.insert(session.token);
    const std::string token = session.token;
    return sessions_.put(token, std::move(session));
}

Session* Grants::session(const std::string& token, WallTime now) {
    Session* found = sessions_.find(token);
    if (found == nullptr) return nullptr;
    if (now < found->expires_at()) return found;
    end_session(token);
    return nullptr;
}

Session* Grants::use_session(const std::string& token, WallTime now) {
    Session* found = session(token, now);
    if (found == nullptr || !found->sliding) return found;
    if (!found->half_window_update || now - found->written_at > found->timeout / 2) {
        found->written_at = std::max(now, found->written_at);
    }
    return found;
}

void Grants::end_session(const std::string& token) {
    const Session* found = sessions_.find(token);
    if (found == nullptr) return;
    ++changes_;
    if (Grant* grant = grants_.find(found->grant)) grant->sessions.erase(token);
    sessions_.erase(token);
}

void Grants::end_sessions(Grant& grant) {
    const auto tokens = grant.sessions;
    for (const auto& token : tokens) end_session(token);
}

std::size_t Grants::end_all_sessions() {
    const std::size_t ended = sessions_.size();
    ++changes_;
    sessions_.clear();
    for (auto& named : grants_) named.second.sessions.clear();
    return ended;
}

Grants::Snapshot Grants::snapshot() const {
    Snapshot out;
    out.opened = opened_;
    for (const auto& [id, grant] : grants_) out.grants.push_back(grant);
    for (const auto& [token, session] : sessions_) out.sessions.push_back(session);
    for (const auto& [token, grant] : spent_) out.spent.emplace_back(token, grant);
    return out;
}

void Grants::restore(Snapshot kept) {
    *this = Grants{};
    opened_ = kept.opened;
    for (auto& grant : kept.grants) {
        grant.sessions.clear();
        if (!grant.refresh_token.empty()) {
            current_[grant.refresh_token] = grant.id;
            if (grant.alive) by_pair_[{grant.client_id, grant.user_id}].push_back(grant.id);
        }
        const std::string id = grant.id;
        grants_.put(id, std::move(grant));
    }
    for (auto& session : kept.sessions) add_session(std::move(session));
    for (const auto& [token, grant] : kept.spent) spent_.put(token, grant);
}

}  // namespace latchkey::emulator
