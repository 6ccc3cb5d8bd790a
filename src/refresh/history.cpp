#include <utility>

#include "refresh/refresher_impl.h"

// The database's history: whether it is still the one that this node's journal was compared with,
// and what the rows of another one lead to.

namespace latchkey {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds sweep_every{1};
/// Each suspect row costs a question at Salesforce a minute later.
constexpr std::size_t sweep_most = 5;
/// After the way to the database broke, the journal is compared again, but not all the time.
constexpr std::chrono::seconds look_back_every{60};
constexpr milliseconds time_to_catch_up{60000};

}  // namespace

std::optional<Error> Refresher::Impl::standstill() const {
    if (stood_down) return stood_down;
    return recovered ? recovered->standstill : std::nullopt;
}

Task<Timeline> Refresher::Impl::read_timeline(Deadline by) {
    auto present = co_await parts.store.grants().timeline(by);
    if (!present) co_return present;
    if (latest != *present) memory.start_over();
    latest = *present;
    co_return present;
}

/// Before anything is claimed on a history that is new to this node, its journal must hold nothing
/// newer than the rows. returns  true if rows may have changed
Task<bool> Refresher::Impl::catch_up(Timeline present) {
    if (!recovered) {
        // Whoever opened the store has compared the two before this object was made.
        recovered.emplace();
        recovered->on = present;
        co_return false;
    }
    const auto now = parts.clock.steady();
    const bool due = look_back && now >= look_back_due;
    if (recovered->on == present && !due) co_return false;
    if (catching_up) {
        auto end = catching_up;
        co_await wait_for(end, parts.clock, now + time_to_catch_up);
        co_return true;
    }
    catching_up = std::make_shared<Event>(parts.loop);
    parts.log.write(Level::warning, "history_changed",
                    {Field{"from", recovered->on.text}, Field{"to", present.text}});
    auto applied = co_await apply_journal(parts.clock.in(time_to_catch_up));
    catching_up->set();
    catching_up.reset();
    if (!applied) co_return applied.error();
    look_back = false;
    look_back_due = parts.clock.steady() + look_back_every;
    co_return true;
}

/// For the housework: sees a new history although nobody asks for a token.
Async<void> Refresher::Impl::keep_up() {
    auto present = co_await read_timeline(store_time());
    if (!present) co_return;
    auto caught_up = co_await catch_up(*present);
    if (!caught_up)
        parts.log.write(Level::error, "journal_not_compared",
                        {Field{"code", caught_up.error().code}});
}

/// Suspect rows that nobody uses: a few at a time, so that after a fail-over Salesforce is not asked
/// about everybody at once.
Async<void> Refresher::Impl::sweep_suspects() {
    const auto now = parts.clock.steady();
    if (!sweeping || now < sweep_due || standstill()) co_return;
    sweep_due = now + sweep_every;
    auto rows = co_await parts.store.grants().suspects(sweep_after, sweep_most, store_time());
    if (!rows) co_return;
    for (const auto& row : *rows) {
        sweep_after = row.key;
        swept = true;
        auto moved = co_await set_aside(row, State::uncertain, suspect_reason,
                                        Error{Fault::try_later, "", ""});
        if (!moved && !moved.error().code.empty()) co_return;
    }
    if (rows->size() == sweep_most) co_return;
    // Another round, until one finds nothing: what was in flight in this one may be suspect now.
    sweeping = swept;
    swept = false;
    sweep_after = GrantKey{};
}

}  // namespace latchkey
