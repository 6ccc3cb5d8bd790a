#include <algorithm>

#include "store/limits.h"
#include "store/postgres/ports.h"
#include "store/stored_rows.h"

namespace latchkey::postgres {
namespace {

/// Rows are written by the statements that change grants. latchkey.next_event gives their numbers
/// under a lock that lasts to the end of the transaction, so numbers appear in their order.
class Events final : public EventStore {
public:
    explicit Events(Bench& bench) : bench_(bench) {}

    Task<std::vector<ConnectionEvent>> read(std::int64_t after, std::size_t limit,
                                            Deadline by) override {
        auto question = reading("SELECT " LATCHKEY_EVENT_COLUMNS
                                " FROM latchkey.events"
                                " WHERE tenant = $1 AND number > $2 ORDER BY number LIMIT $3");
        question.given.word(default_tenant)
            .number(after)
            .number(static_cast<std::int64_t>(std::min(limit, most_events_read)));
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<ConnectionEvent> events;
        while (found->next()) events.push_back(stored::read_event(*found));
        co_return events;
    }

    Task<std::size_t> prune(WallTime before, Deadline by) override {
        auto erase = writing(
            "WITH gone AS (DELETE FROM latchkey.events WHERE tenant = $1 AND at < $2"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1)"
            " SELECT count(*) FROM gone");
        erase.given.word(default_tenant).time(before);
        auto rows = co_await bench_.pool.ask(std::move(erase), by);
        if (!rows) co_return rows.error();
        rows->next();
        co_return static_cast<std::size_t>(rows->number());
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<EventStore> make_events(Bench& bench) {
    return std::make_unique<Events>(bench);
}

}  // namespace latchkey::postgres
