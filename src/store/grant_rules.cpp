#include "store/grant_rules.h"

#include "store/errors.h"
#include "store/timeline_order.h"

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

bool of_a_former_history(const GrantRow& row, const Settlement& outcome) {
    return !outcome.claimed_on.empty() && lies_behind(outcome.claimed_on, row.timeline);
}

Result<GrantRow> settle_rotated(GrantRow row, const Settlement& outcome, const Timeline& present) {
    // Sealed with a nonce of its own, a token is in the row only if this settlement put it there.
    if (row.grant_generation == outcome.grant_generation.next() &&
        row.refresh_token == outcome.refresh_token)
        return row;
    if (of_a_former_history(row, outcome)) return store_error::settle_conflict();
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
    if (of_a_former_history(row, outcome)) return store_error::settle_conflict();
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

/// Whoever is finding out does so about one doubt: another state, or another refresh token, is
/// another question.
GrantRow without_stale_resolver(const GrantRow& before, GrantRow after) {
    const bool same_doubt = before.state == State::uncertain && after.state == State::uncertain &&
                            before.grant_generation == after.grant_generation;
    if (!same_doubt) after.resolver = ResolverId{};
    return after;
}

bool in_doubt(const GrantRow& row) {
    return (row.state == State::uncertain && row.reason != suspect_reason) ||
           (row.state == State::in_flight && row.reason == second_use_reason);
}

bool in_trouble(const GrantRow& row) {
    return in_doubt(row) || row.state == State::reauth_required;
}

ConnectionEvent event(EventKind kind, const GrantRow& row) {
    ConnectionEvent made;
    made.kind = kind;
    made.connection = row.key.connection;
    made.epoch = row.key.epoch;
    made.generation = row.generation;
    made.reason = row.reason;
    return made;
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
    Result<GrantRow> next = store_error::settle_conflict();
    switch (outcome.kind) {
        case Kind::rotated:
            next = settle_rotated(row, outcome, present);
            break;
        case Kind::access_only:
            next = settle_access_only(row, outcome, present);
            break;
        default:
            next = settle_without_tokens(row, outcome);
    }
    if (!next) return next;
    return without_stale_resolver(row, std::move(*next));
}

Result<GrantRow> move(GrantRow row, const Move& change, const Timeline& present) {
    if (row.grant_generation != change.grant_generation || row.state != change.from ||
        row.attempt != change.attempt || row.resolver != change.resolver)
        return store_error::move_conflict();
    if (change.confirmed_on && *change.confirmed_on != present) return store_error::move_conflict();
    row.state = change.to;
    row.reason = change.reason;
    row.resolver = ResolverId{};
    if (change.confirmed_on) row.timeline = present;
    return row;
}

Result<GrantRow> take_resolution(GrantRow row, const Resolving& wish) {
    const bool same = row.state == State::uncertain && row.attempt == wish.attempt &&
                      row.grant_generation == wish.grant_generation;
    if (!same || (row.resolver != wish.seen && row.resolver != wish.mine))
        return store_error::resolver_conflict();
    row.resolver = wish.mine;
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
        row.resolver = ResolverId{};
    }
    return row;
}

Result<Promotion> promote(GrantRow candidate, std::optional<GrantRow> current,
                          const Connection& facts, Generation seen, Sealed access_token) {
    if (candidate.role == Role::former) return store_error::superseded();
    if (current && current->key.epoch > candidate.key.epoch) return store_error::superseded();
    if (candidate.role == Role::current) {
        if (candidate.access_token == access_token) return Promotion{std::move(candidate), {}, {}};
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
    Promotion made;
    if (current) {
        made.former_state = current->state;
        current->role = Role::former;
        if (!over(current->state)) {
            current->state = State::revoking;
            current->reason = "replaced";
            current->resolver = ResolverId{};
        }
    }
    made.promoted = std::move(candidate);
    made.former = std::move(current);
    return made;
}

std::optional<ConnectionEvent> event_of(const GrantRow& before, const GrantRow& after) {
    if (after.role != Role::current || before.role != Role::current) return std::nullopt;
    if (after.state == State::reauth_required && before.state != State::reauth_required)
        return event(EventKind::reauth_required, after);
    if (in_doubt(after) && !in_doubt(before)) return event(EventKind::uncertain, after);
    if (after.state == State::active && in_trouble(before))
        return event(EventKind::recovered, after);
    return std::nullopt;
}

std::optional<ConnectionEvent> event_of(const Promotion& made) {
    const bool was_in_trouble = made.former && (made.former_state == State::uncertain ||
                                                made.former_state == State::reauth_required);
    if (!was_in_trouble) return std::nullopt;
    return event(EventKind::recovered, made.promoted);
}

bool may_be_refreshed(const GrantRow& row) {
    return row.role == Role::current && row.state == State::active && row.quarantine.empty() &&
           row.refresh_token.has_value();
}

bool is_due(const GrantRow& row, const DueBy& when) {
    if (!may_be_refreshed(row)) return false;
    if (when.received_before && row.access_received_at < *when.received_before) return true;
    return when.expires_before && row.access_expires_at &&
           *row.access_expires_at < *when.expires_before;
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
