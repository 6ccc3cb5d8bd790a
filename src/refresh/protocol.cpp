#include "refresh/protocol.h"

#include <utility>

#include "store/timeline_order.h"

namespace latchkey::protocol {
namespace {

Error quarantined(const GrantRow& row) {
    return {
        Fault::conflict, "quarantined",
        "The connection is quarantined (" + row.quarantine +
            "): its tokens are kept, but nothing is handed out. An operator has to look at it."};
}

Error revoked() {
    return {Fault::conflict, "connection_revoked",
            "The connection is revoked. Connect the user again if it is still wanted."};
}

Error reauth_required(const std::string& reason) {
    return {Fault::reauthorize, "reauth_required",
            "Salesforce will not renew this connection (" +
                (reason.empty() ? std::string{"no reason kept"} : reason) +
                "). Let the user connect again."};
}

Error refresh_in_progress() {
    return {Fault::try_later, "refresh_in_progress",
            "A refresh of this connection is under way. Ask again in a moment."};
}

Error rotation_uncertain() {
    return {Fault::try_later, "rotation_uncertain",
            "The outcome of the last refresh is being found out. Ask again later."};
}

Error upstream_unavailable(const Error& cause) {
    Error error{Fault::try_later, "upstream_unavailable",
                "Salesforce could not be reached and nothing was sent. Ask again later.",
                cause.remote_text};
    error.retry_after = cause.retry_after;
    return error;
}

bool refused(const GrantRow& row, const TokenDemand& demand) {
    return !row.access_token || (demand.newer_than && row.generation <= *demand.newer_than);
}

bool over(const GrantRow& row, WallTime now) {
    return row.access_expires_at && *row.access_expires_at <= now;
}

bool soon_over(const GrantRow& row, const TokenDemand& demand, WallTime now) {
    return row.access_expires_at && *row.access_expires_at - now < demand.valid_for;
}

/// A client that Salesforce does not know is everybody's trouble; a locked org is that org's; an
/// address or login hours are one user's. Whoever is not to blame goes on working.
Blame blame_of(const Error& error) {
    if (error.fault != Fault::misconfigured) return Blame::connection;
    if (error.code.starts_with("invalid_client") || error.code == "unauthorized_client" ||
        error.code == "unsupported_grant_type")
        return Blame::provider;
    if (error.code.find("org") != std::string::npos) return Blame::org;
    return Blame::connection;
}

Plan unknown(std::string reason, bool again) {
    Plan plan;
    plan.kind = Settlement::Kind::unknown;
    plan.reason = again ? second_use : std::move(reason);
    plan.error = rotation_uncertain();
    return plan;
}

Plan not_consumed(const Error& why, Error told, bool again) {
    Plan plan;
    // The second request spent nothing, but the first one's fate is as unknown as before.
    plan.kind = again ? Settlement::Kind::unknown : Settlement::Kind::not_consumed;
    plan.reason = why.code;
    plan.blame = blame_of(why);
    plan.error = std::move(told);
    return plan;
}

}  // namespace

TokenDemand clamped(TokenDemand demand, const GrantRow& row) {
    if (demand.newer_than && *demand.newer_than > row.generation)
        demand.newer_than = row.generation;
    return demand;
}

bool still_serves(const GrantRow& row, const TokenDemand& demand, WallTime now) {
    if (!row.quarantine.empty() || refused(row, demand) || over(row, now)) return false;
    return row.state == State::active || row.state == State::in_flight ||
           row.state == State::uncertain;
}

Decision decide(const GrantRow& row, const TokenDemand& demand, bool suspect, WallTime now) {
    if (!row.quarantine.empty()) return {Step::refuse, quarantined(row)};
    const bool usable = still_serves(row, demand, now);
    switch (row.state) {
        case State::revoking:
        case State::revoked:
            return {Step::refuse, revoked()};
        case State::reauth_required:
            return {Step::refuse, reauth_required(row.reason)};
        case State::in_flight:
            if (usable) return {Step::serve, {}};
            return {Step::wait, refresh_in_progress()};
        case State::uncertain:
            if (usable) return {Step::serve, {}};
            return {Step::wait, rotation_uncertain()};
        case State::active:
            break;
    }
    if (usable && !soon_over(row, demand, now)) return {Step::serve, {}};
    if (!row.refresh_token) {
        if (usable) return {Step::serve, {}};
        return {Step::give_up, reauth_required("no_refresh_token")};
    }
    return {suspect ? Step::confirm : Step::refresh, {}};
}

Plan plan_for(const RefreshVerdict& verdict, const Secret& sent, bool again) {
    using Kind = RefreshVerdict::Kind;
    switch (verdict.kind) {
        case Kind::issued:
        case Kind::salvaged: {
            const auto& next = verdict.answer.refresh_token;
            Plan plan;
            // A token that comes back unchanged was not rotated: nothing has been consumed.
            const bool rotated = next && !next->same_as(sent);
            plan.kind = rotated ? Settlement::Kind::rotated : Settlement::Kind::access_only;
            plan.keeps_tokens = true;
            plan.confirmed = verdict.kind == Kind::issued;
            if (!plan.confirmed) {
                plan.reason = "answer_cut";
                plan.error = rotation_uncertain();
            }
            return plan;
        }
        case Kind::not_consumed:
            return not_consumed(verdict.error, verdict.error, again);
        case Kind::busy:
            return unknown(verdict.error.code, again);
        case Kind::dead: {
            Plan plan;
            plan.kind = Settlement::Kind::dead;
            plan.reason = verdict.error.code;
            plan.error = reauth_required(plan.reason);
            plan.error.remote_text = verdict.error.remote_text;
            return plan;
        }
        case Kind::unknown:
            break;
    }
    return unknown(verdict.error.code, again);
}

Plan plan_for(const Error& transport, bool again) {
    if (transport.fault == Fault::try_later)
        return not_consumed(transport, upstream_unavailable(transport), again);
    return unknown(transport.code, again);
}

std::string ending_reason(const std::string& code, const Ending& ending) {
    if (code != "token_expired") return code;
    if (ending.newer >= approvals_kept) return "approval_limit";
    return ending.unasked && ending.rotates ? used_elsewhere : code;
}

std::optional<Error> put_back(const Timeline& present, const JournalRecord& record, bool lacking) {
    const bool same = record.timeline == present && record.closed;
    if (!lies_behind(present, record.timeline) && !(same && lacking)) return std::nullopt;
    return Error{Fault::misconfigured, "store_put_back",
                 "The store is older than this node's journal: a backup was put back. No refresh "
                 "begins before it is marked as restored. Stop, then run: latchkey restore --mark"};
}

bool strains(const Plan& plan) {
    if (plan.kind == Settlement::Kind::unknown)
        return plan.reason != "already_processing" && plan.reason != second_use;
    if (plan.kind != Settlement::Kind::not_consumed || plan.blame != Blame::connection)
        return false;
    // Our own lateness is no fault of theirs; an address that is not let in is the node's trouble,
    // not the connection's, once it is every connection's.
    if (plan.reason == "not_sent") return false;
    return plan.error.fault == Fault::try_later || plan.reason == "ip_restricted";
}

Error strained_error(const Plan& plan) {
    if (plan.kind == Settlement::Kind::not_consumed) return plan.error;
    return {Fault::try_later, "upstream_unavailable",
            "Salesforce does not answer token requests as it should, so it is left alone for a "
            "while. Ask again later."};
}

bool cannot_ask(const Error& error) {
    return error.fault == Fault::misconfigured;
}

Conclusion conclude(const Result<bool>& alive, const GrantRow& row, const Doubt& doubt,
                    const ProtocolTimes& times) {
    if (!row.refresh_token) return {Finding::spent, "no_refresh_token"};
    if (alive.has_value()) {
        if (*alive) return {Finding::works, {}};
        // That request spent nothing, and nobody here had another one under way.
        return {Finding::spent, row.reason == already_processing ? used_elsewhere : answer_lost};
    }
    if (!cannot_ask(alive.error())) return {Finding::stay, row.reason};
    if (doubt.policy == UncertainPolicy::reauth || row.reason == second_use)
        return {Finding::spent, answer_lost};
    // Until the last access token is refused there is nothing to win by a second use.
    if (!doubt.access_refused || doubt.age < times.second_use_after)
        return {Finding::stay, row.reason};
    // A reuse may cost every grant of this user and client, so not where another one lives.
    if (doubt.others_live) return {Finding::spent, answer_lost};
    return {Finding::use_again, second_use};
}

std::string interrupted_reason(const GrantRow& row) {
    return row.reason == second_use ? row.reason : "interrupted";
}

Recovery recovery_of(const JournalRecord& record, const GrantRow& row,
                     const RefreshVerdict& verdict, const std::optional<Secret>& kept) {
    using Kind = RefreshVerdict::Kind;
    if (!record.flow.empty()) return Recovery::skip;
    if (row.key.epoch != record.key.epoch || row.grant_generation > record.grant_generation)
        return Recovery::close;
    // The database forgot the consent that the attempt was of, and a later one has its epoch.
    if (!record.timeline.empty() && lies_behind(record.timeline, row.timeline))
        return Recovery::close;
    const bool tokens = verdict.kind == Kind::issued || verdict.kind == Kind::salvaged;
    const auto& next = verdict.answer.refresh_token;
    const bool repeated =
        next && kept && row.grant_generation == record.grant_generation && next->same_as(*kept);
    if (tokens && next && !repeated) return Recovery::apply;
    if (row.generation > record.generation) return Recovery::close;
    if (tokens) return Recovery::apply;
    const bool doubted = row.state == State::uncertain && row.attempt == record.attempt;
    return verdict.kind == Kind::dead && doubted ? Recovery::give_up : Recovery::close;
}

}  // namespace latchkey::protocol
