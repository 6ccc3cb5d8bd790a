#include "store/grant_rules.h"

#include "store/errors.h"

namespace latchkey::grant_rules {
namespace {

using Kind = Settlement::Kind;

bool over(State state) {
    return state == State::revoking || state == State::revoked;
}

/// Nobody but this attempt has touched the grant, on a history that has not been rolled back.
bool undisturbed(const GrantRow& row, const Settlement& outcome, const Timeline& present) {
    return row.attempt == outcome.attempt && row.timeline == present && outcome.confirmed;
}

void keep_access(GrantRow& row, const Settlement& outcome) {
    row.generation = outcome.generation.next();
    row.access_token = outcome.access_token;
    row.access_received_at = outcome.received_at;
    row.access_expires_at = outcome.expires_at;
}

void keep_facts(GrantRow& row, const Settlement& outcome) {
    if (!outcome.instance_url.empty()) row.instance_url = outcome.instance_url;
    if (!outcome.scopes.empty()) row.scopes = outcome.scopes;
    if (!outcome.quarantine.empty()) row.quarantine = outcome.quarantine;
}

/// An answer belongs to the row that the attempt saw. One from the journal also belongs to a row
/// that was set back to an earlier moment: it is the newer truth, and is asked about before use.
bool belongs(std::int64_t stored, std::int64_t seen, bool confirmed) {
    return confirmed ? stored == seen : stored <= seen;
}

Result<GrantRow> settle_rotated(GrantRow row, const Settlement& outcome, const Timeline& present) {
    // Sealed with a nonce of its own, a token is in the row only if this settlement put it there.
    if (row.grant_generation == outcome.grant_generation.next() &&
        row.refresh_token == outcome.refresh_token)
        return row;
    if (!belongs(row.grant_generation.value, outcome.grant_generation.value, outcome.confirmed))
        return store_error::settle_conflict();
    if (outcome.access_token) {
        if (!belongs(row.generation.value, outcome.generation.value, outcome.confirmed))
            return store_error::settle_conflict();
        keep_access(row, outcome);
    }
    row.grant_generation = outcome.grant_generation.next();
    row.refresh_token = outcome.refresh_token;
    row.rotation_seen = true;
    keep_facts(row, outcome);
    if (over(row.state)) {
        row.state = State::revoking;
        return row;
    }
    const bool clean = row.state == State::in_flight && undisturbed(row, outcome, present);
    row.state = clean ? State::active : State::uncertain;
    row.reason = clean ? std::string{} : outcome.reason;
    return row;
}

Result<GrantRow> settle_access_only(GrantRow row, const Settlement& outcome,
                                    const Timeline& present) {
    if (row.generation == outcome.generation.next() && row.access_token == outcome.access_token)
        return row;
    if (row.grant_generation != outcome.grant_generation || !outcome.access_token ||
        !belongs(row.generation.value, outcome.generation.value, outcome.confirmed))
        return store_error::settle_conflict();
    keep_access(row, outcome);
    keep_facts(row, outcome);
    const bool waiting = row.state == State::in_flight || row.state == State::uncertain;
    if (waiting && undisturbed(row, outcome, present)) {
        row.state = State::active;
        row.reason.clear();
    }
    return row;
}

Result<GrantRow> settle_without_tokens(GrantRow row, const Settlement& outcome) {
    const bool ours = row.grant_generation == outcome.grant_generation &&
                      row.attempt == outcome.attempt && !outcome.attempt.empty();
    if (!ours) return store_error::settle_conflict();
    State to = State::active;
    if (outcome.kind == Kind::unknown) to = State::uncertain;
    if (outcome.kind == Kind::dead) to = State::reauth_required;
    const bool fits = row.state == State::in_flight ||
                      (outcome.kind == Kind::dead && row.state == State::uncertain);
    if (!fits) {
        if (row.state == to) return row;  // stored before
        return store_error::settle_conflict();
    }
    row.state = to;
    row.reason = outcome.reason;
    keep_facts(row, outcome);
    return row;
}

}  // namespace

Result<GrantRow> claim(GrantRow row, GrantGeneration seen, AttemptId attempt, NodeId node,
                       const Timeline& present) {
    if (row.role != Role::current || row.state != State::active || row.grant_generation != seen ||
        row.timeline != present)
        return store_error::claim_conflict();
    row.state = State::in_flight;
    row.attempt = std::move(attempt);
    row.attempt_node = std::move(node);
    return row;
}

Result<GrantRow> settle(GrantRow row, const Settlement& outcome, const Timeline& present) {
    switch (outcome.kind) {
        case Kind::rotated:
            return settle_rotated(std::move(row), outcome, present);
        case Kind::access_only:
            return settle_access_only(std::move(row), outcome, present);
        default:
            return settle_without_tokens(std::move(row), outcome);
    }
}

Result<GrantRow> move(GrantRow row, const Move& change, const Timeline& present) {
    if (row.grant_generation != change.grant_generation || row.state != change.from ||
        row.attempt != change.attempt)
        return store_error::move_conflict();
    row.state = change.to;
    row.reason = change.reason;
    if (change.confirms_timeline) row.timeline = present;
    return row;
}

Result<GrantRow> refuse(GrantRow candidate, const std::string& reason) {
    if (candidate.role == Role::current) return store_error::move_conflict();
    if (candidate.role == Role::former) return candidate;  // refused before
    candidate.role = Role::former;
    candidate.state = State::revoking;
    candidate.reason = reason;
    return candidate;
}

GrantRow begin_revocation(GrantRow row) {
    if (!over(row.state)) {
        row.state = State::revoking;
        row.reason.clear();
    }
    return row;
}

Result<Promotion> promote(GrantRow candidate, std::optional<GrantRow> current,
                          const Connection& facts, Generation seen, Sealed access_token) {
    if (candidate.role == Role::former) return store_error::superseded();
    if (current && current->key.epoch > candidate.key.epoch) return store_error::superseded();
    if (candidate.role == Role::current) {
        if (candidate.access_token == access_token) return Promotion{std::move(candidate), {}};
        return store_error::promote_conflict();
    }
    if ((current ? current->generation : Generation{0}) != seen)
        return store_error::promote_conflict();
    candidate.role = Role::current;
    candidate.generation = seen.next();
    candidate.access_token = std::move(access_token);
    if (!facts.instance_url.empty()) candidate.instance_url = facts.instance_url;
    if (!facts.org_id.empty()) candidate.org_id = facts.org_id;
    if (!facts.user_id.empty()) candidate.user_id = facts.user_id;
    if (!facts.scopes.empty()) candidate.scopes = facts.scopes;
    if (current) {
        current->role = Role::former;
        if (!over(current->state)) {
            current->state = State::revoking;
            current->reason = "replaced";
        }
    }
    return Promotion{std::move(candidate), std::move(current)};
}

bool brings_tokens(const Settlement& outcome) {
    return outcome.kind == Kind::rotated || outcome.kind == Kind::access_only;
}

Connection shown(Connection kept, const GrantRow& current) {
    kept.standing = standing_of(current.state, current.quarantine);
    kept.reason = kept.standing == Standing::quarantined ? current.quarantine : current.reason;
    kept.provider = current.provider;
    kept.org_id = current.org_id;
    kept.user_id = current.user_id;
    kept.instance_url = current.instance_url;
    kept.scopes = current.scopes;
    kept.generation = current.generation;
    return kept;
}

}  // namespace latchkey::grant_rules
