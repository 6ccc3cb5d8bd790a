#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "refresh/keep_alive.h"
#include "refresh/refresher_impl.h"

// Refreshes that nobody asked for. They go through the same protocol as every other, behind those
// that somebody waits for; here is only decided which are due.

namespace latchkey {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t page = 500;
constexpr int pages_most = 100000;
constexpr std::size_t renewed_at_once = 256;
constexpr milliseconds room_pause{250};
constexpr milliseconds first_sweep{60000};
/// Where in the alphabet of connection ids a sweep begins.
constexpr std::string_view id_letters =
    "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

bool before(const GrantKey& a, const GrantKey& b) {
    return a.connection != b.connection ? a.connection < b.connection : a.epoch < b.epoch;
}

}  // namespace

Async<void> Refresher::Impl::run_plan(std::shared_ptr<Impl> self) {
    using namespace boost::asio::experimental::awaitable_operators;
    auto kept = keep_idle_alive(self);
    auto foretold = make_forecasts(self);
    auto used = renew_used(self);
    auto all = std::move(kept) && std::move(foretold) && std::move(used);
    co_await std::move(all);
}

/// Idle grants, looked for every hour.
Async<void> Refresher::Impl::keep_idle_alive([[maybe_unused]] std::shared_ptr<Impl> self) {
    // Soon after the start: nobody knows for how long there was no process to do it.
    co_await wait_for(stopping, parts.clock, about(first_sweep / 2));
    while (!stopping->is_set()) {
        const bool left_some = co_await sweep();
        milliseconds pause = parts.plan.sweep_every;
        if (left_some) pause = parts.plan.sweep_again;
        co_await wait_for(stopping, parts.clock, about(pause));
    }
}

/// Begins what is due; true if some of it had to be left for the next sweep. Each sweep starts at a
/// place of its own and goes round, so that nodes that sweep together meet rarely; where they do, the
/// claim decides.
Async<bool> Refresher::Impl::sweep() {
    std::array<std::byte, 1> raw{};
    parts.random.fill(raw);
    const auto letter = id_letters[std::to_integer<std::size_t>(raw[0]) % id_letters.size()];
    const GrantKey start{ConnectionId{"cn_" + std::string{letter}}, Epoch{0}};
    GrantKey after = start;
    bool round = false;
    bool left_some = false;
    for (int i = 0; i < pages_most && !stopping->is_set(); ++i) {
        DueBy when;
        when.received_before = parts.clock.wall() - parts.plan.idle_first;
        auto rows = co_await parts.store.grants().due(when, after, page, store_time());
        if (!rows) co_return true;
        const bool last = rows->size() < page;
        if (!rows->empty()) after = rows->back().key;
        if (round) std::erase_if(*rows, [&](const auto& row) { return before(start, row.key); });
        const bool whole = round && before(start, after);
        const bool goes_on = co_await sweep_page(std::move(*rows), &left_some);
        if (!goes_on || whole || (last && round)) co_return left_some;
        if (last) {
            round = true;
            after = GrantKey{};
        }
    }
    co_return left_some;
}

/// False if the sweep has to end.
Async<bool> Refresher::Impl::sweep_page(std::vector<GrantRow> rows, bool* left_some) {
    for (const auto& row : rows) {
        if (keep_alive::touch_at(row, parts.plan) > parts.clock.wall()) continue;
        const bool room = co_await wait_for_room();
        if (!room) co_return false;
        if (!begin_planned(row, "keep_alive")) *left_some = true;
    }
    co_return true;
}

/// False if the process is stopping.
Async<bool> Refresher::Impl::wait_for_room() {
    while (planned >= parts.plan.under_way_most && !stopping->is_set())
        co_await wait_for(stopping, parts.clock, parts.clock.steady() + room_pause);
    co_return !stopping->is_set();
}

/// Connections in use whose access token is about to end.
Async<void> Refresher::Impl::renew_used([[maybe_unused]] std::shared_ptr<Impl> self) {
    while (!stopping->is_set()) {
        for (const auto& due : in_use.take(parts.clock.steady(), renewed_at_once)) {
            const bool room = co_await wait_for_room();
            if (!room) co_return;
            auto row = co_await parts.store.grants().find(due.who, store_time());
            // Another node was first, or there is nothing to renew any more.
            if (!row || row->generation > due.generation || row->state != State::active ||
                !row->refresh_token)
                continue;
            // What cannot be begun now is begun by the next who asks.
            begin_planned(*row, "expiry");
        }
        co_await wait_for(stopping, parts.clock, parts.clock.steady() + parts.plan.look_every);
    }
}

/// False if it has to be tried again later.
bool Refresher::Impl::begin_planned(const GrantRow& row, std::string_view why) {
    const auto& who = row.key.connection;
    if (works.find(who)) return true;
    const auto now = parts.clock.steady();
    if (pacing.held(who, now) || pacing.too_soon(who, false, now)) return false;
    const auto org = org_circuit_of(row);
    if (pacing.circuit_open(row.provider.text, now) || pacing.circuit_open(org, now)) return false;
    auto& of_org = planned_of_org[org];
    if (of_org >= parts.plan.under_way_most_of_org) return false;
    Cause cause{TokenDemand::newer(row.generation), false, row};
    cause.planned = true;
    auto work = start_refresh(who, std::move(cause));
    if (!work) {
        if (of_org == 0) planned_of_org.erase(org);
        return false;
    }
    ++of_org;
    ++planned;
    boost::asio::co_spawn(parts.loop, follow(shared_from_this(), work, row, std::string{why}),
                          boost::asio::detached);
    return true;
}

/// Counts what came of a planned refresh, and gives its place to the next.
Async<void> Refresher::Impl::follow([[maybe_unused]] std::shared_ptr<Impl> self, WorkPtr work,
                                    GrantRow row, std::string why) {
    co_await work->answered()->wait();
    --planned;
    const auto org = planned_of_org.find(org_circuit_of(row));
    if (org != planned_of_org.end() && --org->second == 0) planned_of_org.erase(org);
    const auto& given = work->given();
    const bool failed = given && given->has_error();
    parts.meter.count("planned_refreshes_total",
                      {Label{"provider", row.provider.text}, Label{"why", why},
                       Label{"result", failed ? "failed" : "done"}});
}

Async<void> Refresher::Impl::make_forecasts([[maybe_unused]] std::shared_ptr<Impl> self) {
    co_await wait_for(stopping, parts.clock, about(first_sweep / 2));
    while (!stopping->is_set()) {
        auto made = co_await make_forecast();
        milliseconds pause = parts.plan.sweep_again;
        if (made) {
            forecast = *made;
            pause = parts.plan.forecast_every;
        }
        co_await wait_for(stopping, parts.clock, about(pause));
    }
}

/// Reads every active grant, slowly.
Task<Forecast> Refresher::Impl::make_forecast() {
    Forecast made;
    made.made_at = parts.clock.wall();
    GrantKey after;
    for (int i = 0; i < pages_most && !stopping->is_set(); ++i) {
        auto rows =
            co_await parts.store.grants().in_state(State::active, after, page, store_time());
        if (!rows) co_return rows.error();
        for (const auto& row : *rows) keep_alive::add(made, row, parts.plan);
        if (rows->size() < page) break;
        after = rows->back().key;
        co_await wait_for(stopping, parts.clock, parts.clock.steady() + parts.plan.forecast_pause);
    }
    co_return made;
}

/// Three quarters to five quarters of a time from now.
SteadyTime Refresher::Impl::about(milliseconds after) {
    std::array<std::byte, 2> raw{};
    parts.random.fill(raw);
    const auto share = std::to_integer<std::int64_t>(raw[0]) * 256 + std::to_integer<int>(raw[1]);
    return parts.clock.steady() + after * 3 / 4 + after * share / (2 * 65536);
}

RefresherSigns Refresher::Impl::signs() const {
    RefresherSigns now;
    now.under_way = works.size();
    now.waiting = gates.waiting();
    now.in_doubt = watches.size();
    now.forecast = forecast;
    for (auto& circuit : pacing.open_circuits()) {
        const auto slash = circuit.key.find('/');
        OpenCircuit open;
        open.provider = ProviderId{circuit.key.substr(0, slash)};
        if (slash != std::string::npos) open.org_id = circuit.key.substr(slash + 1);
        open.why = std::move(circuit.why);
        now.open_circuits.push_back(std::move(open));
    }
    return now;
}

}  // namespace latchkey
