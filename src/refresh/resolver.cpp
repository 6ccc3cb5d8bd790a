#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "refresh/refresher_impl.h"

// Rows in doubt: wait until nothing can be under way any more, then ask Salesforce.

namespace latchkey {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t page = 200;
constexpr int pages_most = 100000;
/// Resolutions under way at once; the others are due again at the next scan.
constexpr std::size_t resolving_most = 32;
/// Beyond the send deadline, the answer and the quiet period: clocks that run a little apart.
constexpr milliseconds take_over_margin{3000};
/// Closed records of the journal stay this long: an older copy of the store that is put back may
/// still need them. So do events, whether anybody has read them or not.
constexpr std::chrono::days records_kept{14};
constexpr std::chrono::hours prune_every{1};

}  // namespace

Async<void> Refresher::Impl::run([[maybe_unused]] std::shared_ptr<Impl> self) {
    auto prune_due = parts.clock.steady();
    while (!stopping->is_set()) {
        ++scans;
        co_await keep_up();
        co_await sweep_suspects();
        co_await scan(State::uncertain);
        co_await scan(State::in_flight);
        const auto now = parts.clock.steady();
        memory.prune(now);
        pacing.prune(now);
        gates.prune();
        if (now >= prune_due) {
            const auto before = parts.clock.wall() - records_kept;
            auto pruned = co_await parts.journal.prune(before, store_time());
            auto told = co_await parts.store.events().prune(before, store_time());
            // A store that is away is asked again at the next scan.
            if (pruned && told) prune_due = now + prune_every;
        }
        co_await wait_for(stopping, parts.clock, now + parts.times.resolve_every);
    }
}

Async<void> Refresher::Impl::scan(State state) {
    GrantKey after;
    for (int i = 0; i < pages_most && !stopping->is_set(); ++i) {
        auto rows = co_await parts.store.grants().in_state(state, after, page, store_time());
        // The store is away: nothing is known, so nothing is forgotten either.
        if (!rows) co_return;
        for (const auto& row : *rows) {
            after = row.key;
            if (row.role == Role::current) consider(row);
        }
        if (rows->size() < page) break;
    }
    std::erase_if(watches, [&](const auto& entry) {
        return entry.second.state == state && entry.second.scan + 1 < scans;
    });
}

void Refresher::Impl::consider(const GrantRow& row) {
    auto& seen = watch(row);
    const auto now = parts.clock.steady();
    const auto& times = parts.times;
    auto due = seen.since + times.quiet;
    // Who notes that it is finding out has waited. If that was an earlier process of this node, nobody
    // is at it any more, and no fail-over since then can have hidden a later claim.
    if (is_own(row.resolver) && row.timeline == seen.on) due = seen.since;
    if (row.state == State::in_flight) due += times.send + times.answer + take_over_margin;
    // A claim may be what the other history has lost, and its request then not sent yet.
    if (row.timeline != seen.on) due += times.send;
    if (!row.resolver.empty() && !is_own(row.resolver)) {
        // Another node is finding out. That it is silent has to be seen from here, too.
        if (seen.resolver != row.resolver) {
            seen.resolver = row.resolver;
            seen.resolver_since = now;
        }
        due = std::max(due, seen.resolver_since + times.resolver_silent);
    }
    if (now < std::max(due, seen.next) || resolving >= resolving_most) return;
    // On a standstill nothing is found out either: what the rows say may be old.
    if (stopping->is_set() || standstill()) return;
    auto work = works.begin(row.key.connection);
    if (!work) return;
    ++resolving;
    auto self = shared_from_this();
    const auto who = row.key.connection;
    boost::asio::co_spawn(parts.loop, work_resolve(self, work, row),
                          [self, who](std::exception_ptr failed) {
                              --self->resolving;
                              if (failed)
                                  self->parts.log.write(Level::error, "resolution_failed",
                                                        {Field{"connection", who.text}});
                              self->end(who);
                          });
}

Async<void> Refresher::Impl::work_resolve([[maybe_unused]] std::shared_ptr<Impl> self, WorkPtr work,
                                          GrantRow row) {
    Outcome outcome{std::optional<AccessToken>{}};
    if (row.state == State::in_flight) {
        outcome = co_await take_over(row);
    } else {
        outcome = co_await resolve(work, row);
    }
    if (!outcome) {
        work->answer(outcome.error());
    } else if (*outcome) {
        give(*work, row.key.connection, std::move(**outcome));
    }
}

/// An attempt whose owner has been silent for longer than any request lives: an earlier process
/// of another node, or a claim whose commit came after everybody had given it up.
Async<Refresher::Impl::Outcome> Refresher::Impl::take_over(GrantRow row) {
    Move change;
    change.key = row.key;
    change.grant_generation = row.grant_generation;
    change.from = State::in_flight;
    change.attempt = row.attempt;
    change.to = State::uncertain;
    change.reason = protocol::interrupted_reason(row);
    auto moved = co_await parts.store.grants().move(change, store_time());
    if (moved) {
        watch(*moved);
        say(Level::warning, "refresh_taken_over", *moved, "uncertain");
        parts.meter.count("refresh_takeovers_total", {Label{"provider", row.provider.text}});
    }
    co_return std::optional<AccessToken>{};
}

Async<Refresher::Impl::Outcome> Refresher::Impl::resolve(WorkPtr work, GrantRow row) {
    auto& seen = watch(row);
    const auto doubted = seen.since;
    seen.pause = seen.pause.count() == 0
                     ? parts.times.resolve_backoff
                     : std::min(seen.pause * 2, parts.times.resolve_backoff_most);
    seen.next = parts.clock.steady() + seen.pause;
    protocol::Doubt doubt;
    doubt.age = std::chrono::duration_cast<milliseconds>(parts.clock.steady() - seen.since);
    doubt.access_refused = seen.access_refused;

    auto grant = co_await open(row.key.connection, store_time());
    if (!grant) co_return grant.error();
    // Somebody else has resolved it, or the user has connected anew.
    if (!(grant->row.key == row.key) || grant->row.state != State::uncertain ||
        grant->row.attempt != row.attempt)
        co_return std::optional<AccessToken>{};
    auto provider = parts.providers.find(row.provider);
    if (!provider)
        co_return Error{Fault::misconfigured, "unknown_provider",
                        "The connection's provider is not configured any more. Configure it "
                        "again or revoke the connection."};
    auto login = protocol::login_of(*provider, row);
    if (!login) co_return Error{Fault::misconfigured, login.error().code, login.error().message};

    Resolving wish;
    wish.key = row.key;
    wish.grant_generation = grant->row.grant_generation;
    wish.attempt = row.attempt;
    wish.seen = row.resolver;
    wish.mine = own_resolver();
    auto taken = co_await parts.store.grants().take_resolution(wish, store_time());
    // Another node has it, or whether this one has is not known: the next turn sees.
    if (!taken) co_return std::optional<AccessToken>{};
    grant->row = *taken;

    // What Salesforce says is true of this row only on the history on which it is asked, and only if
    // whatever another history may have lost has come to rest by now.
    auto present = co_await read_timeline(store_time());
    if (!present) co_return present.error();
    if (watch(*taken).since > doubted) co_return std::optional<AccessToken>{};

    Result<bool> alive{false};
    if (grant->refresh_token && !provider->introspection_trusted) {
        alive = Error{Fault::misconfigured, "introspection_untrusted",
                      "What introspection says of this client's tokens is not believed."};
    } else if (grant->refresh_token) {
        parts.stops.reached("CP27");
        const auto by = parts.clock.in(parts.times.dial + parts.times.answer);
        auto said =
            co_await parts.endpoint.introspect(*provider, *login, *grant->refresh_token, by);
        if (said) {
            alive = said->active;
        } else {
            alive = said.error();
        }
    }
    parts.stops.reached("CP28");
    doubt.policy = provider->uncertain;
    if (!alive && protocol::cannot_ask(alive.error())) {
        auto others = co_await others_live(row);
        // A store that is away for a moment must not end a grant: the next turn asks again.
        if (!others) co_return others.error();
        doubt.others_live = *others;
    }
    const auto conclusion = protocol::conclude(alive, grant->row, doubt, parts.times);
    if (conclusion.finding == protocol::Finding::use_again) {
        auto outcome = co_await use_again(work, std::move(*grant), std::move(*present));
        co_return outcome;
    }
    auto outcome = co_await store_finding(grant->row, conclusion, std::move(*present));
    co_return outcome;
}

Async<Refresher::Impl::Outcome> Refresher::Impl::store_finding(GrantRow row,
                                                               protocol::Conclusion conclusion,
                                                               Timeline asked_on) {
    if (conclusion.finding == protocol::Finding::stay) co_return std::optional<AccessToken>{};
    const bool works_again = conclusion.finding == protocol::Finding::works;
    Move change;
    change.key = row.key;
    change.grant_generation = row.grant_generation;
    change.from = State::uncertain;
    change.attempt = row.attempt;
    change.resolver = row.resolver;
    change.to = works_again ? State::active : State::reauth_required;
    change.reason = conclusion.reason;
    if (works_again) change.confirmed_on = std::move(asked_on);
    auto moved = co_await parts.store.grants().move(change, store_time());
    // Not stored, or not known to be: the next turn asks again and comes to the same verdict.
    if (!moved) co_return std::optional<AccessToken>{};
    parts.stops.reached("CP29");
    const auto since = watch(row).since;
    watches.erase(row.key.connection);
    const Label provider{"provider", row.provider.text};
    const Label finding{"finding", works_again ? "works" : "spent"};
    parts.meter.count("resolutions_total", {provider, finding});
    parts.meter.took("resolution_seconds", {provider}, parts.clock.steady() - since);
    if (works_again) {
        say(Level::info, "connection_resolved", *moved, "works");
    } else {
        memory.forget(row.key.connection);
        say(Level::warning, "connection_reauth_required", *moved, "spent");
    }
    co_return std::optional<AccessToken>{};
}

/// The recorded last resort. The record is the move to IN_FLIGHT with its reason: durable before
/// the request leaves, and it counts as used even if the process dies before the first byte.
Async<Refresher::Impl::Outcome> Refresher::Impl::use_again(WorkPtr work, Grant grant,
                                                           Timeline asked_on) {
    auto ready = co_await prepare(grant.row);
    if (!ready) co_return ready.error();
    auto prepared = std::move(*ready);
    const auto issued = parts.clock.steady();
    Move change;
    change.key = grant.row.key;
    change.grant_generation = grant.row.grant_generation;
    change.from = State::uncertain;
    change.attempt = grant.row.attempt;
    change.resolver = grant.row.resolver;
    change.to = State::in_flight;
    change.reason = protocol::second_use;
    change.confirmed_on = std::move(asked_on);
    auto moved = co_await parts.store.grants().move(change, store_time());
    if (!moved) co_return std::optional<AccessToken>{};
    say(Level::warning, "second_use", *moved, "recorded");
    parts.meter.count("second_uses_total", {Label{"provider", moved->provider.text}});
    parts.stops.reached("CP30");
    Claim claim;
    claim.grant = std::move(grant);
    claim.grant.row = *moved;
    Spending how;
    how.again = true;
    auto outcome = co_await spend(work, std::move(prepared), std::move(claim), issued, how);
    co_return outcome;
}

/// A reuse may cost all grants of this user and client. What cannot be told counts as yes.
Task<bool> Refresher::Impl::others_live(GrantRow row) {
    if (row.org_id.empty() || row.user_id.empty()) co_return true;
    auto all = co_await parts.store.connections().of_salesforce_user(row.provider, row.org_id,
                                                                     row.user_id, store_time());
    if (!all) co_return all.error();
    co_return std::any_of(all->begin(), all->end(), [&](const Connection& other) {
        return other.id != row.key.connection && other.standing != Standing::reauth_required;
    });
}

/// Who finds out says on which node, so that the next process there knows that this one is dead.
ResolverId Refresher::Impl::own_resolver() {
    return ResolverId{parts.journal.node().text + "/" + random_hex128(parts.random)};
}

/// Of this process or of an earlier one with its name, which is dead. Within a process a connection
/// has one work at a time, and a verdict that comes late does not fit the row any more.
bool Refresher::Impl::is_own(const ResolverId& resolver) const {
    const auto end = resolver.text.rfind('/');
    return end != std::string::npos && resolver.text.substr(0, end) == parts.journal.node().text;
}

/// A fail-over may bring an old doubt back, behind which a claim was made that is lost now: on
/// another history the waiting begins anew.
Refresher::Impl::Watch& Refresher::Impl::watch(const GrantRow& row) {
    auto& seen = watches[row.key.connection];
    if (seen.attempt != row.attempt || seen.epoch != row.key.epoch || seen.state != row.state ||
        seen.on != latest || seen.since == SteadyTime{}) {
        seen = Watch{};
        seen.attempt = row.attempt;
        seen.epoch = row.key.epoch;
        seen.state = row.state;
        seen.on = latest;
        seen.since = parts.clock.steady();
    }
    seen.scan = scans;
    return seen;
}

}  // namespace latchkey
