#include <algorithm>
#include <utility>

#include "refresh/refresher_impl.h"

// After the answer: write it down until it is written down, then tell.

namespace latchkey {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds pause_first{100};
constexpr milliseconds pause_most{5000};

const char* outcome_name(const Settlement::Kind kind) {
    switch (kind) {
        case Settlement::Kind::rotated:
            return "rotated";
        case Settlement::Kind::access_only:
            return "access_only";
        case Settlement::Kind::not_consumed:
            return "not_consumed";
        case Settlement::Kind::dead:
            return "dead";
        case Settlement::Kind::unknown:
            break;
    }
    return "unknown";
}

/// The access token of an answer that the journal has and the row has not got yet.
AccessToken journalled_token(const Claim& claim, const FreshTokens& fresh) {
    AccessToken token;
    token.token = fresh.access_token;
    token.instance_url =
        fresh.instance_url.empty() ? claim.grant.row.instance_url : fresh.instance_url;
    token.generation = claim.grant.row.generation.next();
    token.received_at = fresh.received_at;
    token.expires_at = fresh.expires_at;
    return token;
}

bool may_be_repeated(const Error& error) {
    return error.fault == Fault::try_later || error.fault == Fault::outcome_unknown;
}

}  // namespace

/// Repeats until the outcome is known: settling is idempotent, and an answer is unique for its
/// generation. Each pause is bounded; the end is the store's return or the process's stop, after
/// which the journal has the answer for the next start.
Async<Refresher::Impl::Outcome> Refresher::Impl::settle_until_known(WorkPtr work,
                                                                    Settling settling) {
    milliseconds pause = pause_first;
    for (;;) {
        Grant stored;
        const auto asked = parts.clock.steady();
        auto failed = co_await settle_once(&settling, &stored);
        if (!failed) {
            auto outcome = co_await settled(work, std::move(settling), std::move(stored), asked);
            co_return outcome;
        }
        // A fail-over may have set the row back behind what the attempt saw. The answer is still the
        // newest there is: it goes in as a recovered one does, and Salesforce is asked.
        if (failed->code == "settle_conflict" && settling.fresh && settling.fresh->confirmed) {
            settling.fresh->confirmed = false;
            settling.plan.confirmed = false;
            continue;
        }
        if (failed->code == "settle_conflict") {
            auto outcome = co_await overtaken(std::move(settling));
            co_return outcome;
        }
        if (!may_be_repeated(*failed)) {
            say(Level::error, "refresh_not_settled", settling.claim.grant.row, failed->code);
            co_return std::move(*failed);
        }
        // Nobody has to wait for the database: what the journal holds is safe to hand out, and
        // a failure is a failure. Quarantined or unconfirmed tokens wait for their row.
        const auto& fresh = settling.fresh;
        const auto& row = settling.claim.grant.row;
        if (fresh && settling.number && fresh->confirmed && fresh->quarantine.empty()) {
            if (!work->given()) say(Level::warning, "refresh_journalled", row, failed->code);
            give(*work, row.key.connection, journalled_token(settling.claim, *fresh));
            memory.forget(row.key.connection);
        } else if (!fresh) {
            work->answer(settling.plan.error);
        }
        co_await wait_for(stopping, parts.clock, parts.clock.steady() + pause);
        if (stopping->is_set()) co_return std::move(*failed);
        pause = std::min(pause * 2, pause_most);
    }
}

/// One try; nullopt if it was stored.
Async<std::optional<Error>> Refresher::Impl::settle_once(Settling* settling, Grant* stored) {
    // An answer that found the journal closed gets another chance with each turn.
    if (settling->fresh && !settling->number) {
        auto noted = co_await parts.vault.note(settling->claim, settling->packed, store_time());
        if (noted) {
            settling->number = *noted;
            settling->packed = Secret{};
            settling->room = JournalRoom{};
        }
    }
    if (settling->fresh) {
        auto kept = co_await parts.vault.keep(settling->claim, *settling->fresh, store_time());
        if (!kept) co_return kept.error();
        *stored = std::move(*kept);
        co_return std::nullopt;
    }
    auto row = co_await parts.vault.settle(settling->claim, settling->plan.kind,
                                           settling->plan.reason, store_time());
    if (!row) co_return row.error();
    stored->row = *row;
    co_return std::nullopt;
}

Async<Refresher::Impl::Outcome> Refresher::Impl::settled(WorkPtr work, Settling settling,
                                                         Grant stored, SteadyTime asked) {
    const auto& row = stored.row;
    const auto who = row.key.connection;
    parts.stops.reached("CP20");
    learn(settling, row);
    report(settling, row);

    Outcome outcome{std::optional<AccessToken>{}};
    const auto now = parts.clock.wall();
    if (settling.fresh && row.role == Role::current &&
        protocol::still_serves(row, TokenDemand{}, now)) {
        auto token = access_token_of(stored);
        memory.remember(who, token, asked);
        parts.stops.reached("CP21");
        give(*work, who, std::move(token));
    } else {
        memory.forget(who);
        const auto decision = protocol::decide(row, TokenDemand{}, false, now);
        if (!settling.plan.error.code.empty()) {
            outcome = settling.plan.error;
        } else if (decision.step == protocol::Step::refuse && row.role == Role::current) {
            outcome = decision.error;
        }
    }
    parts.stops.reached("CP22");
    if (settling.number) {
        parts.stops.reached("CP23");
        auto closed = co_await parts.journal.close(*settling.number, store_time());
        // An open record of a confirmed row is found, and closed, at the next start.
        if (!closed) say(Level::warning, "journal_not_closed", row, closed.error().code);
    }
    co_return outcome;
}

/// The row has moved on: a new consent, a revocation, or a take-over that was resolved. What the
/// record holds is of no use to this row any more, but it stays in the journal for its 14 days.
Async<Refresher::Impl::Outcome> Refresher::Impl::overtaken(Settling settling) {
    const auto& seen = settling.claim.grant.row;
    memory.forget(seen.key.connection);
    say(Level::warning, "refresh_overtaken", seen, outcome_name(settling.plan.kind));
    count_attempt(seen, "overtaken", settling.plan.reason);
    if (settling.number) {
        auto closed = co_await parts.journal.close(*settling.number, store_time());
        if (!closed) say(Level::warning, "journal_not_closed", seen, closed.error().code);
    }
    if (!settling.plan.error.code.empty()) co_return settling.plan.error;
    co_return std::optional<AccessToken>{};
}

/// What the next attempts have to know: pauses, circuits, the budget, and rows in doubt.
void Refresher::Impl::learn(const Settling& settling, const GrantRow& row) {
    const auto who = row.key.connection;
    const auto now = parts.clock.steady();
    const auto& plan = settling.plan;
    const bool issued = settling.fresh.has_value();
    if (issued) pacing.rotated(who, now);
    if (issued || plan.kind == Settlement::Kind::dead) {
        pacing.release(who);
        for (const auto& key : {row.provider.text, org_circuit_of(row)})
            if (pacing.circuit_worked(key)) circuit_closed(row, key);
    }
    if (plan.blame != protocol::Blame::nobody) {
        const auto key =
            plan.blame == protocol::Blame::provider ? row.provider.text : org_circuit_of(row);
        if (plan.blame == protocol::Blame::connection) {
            pacing.hold(who, plan.error, now);
        } else if (pacing.circuit_failed(key, plan.error, now)) {
            circuit_opened(row, key);
        }
    }
    if (protocol::strains(plan)) {
        strain(row, protocol::strained_error(plan));
    } else {
        pacing.answered(row.provider.text);
        pacing.answered(org_circuit_of(row));
    }
    if (row.state == State::uncertain) watch(row);
}

/// No service. Where that becomes a habit, the org or the whole provider is left alone.
void Refresher::Impl::strain(const GrantRow& row, const Error& why) {
    const auto now = parts.clock.steady();
    const auto org = org_circuit_of(row);
    if (pacing.org_strained(org, why, now)) circuit_opened(row, org);
    if (pacing.provider_strained(row.provider.text, row.org_id, why, now))
        circuit_opened(row, row.provider.text);
}

void Refresher::Impl::circuit_opened(const GrantRow& row, const std::string& key) {
    gates.shut(key);
    say(Level::error, "refresh_circuit_opened", row, key);
}

void Refresher::Impl::circuit_closed(const GrantRow& row, const std::string& key) {
    gates.reopen(key);
    say(Level::info, "refresh_circuit_closed", row, key);
}

void Refresher::Impl::report(const Settling& settling, const GrantRow& row) {
    const auto kind = settling.plan.kind;
    const bool calm = settling.fresh && row.state == State::active;
    count_attempt(row, outcome_name(kind), settling.plan.reason);
    parts.meter.took("refresh_seconds", {Label{"provider", row.provider.text}},
                     parts.clock.steady() - settling.issued);
    say(calm ? Level::info : Level::warning, "refresh_settled", row, outcome_name(kind));
    if (row.state == State::reauth_required)
        say(Level::warning, "connection_reauth_required", row, outcome_name(kind));
    if (!row.quarantine.empty() && settling.fresh && !settling.fresh->quarantine.empty())
        say(Level::error, "connection_quarantined", row, outcome_name(kind));
    if (settling.fresh && settling.claim.grant.row.scopes != row.scopes)
        say(Level::warning, "connection_scopes_changed", row, outcome_name(kind));
}

}  // namespace latchkey
