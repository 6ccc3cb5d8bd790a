#include "connect/kill_watch.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "connect/alarm.h"

namespace latchkey {
namespace {

constexpr std::size_t page = 100;
constexpr std::size_t longest_reason = 200;
constexpr std::size_t longest_provider = 64;
constexpr std::chrono::seconds time_to_ask{10};
/// Every state from which a grant can still be used or come back. IN_FLIGHT comes first: what is
/// settled from there while we look is then found as what it became.
constexpr std::array live{State::in_flight, State::active, State::uncertain,
                          State::reauth_required};

}  // namespace

struct KillWatch::Impl {
    Impl(ConnectParts p, SwitchBoard& b, std::function<void()> f)
        : parts(std::move(p)), board(b), flipped(std::move(f)) {}

    Task<void> look(Deadline by);
    Task<KillSwitch> turn_on(KillSwitch wish, Deadline by);
    Task<void> turn_off(ProviderId provider, Deadline by);
    static Async<void> run(std::shared_ptr<Impl> self);
    Async<void> sweep_where_due();
    Task<void> store_orders();
    void show(std::vector<KillSwitch> stored);
    Task<bool> known(ProviderId provider, Deadline by);
    /// Whether a sweep for this order goes on; looks again when it is time to.
    Async<bool> goes_on(const KillSwitch& order);
    /// How many grants were found that had to be put on their way.
    Task<std::size_t> sweep(KillSwitch order);
    Task<void> end(GrantRow row);
    Deadline soon() const { return parts.clock.in(time_to_ask); }

    ConnectParts parts;
    SwitchBoard& board;
    std::function<void()> flipped;
    std::shared_ptr<connect::Alarm> alarm = connect::Alarm::make(parts.loop, parts.clock);
    std::map<ProviderId, SteadyTime> due;       ///< when a switch that revokes is swept next
    std::map<ProviderId, KillSwitch> unstored;  ///< orders that the store has not got yet
    SteadyTime next_look{};
};

KillWatch::KillWatch(ConnectParts parts, SwitchBoard& board, std::function<void()> flipped)
    : impl_(std::make_shared<Impl>(std::move(parts), board, std::move(flipped))) {}
KillWatch::~KillWatch() = default;
Task<void> KillWatch::look(Deadline by) {
    return impl_->look(by);
}
Task<KillSwitch> KillWatch::turn_on(KillSwitch wish, Deadline by) {
    return impl_->turn_on(std::move(wish), by);
}
Task<void> KillWatch::turn_off(ProviderId provider, Deadline by) {
    return impl_->turn_off(std::move(provider), by);
}
Async<void> KillWatch::run() {
    return Impl::run(impl_);
}
void KillWatch::stop() {
    impl_->alarm->stop();
}

Task<void> KillWatch::Impl::look(Deadline by) {
    next_look = parts.clock.steady() + every;
    auto on = co_await parts.store.kill_switches().list(by);
    if (!on) co_return on.error();
    show(std::move(*on));
    co_return Result<void>{};
}

/// What is in force: what is stored, and what this node was told and could not store.
void KillWatch::Impl::show(std::vector<KillSwitch> stored) {
    for (const auto& [provider, wish] : unstored) {
        const auto same = std::find_if(stored.begin(), stored.end(), [&](const KillSwitch& one) {
            return one.provider == wish.provider;
        });
        if (same == stored.end())
            stored.push_back(wish);
        else
            same->revokes = same->revokes || wish.revokes;
    }
    if (!board.set(std::move(stored))) return;
    parts.log.write(Level::warning, board.any() ? "kill_switch_on" : "kill_switch_off", {});
    flipped();
}

Task<bool> KillWatch::Impl::known(ProviderId provider, Deadline by) {
    if (provider.text.empty() || parts.providers.find(provider)) co_return true;
    if (provider.text.size() > longest_provider) co_return false;
    // One that was taken out of the configuration may have connections all the same.
    ConnectionQuery filter;
    filter.provider = std::move(provider);
    filter.limit = 1;
    auto some = co_await parts.store.connections().list(std::move(filter), by);
    if (!some) co_return some.error();
    co_return !some->items.empty();
}

Task<KillSwitch> KillWatch::Impl::turn_on(KillSwitch wish, Deadline by) {
    if (wish.reason.size() > longest_reason || printable(wish.reason) != wish.reason)
        co_return Error{Fault::bad_input, "invalid_reason",
                        "The reason has to be at most 200 bytes without control characters. "
                        "Whoever is stopped is shown it."};
    // A store that is away knows none, and is no reason to go on.
    const auto provider = co_await known(wish.provider, by);
    if (provider && !*provider) co_return parts.providers.find(wish.provider).error();
    wish.since = parts.clock.wall();
    wish.swept = false;
    wish.stored = false;
    auto& unsaid = unstored[wish.provider];
    wish.revokes = wish.revokes || unsaid.revokes;
    unsaid = wish;
    due.erase(wish.provider);
    show(board.on());
    parts.log.write(Level::warning, "kill_switch_turned_on",
                    {{"provider", wish.provider.text}, {"revokes", wish.revokes ? "yes" : "no"}});
    auto stored = co_await parts.store.kill_switches().turn_on(wish, by);
    alarm->ring();
    if (!stored) {
        parts.log.write(Level::error, "kill_switch_not_stored",
                        {{"provider", wish.provider.text}, {"code", stored.error().code}});
        co_return wish;
    }
    unstored.erase(wish.provider);
    stored->stored = true;
    auto on = board.on();
    std::erase_if(on, [&](const KillSwitch& one) { return one.provider == stored->provider; });
    on.push_back(*stored);
    show(std::move(on));
    co_return stored;
}

Task<void> KillWatch::Impl::turn_off(ProviderId provider, Deadline by) {
    auto here = unstored.extract(provider);
    auto off = co_await parts.store.kill_switches().turn_off(provider, by);
    if (!off && !(here && off.error().fault == Fault::not_found)) {
        // Whoever hears that nothing was changed must find it so.
        if (here) unstored.insert(std::move(here));
        co_return off;
    }
    parts.log.write(Level::warning, "kill_switch_turned_off", {{"provider", provider.text}});
    auto left = board.on();
    std::erase_if(left, [&](const KillSwitch& one) { return one.provider == provider; });
    show(std::move(left));
    co_return Result<void>{};
}

Task<void> KillWatch::Impl::store_orders() {
    const auto orders = unstored;
    for (const auto& [provider, wish] : orders) {
        auto stored = co_await parts.store.kill_switches().turn_on(wish, soon());
        if (!stored) co_return stored.error();
        // Turned off here while it was being stored.
        if (unstored.erase(provider) == 0) {
            auto off = co_await parts.store.kill_switches().turn_off(provider, soon());
            if (!off && off.error().fault != Fault::not_found) co_return off.error();
        }
    }
    co_return Result<void>{};
}

Async<void> KillWatch::Impl::run(std::shared_ptr<Impl> self) {
    auto& parts = self->parts;
    while (!self->alarm->stopped()) {
        // What is known stays in force while the store is away.
        co_await self->store_orders();
        const auto seen = co_await self->look(self->soon());
        if (seen) co_await self->sweep_where_due();
        co_await connect::Alarm::sleep(self->alarm, parts.clock.steady() + every);
    }
}

Async<void> KillWatch::Impl::sweep_where_due() {
    for (const auto& order : board.on()) {
        if (!order.revokes || alarm->stopped()) continue;
        const auto next = due.find(order.provider);
        if (next != due.end() && next->second > parts.clock.steady()) continue;
        auto found = co_await sweep(order);
        if (!found) {
            parts.log.write(Level::warning, "sweep_interrupted", {{"code", found.error().code}});
            continue;
        }
        due[order.provider] = parts.clock.steady() + (*found == 0 ? sweep_again : every);
        if (*found > 0 || order.swept) continue;
        auto noted = co_await parts.store.kill_switches().note_swept(order.provider, soon());
        if (noted)
            parts.log.write(Level::warning, "kill_switch_swept",
                            {{"provider", order.provider.text}});
    }
}

Async<bool> KillWatch::Impl::goes_on(const KillSwitch& order) {
    if (parts.clock.steady() >= next_look) co_await look(soon());
    co_return !alarm->stopped() && board.revokes(order.provider);
}

Task<std::size_t> KillWatch::Impl::sweep(KillSwitch order) {
    std::size_t found = 0;
    for (const auto state : live) {
        GrantKey after;
        for (;;) {
            auto rows = co_await parts.store.grants().in_state(state, after, page, soon());
            if (!rows) co_return rows.error();
            for (auto& row : *rows) {
                after = row.key;
                const bool ordered = co_await goes_on(order);
                if (!ordered) co_return found + 1;
                if (!order.covers(row.provider) || row.role == Role::former) continue;
                ++found;
                auto ended = co_await end(std::move(row));
                if (!ended) co_return ended.error();
                parts.stops.reached("CP44");
            }
            if (rows->size() < page) break;
        }
    }
    co_return found;
}

/// Puts one grant on its way. One that has moved on in the meantime is found by the next sweep.
Task<void> KillWatch::Impl::end(GrantRow row) {
    if (row.role == Role::candidate) {
        auto refused =
            co_await parts.store.grants().refuse_candidate(row.key, "kill_switch", soon());
        if (!refused && refused.error().code != "move_conflict") co_return refused.error();
    } else {
        auto begun = co_await parts.store.grants().begin_revocation(row.key.connection, soon());
        if (!begun && begun.error().fault != Fault::not_found) co_return begun.error();
    }
    if (parts.changed) parts.changed(row.key.connection);
    co_return Result<void>{};
}

}  // namespace latchkey
