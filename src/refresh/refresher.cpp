#include "refresh/refresher.h"

#include <utility>

#include "refresh/refresher_impl.h"

namespace latchkey {
namespace {

using std::chrono::seconds;

/// More would only help where each look finds another writer just ahead.
constexpr int looks_most = 5;
/// Attempts that hold a socket to Salesforce at once.
constexpr std::size_t slots_most = 256;
/// Of one org: at the pace of one org, enough for answers that take longer than a second.
constexpr std::size_t slots_most_of_org = 64;

Error busy(seconds after) {
    Error error{Fault::try_later, "refresh_in_progress",
                "A refresh of this connection is under way. Ask again in a moment."};
    error.retry_after = after;
    return error;
}

/// Failures after which an older token that is still good may be handed out instead.
bool leaves_token_alone(const Error& error) {
    return error.fault != Fault::reauthorize && error.fault != Fault::conflict &&
           error.fault != Fault::not_found && error.code != "corrupt";
}

}  // namespace

AccessToken access_token_of(const Grant& grant) {
    AccessToken token;
    token.token = grant.access_token;
    token.instance_url = grant.row.instance_url;
    token.generation = grant.row.generation;
    token.received_at = grant.row.access_received_at;
    token.expires_at = grant.row.access_expires_at;
    return token;
}

Refresher::Impl::Impl(RefresherParts with)
    : parts(std::move(with)),
      stopping(std::make_shared<Event>(parts.loop)),
      memory(parts.times.remember, parts.outdated),
      pacing(parts.times, parts.random),
      works(parts.loop),
      waits(parts.loop),
      slots(parts.loop, slots_most),
      shares(parts.loop, slots_most_of_org),
      gates(parts.loop, parts.clock, stopping),
      in_use(parts.plan, parts.random),
      reads(parts.loop, parts.clock, parts.times.store,
            [this](ConnectionId who, Deadline by) { return open_alone(std::move(who), by); }),
      idle(std::make_shared<Event>(parts.loop)) {
    reads.on_idle = [this] { rest(); };
}

Task<AccessToken> Refresher::Impl::token([[maybe_unused]] std::shared_ptr<Impl> self,
                                         ConnectionId who, TokenDemand demand, Deadline by) {
    const auto& clock = parts.clock;
    for (int i = 0; i < looks_most; ++i) {
        const auto asked = clock.steady();
        // While anything is stopped the row says whose connection it is.
        auto kept =
            parts.switches.any() ? std::nullopt : memory.find(who, demand, clock.wall(), asked);
        if (kept) {
            in_use.used(who, *kept, clock.wall(), asked);
            co_return *kept;
        }
        // While the database is away the journal vouches for this token.
        auto work = works.find(who);
        if (work && work->vouched() && !parts.switches.any() &&
            meets(*work->vouched(), demand, clock.wall())) {
            memory.surpass(who, work->vouched()->generation);
            co_return *work->vouched();
        }

        auto sight = co_await look(who, demand, by, Looking::to_join);
        if (!sight) co_return sight.error();
        // A consent of the next epoch does not wait for the former one's answer to be stored.
        if (work && work->vouched() && work->vouched()->generation < sight->grant.row.generation)
            work->outdate();
        const auto step = sight->decision.step;
        if (step == protocol::Step::serve) {
            auto token = access_token_of(sight->grant);
            memory.remember(who, token, asked);
            in_use.used(who, token, clock.wall(), clock.steady());
            co_return token;
        }
        if (step == protocol::Step::refuse) co_return sight->decision.error;

        const auto& row = sight->grant.row;
        // Whoever has to wait for a row in doubt has no use for its last access token any more.
        if (step == protocol::Step::wait && row.state == State::uncertain)
            watch(row).access_refused = true;
        work = works.find(who);
        if (!work && step == protocol::Step::wait && row.state == State::in_flight)
            work = wait_elsewhere(row);
        const bool joined = work != nullptr;
        if (!work && step == protocol::Step::wait) co_return waiting(*sight);
        if (!work)
            work = start_refresh(who, Cause{sight->demand, demand.newer_than.has_value(), row});
        bool over = false;
        if (work) over = co_await await_answer(work, joined, row.provider, by);

        const bool fallback = protocol::still_serves(row, sight->demand, clock.wall());
        if (!over) {
            if (fallback) co_return access_token_of(sight->grant);
            co_return busy(seconds{1});
        }
        const auto& given = work->given();
        if (!given) continue;
        if (given->has_value()) {
            // The journal has vouched for this one already, and the API has refused it since. The
            // row that was seen knew neither; the next look does.
            if (work->outdated()) continue;
            if (demand.newer_than && (*given)->generation == *demand.newer_than) continue;
            memory.surpass(who, (*given)->generation);
            if (meets(**given, sight->demand, clock.wall())) co_return **given;
            // As good as Salesforce makes them, though shorter than asked for.
            if (!sight->demand.newer_than || (*given)->generation > *sight->demand.newer_than)
                co_return **given;
            continue;
        }
        if (fallback && leaves_token_alone(given->error())) co_return access_token_of(sight->grant);
        co_return given->error();
    }
    co_return busy(seconds{1});
}

/// Who had waited for a refresh when a kill switch was turned on gets nothing of what came of it.
Task<AccessToken> Refresher::Impl::token_unless_stopped(std::shared_ptr<Impl> self,
                                                        ConnectionId who, TokenDemand demand,
                                                        Deadline by) {
    for (int i = 0; i < looks_most; ++i) {
        const auto flips = parts.switches.flips();
        auto token = co_await self->token(self, who, demand, by);
        if (!token || parts.switches.flips() == flips) co_return token;
    }
    co_return busy(seconds{1});
}

Task<Connection> Refresher::Impl::refresh([[maybe_unused]] std::shared_ptr<Impl> self,
                                          ConnectionId who, Deadline by) {
    auto grant = co_await open(who, by);
    if (!grant) co_return grant.error();
    const auto demand = TokenDemand::newer(grant->row.generation);
    auto sight = co_await look(who, demand, by);
    if (!sight) co_return sight.error();
    const auto step = sight->decision.step;
    // Nobody has refused the access token, so a missing refresh token is no reason to give it up.
    if (step == protocol::Step::refuse || step == protocol::Step::give_up)
        co_return sight->decision.error;
    auto work = works.find(who);
    if (!work && step == protocol::Step::wait && sight->grant.row.state == State::in_flight)
        work = wait_elsewhere(sight->grant.row);
    const bool joined = work != nullptr;
    if (!work && step == protocol::Step::wait) co_return waiting(*sight);
    if (!work) {
        if (auto wait = pacing.too_soon(who, false, parts.clock.steady())) {
            Error error{Fault::try_later, "rotated_recently",
                        "This connection was refreshed less than a minute ago. Ask again later."};
            error.retry_after = *wait;
            co_return error;
        }
        work = start_refresh(who, Cause{demand, false, sight->grant.row});
    }
    if (!work) co_return busy(seconds{5});
    const bool over = co_await await_answer(work, joined, grant->row.provider, by);
    if (!over) co_return busy(seconds{1});
    if (work->given() && work->given()->has_error()) co_return work->given()->error();
    auto shown = co_await parts.store.connections().find(who, by);
    co_return shown;
}

Task<Grant> Refresher::Impl::open(ConnectionId who, Deadline by) {
    return reads.get(shared_from_this(), std::move(who), by.sooner(store_time().at));
}

Task<Grant> Refresher::Impl::open_alone(ConnectionId who, Deadline soon) {
    auto grant = co_await parts.vault.open(who, soon);
    if (grant || grant.error().code != "corrupt") co_return grant;

    // One damaged value takes down one connection, and says so until an operator has looked.
    auto row = co_await parts.store.grants().find(who, soon);
    if (!row) co_return row.error();
    if (row->quarantine.empty()) {
        row = co_await parts.store.grants().quarantine(who, "corrupt", soon);
        if (!row) co_return row.error();
        say(Level::error, "connection_quarantined", *row, "corrupt");
    }
    memory.forget(who);
    const auto decision = protocol::decide(*row, TokenDemand{}, false, parts.clock.wall());
    co_return decision.error;
}

Task<Refresher::Impl::Sight> Refresher::Impl::look(ConnectionId who, TokenDemand demand,
                                                   Deadline by, Looking how) {
    auto grant = co_await open(who, by);
    if (!grant) co_return grant.error();
    Sight sight;
    sight.grant = std::move(*grant);
    const auto& row = sight.grant.row;
    if (auto stopped = parts.switches.stops(row.provider)) co_return std::move(*stopped);
    sight.demand = protocol::clamped(demand, row);
    const auto now = parts.clock.wall();
    sight.decision = protocol::decide(row, sight.demand, false, now);
    const bool joins = how == Looking::to_join && works.find(who) != nullptr;
    if (sight.decision.step == protocol::Step::refresh && !joins) {
        auto present = co_await read_timeline(by.sooner(store_time().at));
        if (!present) co_return present.error();
        sight.present = *present;
        sight.decision = protocol::decide(row, sight.demand, row.timeline != *present, now);
    }
    co_return sight;
}

Error Refresher::Impl::waiting(const Sight& sight) const {
    Error error = sight.decision.error;
    error.retry_after = seconds{2};
    const auto found = watches.find(sight.grant.row.key.connection);
    if (sight.grant.row.state != State::uncertain || found == watches.end()) return error;
    const auto due = std::max(found->second.next, found->second.since + parts.times.quiet);
    const auto left = std::chrono::ceil<seconds>(due - parts.clock.steady());
    error.retry_after = std::max(left, seconds{2});
    return error;
}

/// True if an answer was there in time.
Async<bool> Refresher::Impl::await_answer(WorkPtr work, bool joined, ProviderId provider,
                                          Deadline by) {
    const auto since = parts.clock.steady();
    const bool over = co_await wait_for(work->answered(), parts.clock, by.at);
    auto& meter = parts.meter;
    meter.count("refresh_waits_total",
                {Label{"provider", provider.text}, Label{"end", over ? "answered" : "timed_out"}});
    meter.took("refresh_wait_seconds", {Label{"provider", provider.text}},
               parts.clock.steady() - since);
    if (over && joined) meter.count("refresh_shared_total", {Label{"provider", provider.text}});
    co_return over;
}

/// Tells those who wait. The store may have taken long to say that it has the token, and others may
/// have gone on from there: who has been given a later one gets this one no more.
void Refresher::Impl::give(Work& work, const ConnectionId& who, AccessToken token) {
    if (memory.gave_later(who, token.generation)) work.outdate();
    work.answer(std::move(token));
}

void Refresher::Impl::end(const ConnectionId& who) {
    works.end(who);
    rest();
}

void Refresher::Impl::rest() {
    if (stopping->is_set() && works.size() == 0 && waits.size() == 0 && reads.size() == 0)
        idle->set();
}

void Refresher::Impl::say(Level level, std::string_view event, const GrantRow& row,
                          std::string_view outcome) noexcept {
    parts.log.write(
        level, event,
        {Field{"connection", row.key.connection.text}, Field{"epoch", row.key.epoch.value},
         Field{"grant_generation", row.grant_generation.value},
         Field{"generation", row.generation.value}, Field{"attempt", row.attempt.text},
         Field{"state", name(row.state)},
         Field{"reason", row.quarantine.empty() ? row.reason : row.quarantine},
         Field{"outcome", outcome}});
}

void Refresher::Impl::count_attempt(const GrantRow& row, std::string_view result,
                                    std::string_view code) noexcept {
    parts.meter.count("refresh_attempts_total", {Label{"provider", row.provider.text},
                                                 Label{"result", result}, Label{"code", code}});
}

Refresher::Refresher(RefresherParts parts) : impl_(std::make_shared<Impl>(std::move(parts))) {}

Refresher::~Refresher() = default;

Task<AccessToken> Refresher::token(ConnectionId who, TokenDemand demand, Deadline by) {
    return impl_->token_unless_stopped(impl_, std::move(who), demand, by);
}

Task<Connection> Refresher::refresh(ConnectionId who, Deadline by) {
    return impl_->refresh(impl_, std::move(who), by);
}

Task<void> Refresher::recover(Deadline by) {
    return impl_->recover(impl_, by);
}

Async<void> Refresher::run() {
    return impl_->run(impl_);
}

Async<void> Refresher::run_plan() {
    return impl_->run_plan(impl_);
}

RefresherSigns Refresher::signs() const {
    return impl_->signs();
}

void Refresher::forget_all() {
    impl_->forget_all();
}

void Refresher::forget(const ConnectionId& who) {
    impl_->forget(who);
}

std::optional<Recovered> Refresher::recovered() const {
    return impl_->recovered;
}

void Refresher::begin_with(Recovered found) {
    impl_->recovered = std::move(found);
}

void Refresher::stand_down(Error why) {
    impl_->stood_down = std::move(why);
}

std::optional<Error> Refresher::standstill() const {
    return impl_->standstill();
}

Async<void> Refresher::listen() {
    return impl_->listen(impl_);
}

namespace {
Async<void> wait_until_idle(std::shared_ptr<Event> idle, Clock& clock, Deadline by) {
    co_await wait_for(std::move(idle), clock, by.at);
}
}  // namespace

Async<void> Refresher::stop(Deadline by) {
    impl_->stopping->set();
    for (const auto& [who, poke] : impl_->pokes) poke->set();
    impl_->rest();
    return wait_until_idle(impl_->idle, impl_->parts.clock, by);
}

}  // namespace latchkey
