#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "refresh/answer_room.h"
#include "refresh/refresher_impl.h"

// One attempt, in the protocol's order: re-read, prepare, claim, send once, journal, settle. Each
// line may fail, and each failure leaves a state that the next caller, or the next process, can
// tell from every other.

namespace latchkey {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int rounds_most = 5;
constexpr milliseconds conflict_pause{50};

class SlotHeld {
public:
    explicit SlotHeld(Slots& slots) : slots_(slots) {}
    SlotHeld(const SlotHeld&) = delete;
    SlotHeld& operator=(const SlotHeld&) = delete;
    ~SlotHeld() { slots_.give_back(); }

private:
    Slots& slots_;
};

class ShareHeld {
public:
    ShareHeld(Shares& shares, std::string key) : shares_(shares), key_(std::move(key)) {}
    ShareHeld(const ShareHeld&) = delete;
    ShareHeld& operator=(const ShareHeld&) = delete;
    ~ShareHeld() { shares_.give_back(key_); }

private:
    Shares& shares_;
    std::string key_;
};

/// Says which attempt of a connection this process is making, for as long as it does.
class Named {
public:
    Named(std::unordered_map<ConnectionId, AttemptId>& all, const GrantRow& row)
        : all_(all), who_(row.key.connection) {
        all_[who_] = row.attempt;
    }
    Named(const Named&) = delete;
    Named& operator=(const Named&) = delete;
    ~Named() { all_.erase(who_); }

private:
    std::unordered_map<ConnectionId, AttemptId>& all_;
    ConnectionId who_;
};

/// A probe of a circuit that ends without a verdict lets the next attempt probe.
class Probes {
public:
    explicit Probes(Pacing& pacing) : pacing_(pacing) {}
    Probes(const Probes&) = delete;
    Probes& operator=(const Probes&) = delete;
    ~Probes() {
        for (const auto& key : keys_) pacing_.circuit_idle(key);
    }
    std::optional<Error> pass(const std::string& key, SteadyTime now) {
        const auto probe = pacing_.circuit(key, now);
        if (!probe) return probe.error();
        if (*probe) keys_.push_back(key);
        return std::nullopt;
    }

private:
    Pacing& pacing_;
    std::vector<std::string> keys_;
};

Error shutting_down() {
    Error error{Fault::try_later, "refresh_in_progress",
                "This process is stopping and begins no refresh. Ask again in a moment."};
    error.retry_after = seconds{1};
    return error;
}

}  // namespace

Refresher::Impl::WorkPtr Refresher::Impl::start_refresh(const ConnectionId& who, Cause cause) {
    if (stopping->is_set()) return nullptr;
    auto work = works.begin(who);
    if (!work) return nullptr;
    auto self = shared_from_this();
    boost::asio::co_spawn(parts.loop, work_refresh(self, work, who, cause),
                          [self, work, who](std::exception_ptr failed) {
                              if (failed) {
                                  work->answer(Error{Fault::internal, "refresh_failed",
                                                     "A refresh ended unexpectedly. Report it."});
                                  self->parts.log.write(Level::error, "refresh_failed",
                                                        {Field{"connection", who.text}});
                              }
                              self->end(who);
                          });
    return work;
}

Async<void> Refresher::Impl::work_refresh([[maybe_unused]] std::shared_ptr<Impl> self, WorkPtr work,
                                          ConnectionId who, Cause cause) {
    parts.stops.reached("CP1");
    auto not_now = co_await wait_for_turn(cause);
    if (not_now) {
        work->answer(std::move(*not_now));
        co_return;
    }
    // The org's own first: whoever waits for that holds nothing that another org could use.
    co_await shares.take(cause.org_circuit);
    ShareHeld share{shares, cause.org_circuit};
    co_await slots.take();
    SlotHeld held{slots};
    auto outcome = co_await attempt(work, who, cause);
    if (!outcome) {
        work->answer(outcome.error());
    } else if (*outcome) {
        give(*work, who, std::move(**outcome));
    }
}

/// The pace of the provider and of the org. While Salesforce is left alone nobody stands in line.
Async<std::optional<Error>> Refresher::Impl::wait_for_turn(Cause cause) {
    const auto now = parts.clock.steady();
    for (const auto* key : {&cause.provider.text, &cause.org_circuit})
        if (auto open = pacing.circuit_open(*key, now)) co_return std::move(*open);
    const auto provider = parts.providers.find(cause.provider);
    // A provider that is not configured any more is told of by the attempt.
    const auto paces = Paces::of(provider ? provider->refreshes_per_second : 1);
    co_await gates.pass(cause.provider.text, cause.org_circuit, paces, cause.planned);
    co_return std::nullopt;
}

Async<Refresher::Impl::Outcome> Refresher::Impl::attempt(WorkPtr work, ConnectionId who,
                                                         Cause cause) {
    for (int round = 0; round < rounds_most; ++round) {
        if (stopping->is_set()) co_return shutting_down();
        auto sight = co_await look(who, cause.demand, store_time());
        if (!sight) co_return sight.error();
        auto seen = std::move(*sight);
        auto outcome = co_await attempt_once(work, std::move(seen), cause);
        if (outcome) co_return std::move(*outcome);
        // Somebody else was first. What they did shows in a moment.
        const auto until = parts.clock.steady() + conflict_pause * (round + 1);
        co_await wait_for(stopping, parts.clock, until);
    }
    Error error{Fault::try_later, "refresh_in_progress",
                "Another writer keeps changing this connection. Ask again in a moment."};
    error.retry_after = seconds{1};
    co_return error;
}

Async<std::optional<Refresher::Impl::Outcome>> Refresher::Impl::attempt_once(WorkPtr work,
                                                                             Sight sight,
                                                                             Cause cause) {
    const auto row = sight.grant.row;
    const auto step = sight.decision.step;
    if (step == protocol::Step::refresh || step == protocol::Step::confirm) {
        auto caught_up = co_await catch_up(sight.present);
        if (!caught_up) co_return Outcome{caught_up.error()};
        if (auto why = standstill()) co_return Outcome{std::move(*why)};
        if (*caught_up) co_return std::nullopt;
    }
    switch (step) {
        case protocol::Step::serve: {
            std::optional<AccessToken> token = access_token_of(sight.grant);
            co_return Outcome{std::move(token)};
        }
        case protocol::Step::refuse:
            co_return Outcome{sight.decision.error};
        case protocol::Step::wait: {
            // Another node's attempt: whoever waits here looks again, and waits for that one.
            std::optional<AccessToken> later;
            if (row.state == State::in_flight) co_return Outcome{std::move(later)};
            co_return Outcome{waiting(sight)};
        }
        case protocol::Step::give_up: {
            auto told = sight.decision.error;
            auto gone = co_await set_aside(row, State::reauth_required, "no_refresh_token", told);
            co_return std::move(gone);
        }
        case protocol::Step::confirm: {
            Error told{Fault::try_later, "rotation_uncertain",
                       "The database was put back; Salesforce is being asked about this "
                       "connection. Ask again later."};
            auto doubted = co_await set_aside(row, State::uncertain, suspect_reason, told);
            co_return std::move(doubted);
        }
        case protocol::Step::refresh:
            break;
    }
    const auto now = parts.clock.steady();
    if (auto wait = pacing.too_soon(row.key.connection, cause.refused, now)) {
        Error error{Fault::try_later, "rate_limited",
                    "This connection was refreshed less than a minute ago. Ask again later."};
        error.retry_after = *wait;
        co_return Outcome{std::move(error)};
    }
    if (auto held = pacing.held(row.key.connection, now)) co_return Outcome{std::move(*held)};
    Probes probes{pacing};
    if (auto open = probes.pass(row.provider.text, now)) co_return Outcome{std::move(*open)};
    if (auto open = probes.pass(org_circuit_of(row), now)) co_return Outcome{std::move(*open)};

    auto ready = co_await prepare(row);
    if (!ready) co_return Outcome{ready.error()};
    auto prepared = std::move(*ready);
    bool again = false;
    auto outcome =
        co_await claim_and_spend(work, std::move(sight), std::move(prepared), cause, &again);
    if (again) co_return std::nullopt;
    co_return std::move(outcome);
}

/// All that can fail without harm fails here, before anything is claimed. The node's own journal
/// needs no look: recover() applied what an earlier process left, and within this one a work ends
/// only when its answer is in the row.
Task<Refresher::Impl::Ready> Refresher::Impl::prepare(GrantRow row) {
    if (auto stopped = parts.switches.stops(row.provider)) co_return std::move(*stopped);
    auto provider = parts.providers.find(row.provider);
    if (!provider)
        co_return Error{Fault::misconfigured, "unknown_provider",
                        "The connection's provider is not configured any more. Configure it "
                        "again or revoke the connection."};
    auto login = protocol::login_of(*provider, row);
    if (!login) co_return Error{Fault::misconfigured, login.error().code, login.error().message};
    auto space = co_await parts.journal.reserve(answer_room, store_time());
    if (!space && space.error().fault == Fault::misconfigured) co_return space.error();
    if (!space)
        co_return Error{Fault::try_later, "storage_unavailable",
                        "There is no room to keep an answer, so nothing was sent (" +
                            space.error().code + "). Free some space."};
    parts.stops.reached("CP2");
    auto line =
        co_await parts.endpoint.connect(*provider, *login, parts.clock.in(parts.times.dial));
    if (!line) {
        const auto plan = protocol::plan_for(line.error(), false);
        const bool away = line.error().fault == Fault::try_later;
        Error told = away ? plan.error : line.error();
        pacing.hold(row.key.connection, told, parts.clock.steady());
        if (const auto pause = pacing.held(row.key.connection, parts.clock.steady())) told = *pause;
        if (away) strain(row, told);
        say(Level::warning, "refresh_not_sent", row, line.error().code);
        count_attempt(row, "not_sent", line.error().code);
        co_return told;
    }
    parts.stops.reached("CP3");
    co_return Ready{*provider, *login, std::move(*space), std::move(*line)};
}

Async<Refresher::Impl::Outcome> Refresher::Impl::claim_and_spend(WorkPtr work, Sight sight,
                                                                 Ready ready, Cause cause,
                                                                 bool* again) {
    // Read before the claim is issued: the time that its commit takes counts against the sending,
    // so that nobody who waits out the quiet period can meet a request that leaves late.
    const auto issued = parts.clock.steady();
    auto claim = co_await parts.vault.claim(sight.grant, store_time());
    if (claim) {
        parts.stops.reached("CP6");
        Spending how;
        how.unasked = !cause.refused;
        auto outcome = co_await spend(work, std::move(ready), std::move(*claim), issued, how);
        co_return outcome;
    }
    if (claim.error().code == "claim_conflict") {
        count_attempt(sight.grant.row, "claim_lost", {});
        *again = true;
        co_return std::optional<AccessToken>{};
    }
    count_attempt(sight.grant.row, "not_claimed", claim.error().code);
    // It may be noted or not. Either way nothing was sent, and nothing will be.
    if (claim.error().fault == Fault::outcome_unknown) {
        co_await undo_claim(std::move(sight.grant));
        co_return Error{Fault::try_later, "storage_unavailable",
                        "The store did not say whether it noted the attempt, so nothing was sent. "
                        "Ask again later."};
    }
    co_return claim.error();
}

Async<Refresher::Impl::Outcome> Refresher::Impl::spend(WorkPtr work, Ready ready, Claim claim,
                                                       SteadyTime issued, Spending how) {
    const auto send_before = issued + parts.times.send;
    const Named under_way{spending, claim.grant.row};
    parts.stops.reached("CP7");
    const auto sent = *claim.grant.refresh_token;
    const auto by = parts.clock.in(parts.times.send + parts.times.answer);
    auto raw = co_await ready.line.refresh(sent, send_before, by);

    Settling settling;
    settling.issued = issued;
    if (!raw) {
        ready.room = JournalRoom{};
        settling.plan = protocol::plan_for(raw.error(), how.again);
    } else {
        parts.stops.reached("CP13");
        settling.packed = raw->pack();
        settling.room = std::move(ready.room);
        // Before anybody parses it: until this is written, nobody else in the world knows the
        // next refresh token, and a parser's fault must not be able to lose it.
        auto noted = co_await parts.vault.note(claim, settling.packed, store_time());
        if (noted) {
            settling.number = *noted;
            settling.packed = Secret{};
            settling.room = JournalRoom{};
        }
        parts.stops.reached("CP16");
        const auto verdict = judge_refresh(*raw);
        settling.plan = protocol::plan_for(verdict, sent, how.again);
        if (settling.plan.kind == Settlement::Kind::dead)
            settling.plan.reason = co_await ending_of(claim.grant.row, settling.plan.reason, how);
        if (settling.plan.keeps_tokens)
            settling.fresh = protocol::fresh_from(verdict, claim.grant.row, ready.provider,
                                                  ready.login, parts.clock.wall());
        parts.stops.reached("CP17");
    }
    settling.claim = std::move(claim);
    auto outcome = co_await settle_until_known(work, std::move(settling));
    // It may have been stored on the former history just before that ended.
    if (passed_over) {
        passed_over = false;
        look_back = true;
        look_back_due = parts.clock.steady();
    }
    co_return outcome;
}

/// What may have ended a grant, as far as it can be told from here.
Async<std::string> Refresher::Impl::ending_of(GrantRow row, std::string code, Spending how) {
    protocol::Ending ending;
    ending.unasked = how.unasked;
    ending.rotates = row.rotation_seen;
    auto all = co_await parts.store.connections().of_salesforce_user(row.provider, row.org_id,
                                                                     row.user_id, store_time());
    if (all) {
        const auto own = std::find_if(all->begin(), all->end(), [&](const Connection& one) {
            return one.id == row.key.connection;
        });
        const auto since = own == all->end() ? WallTime{} : own->connected_at;
        ending.newer = static_cast<std::size_t>(
            std::count_if(all->begin(), all->end(), [&](const Connection& one) {
                return one.id != row.key.connection && one.connected_at >= since &&
                       one.standing != Standing::reauth_required;
            }));
    }
    co_return protocol::ending_reason(code, ending);
}

/// After a claim whose commit has no known outcome: takes back what may have been noted. What this
/// cannot reach is found by the take-over, after everybody's deadlines.
Async<void> Refresher::Impl::undo_claim(Grant seen) {
    for (int i = 0; i < rounds_most; ++i) {
        auto row = co_await parts.store.grants().find(seen.row.key, store_time());
        if (row) {
            const bool ours = row->state == State::in_flight &&
                              row->attempt_node == parts.journal.node() &&
                              row->attempt != seen.row.attempt;
            if (!ours) co_return;
            Claim claim;
            claim.grant = seen;
            claim.grant.row = *row;
            auto undone = co_await parts.vault.settle(claim, Settlement::Kind::not_consumed,
                                                      "claim_unknown", store_time());
            if (undone || undone.error().fault == Fault::conflict) co_return;
        }
        co_await wait_for(stopping, parts.clock, parts.clock.steady() + conflict_pause * (1 << i));
        if (stopping->is_set()) co_return;
    }
}

/// Moves an ACTIVE row that may not be refreshed as it stands.
Async<Refresher::Impl::Outcome> Refresher::Impl::set_aside(GrantRow row, State to,
                                                           std::string reason, Error told) {
    Move change;
    change.key = row.key;
    change.grant_generation = row.grant_generation;
    change.from = State::active;
    change.attempt = row.attempt;
    change.to = to;
    change.reason = std::move(reason);
    auto moved = co_await parts.store.grants().move(change, store_time());
    if (!moved && moved.error().code == "move_conflict") co_return std::optional<AccessToken>{};
    if (!moved) co_return moved.error();
    if (to == State::uncertain) {
        watch(*moved);
        say(Level::info, "connection_suspect", *moved, name(to));
    } else {
        memory.forget(row.key.connection);
        say(Level::warning, "connection_reauth_required", *moved, name(to));
    }
    co_return told;
}

}  // namespace latchkey
