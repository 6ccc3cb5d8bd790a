#include "store/sqlite/event_rows.h"

#include <algorithm>
#include <array>
#include <utility>

#include "store/limits.h"
#include "store/sqlite/ports.h"
#include "store/stored_rows.h"

namespace latchkey::sqlite {
namespace {

class Events final : public EventStore {
public:
    explicit Events(Bench& bench) : bench_(bench) {}

    Task<std::vector<ConnectionEvent>> read(std::int64_t after, std::size_t limit,
                                            Deadline by) override {
        return bench_.worker.read<std::vector<ConnectionEvent>>(
            [after, limit](Database& database) -> Result<std::vector<ConnectionEvent>> {
                auto found =
                    database.prepare("SELECT " LATCHKEY_EVENT_COLUMNS
                                     " FROM events"
                                     " WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?");
                found.bind(default_tenant)
                    .bind(after)
                    .bind(static_cast<std::int64_t>(std::min(limit, most_events_read)));
                std::vector<ConnectionEvent> events;
                while (found.step()) events.push_back(stored::read_event(found));
                return events;
            },
            by);
    }

    Task<std::size_t> prune(WallTime before, Deadline by) override {
        return bench_.worker.write<std::size_t>(
            [before](Database& database) -> Result<std::size_t> {
                database.prepare("DELETE FROM events WHERE at < ?").bind(before).run();
                return static_cast<std::size_t>(database.changes());
            },
            by);
    }

private:
    Bench& bench_;
};

}  // namespace

void insert_event(Database& database, const std::optional<ConnectionEvent>& event, WallTime now) {
    if (!event) return;
    database
        .prepare(
            "INSERT INTO events (tenant, at, kind, connection, epoch, generation, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(default_tenant)
        .bind(now)
        .bind(name(event->kind))
        .bind(event->connection.text)
        .bind(event->epoch.value)
        .bind(event->generation.value)
        .bind(event->reason)
        .run();
}

std::unique_ptr<EventStore> make_events(Bench& bench) {
    return std::make_unique<Events>(bench);
}

}  // namespace latchkey::sqlite
