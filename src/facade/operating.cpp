#include "facade/operating.h"

#include <string>
#include <tuple>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "refresh/answer_room.h"
#include "store/limits.h"

namespace latchkey {

const char* name(Hindrance::Part part) noexcept {
    switch (part) {
        case Hindrance::Part::store:
            return "store";
        case Hindrance::Part::journal:
            return "journal";
        case Hindrance::Part::refreshing:
            return "refreshing";
    }
    return "store";
}

namespace acts {
namespace {

using Part = Hindrance::Part;

constexpr std::chrono::seconds time_to_look{2};

JournalState state_of(const journal::BookHealth& health) {
    JournalState state;
    state.answers = static_cast<std::int64_t>(health.records);
    state.open_answers = static_cast<std::int64_t>(health.open);
    state.bytes = static_cast<std::int64_t>(health.bytes);
    state.unknown_entries = static_cast<std::int64_t>(health.unknown);
    state.damage_set_aside = static_cast<std::int64_t>(health.set_aside);
    state.disk_failed = health.disk_failed;
    return state;
}

void hinder(Status& status, Part part, Error why) {
    status.hindrances.push_back(Hindrance{part, std::move(why)});
}

}  // namespace

Task<Status> status(House& house, Deadline by) {
    using namespace boost::asio::experimental::awaitable_operators;
    auto& ground = house.ground();
    const auto soon = by.sooner(ground.clock.steady() + time_to_look);
    // At the same time, so that a silent store does not take the journal's time too. The room is
    // given back at once.
    auto history = ground.store->grants().timeline(soon);
    auto room = ground.journal->reserve(answer_room, soon);
    auto both = std::move(history) && std::move(room);
    const auto found = co_await std::move(both);

    Status now;
    const auto& present = std::get<0>(found);
    const auto& space = std::get<1>(found);
    if (!present) hinder(now, Part::store, present.error());
    if (!space) hinder(now, Part::journal, space.error());
    const auto& refresher = house.rooms().refresher;
    if (auto why = refresher.standstill()) hinder(now, Part::refreshing, std::move(*why));

    auto signs = refresher.signs();
    now.refreshes_under_way = signs.under_way;
    now.refreshes_waiting = signs.waiting;
    now.connections_in_doubt = signs.in_doubt;
    now.open_circuits = std::move(signs.open_circuits);
    now.forecast = signs.forecast;
    now.kill_switches_on = ground.switches.on().size();
    if (ground.journal_files != nullptr) now.journal = state_of(ground.journal_files->health());
    if (present) {
        auto counted =
            co_await house.census().take(ground.store->connections(), ground.clock, soon);
        if (counted) {
            now.connections = std::move(counted->connections);
            now.connections_suspect = counted->suspect;
        }
    }
    co_return now;
}

Task<EventList> events(House& house, std::int64_t after, std::size_t limit, Deadline by) {
    if (limit < 1 || limit > most_events_read)
        co_return Error{Fault::bad_input, "invalid_limit",
                        "A page of events has 1 to " + std::to_string(most_events_read) +
                            " of them. Ask for as many."};
    if (after < 0)
        co_return Error{Fault::bad_input, "invalid_after",
                        "after is the number of an event, or 0 to begin with the first."};
    auto rows = co_await house.ground().store->events().read(after, limit, by);
    if (!rows) co_return rows.error();
    EventList list;
    list.last = after;
    list.items.reserve(rows->size());
    for (auto& row : *rows) {
        list.last = row.number;
        RecordedEvent event;
        event.number = row.number;
        event.at = row.at;
        event.type = name(row.kind);
        event.connection = std::move(row.connection);
        event.generation = row.generation;
        event.reason = std::move(row.reason);
        list.items.push_back(std::move(event));
    }
    co_return list;
}

Task<SealingKeys> sealing_keys(House& house, Deadline by) {
    return house.rooms().key_watch.list(by);
}

Task<SealingKey> change_sealing_key(House& house, Deadline by) {
    return house.rooms().key_watch.change(by);
}

Task<std::vector<KillSwitch>> kill_switches(House& house, Deadline by) {
    // What is in force here; more than is stored while the store is away.
    auto looked = co_await house.rooms().kill_watch.look(by);
    if (!looked && !house.ground().switches.any()) co_return looked.error();
    co_return house.ground().switches.on();
}

Task<KillSwitch> turn_on_kill_switch(House& house, KillSwitch wish, Deadline by) {
    return house.rooms().kill_watch.turn_on(std::move(wish), by);
}

Task<KillSwitch> turn_off_kill_switch(House& house, ProviderId provider, Deadline by) {
    KillSwitch former;
    former.provider = provider;
    for (auto& one : house.ground().switches.on())
        if (one.provider == provider) former = std::move(one);
    auto off = co_await house.rooms().kill_watch.turn_off(std::move(provider), by);
    if (!off) co_return off.error();
    co_return former;
}

}  // namespace acts
}  // namespace latchkey
