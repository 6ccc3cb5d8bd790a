#include <algorithm>

#include "store/errors.h"
#include "store/grant_rules.h"
#include "store/sqlite/connection_rows.h"
#include "store/sqlite/event_rows.h"
#include "store/sqlite/grant_rows.h"
#include "store/sqlite/ports.h"

namespace latchkey::sqlite {

Timeline present_timeline(Database& database) {
    auto found = database.prepare("SELECT incarnation FROM installation");
    return Timeline{found.step() ? std::to_string(found.number()) : std::string{}};
}

namespace {

std::int64_t highest_epoch(Database& database, const ConnectionId& connection) {
    auto found = database.prepare(
        "SELECT COALESCE(MAX(epoch), 0) FROM grants WHERE tenant = ? AND connection = ?");
    found.bind(default_tenant).bind(connection.text).step();
    return found.number();
}

/// grant_rules::may_be_refreshed as conditions that the index grants_to_refresh is made of.
#define LATCHKEY_TO_REFRESH                                                                 \
    "SELECT " LATCHKEY_GRANT_COLUMNS                                                        \
    " FROM grants g INDEXED BY grants_to_refresh WHERE g.tenant = ? AND g.role = 'current'" \
    " AND g.state = 'ACTIVE' AND g.quarantine = '' AND g.refresh_token IS NOT NULL"         \
    " AND (g.connection, g.epoch) > (?, ?) "
#define LATCHKEY_ONE_PAGE " ORDER BY g.connection, g.epoch LIMIT ?"

/// Binds the limit, the last parameter, and reads what is there.
Result<std::vector<GrantRow>> page_of(Statement& found, std::size_t limit) {
    found.bind(static_cast<std::int64_t>(std::min(limit, most_rows_of_a_state)));
    std::vector<GrantRow> rows;
    while (found.step()) rows.push_back(read_grant(found));
    return rows;
}

/// Every change reads the row, decides by the rules that all adapters share, and writes the row
/// back, inside one BEGIN IMMEDIATE transaction: nobody can come between.
class Grants final : public GrantStore {
public:
    explicit Grants(Bench& bench) : bench_(bench) {}

    Task<Timeline> timeline(Deadline by) override {
        return bench_.worker.read<Timeline>(
            [](Database& database) -> Result<Timeline> { return present_timeline(database); }, by);
    }

    Task<Timeline> mark_restored(std::int64_t above, Deadline by) override {
        return bench_.worker.write<Timeline>(
            [above](Database& database) -> Result<Timeline> {
                database
                    .prepare(
                        "UPDATE installation SET incarnation = MAX(incarnation, ?) + 1,"
                        " moved_to = '', move_done = 0")
                    .bind(above)
                    .run();
                return present_timeline(database);
            },
            by);
    }

    Task<GrantRow> find(ConnectionId connection, Deadline by) override {
        return bench_.worker.read<GrantRow>(
            [connection](Database& database) -> Result<GrantRow> {
                auto row = current_grant(database, connection);
                if (!row) return store_error::no_connection();
                return std::move(*row);
            },
            by);
    }

    Task<GrantRow> find(GrantKey key, Deadline by) override {
        return bench_.worker.read<GrantRow>(
            [key](Database& database) -> Result<GrantRow> {
                auto row = one_grant(database, key);
                if (!row) return store_error::no_grant();
                return std::move(*row);
            },
            by);
    }

    Task<GrantRow> claim(GrantKey key, GrantGeneration seen, AttemptId attempt, NodeId node,
                         Deadline by) override {
        return bench_.worker.write<GrantRow>(
            [this, key, seen, attempt, node](Database& database) -> Result<GrantRow> {
                auto row = one_grant(database, key);
                if (!row) return store_error::claim_conflict();
                return keep(
                    database, *row,
                    grant_rules::claim(*row, seen, attempt, node, present_timeline(database)));
            },
            by);
    }

    Task<GrantRow> settle(Settlement outcome, Deadline by) override {
        return bench_.worker.write<GrantRow>(
            [this, outcome](Database& database) -> Result<GrantRow> {
                auto row = one_grant(database, outcome.key);
                if (!row) return store_error::settle_conflict();
                auto next = keep(database, *row,
                                 grant_rules::settle(*row, outcome, present_timeline(database)));
                if (next && grant_rules::brings_tokens(outcome) && next->role == Role::current)
                    note_refresh(database, outcome.key.connection, outcome.received_at);
                return next;
            },
            by);
    }

    Task<GrantRow> move(Move change, Deadline by) override {
        return bench_.worker.write<GrantRow>(
            [this, change](Database& database) -> Result<GrantRow> {
                auto row = one_grant(database, change.key);
                if (!row) return store_error::move_conflict();
                return keep(database, *row,
                            grant_rules::move(*row, change, present_timeline(database)));
            },
            by);
    }

    Task<GrantRow> take_resolution(Resolving wish, Deadline by) override {
        return bench_.worker.write<GrantRow>(
            [this, wish](Database& database) -> Result<GrantRow> {
                auto row = one_grant(database, wish.key);
                if (!row) return store_error::resolver_conflict();
                return keep(database, *row, grant_rules::take_resolution(*row, wish));
            },
            by);
    }

    Task<GrantRow> quarantine(ConnectionId connection, std::string reason, Deadline by) override {
        return bench_.worker.write<GrantRow>(
            [this, connection, reason](Database& database) -> Result<GrantRow> {
                auto row = current_grant(database, connection);
                if (!row) return store_error::no_connection();
                auto next = *row;
                next.quarantine = reason;
                return keep(database, *row, std::move(next));
            },
            by);
    }

    Task<void> add_candidate(GrantRow candidate, Deadline by) override {
        return bench_.worker.write<void>(
            [candidate](Database& database) mutable -> Result<void> {
                const auto last = highest_epoch(database, candidate.key.connection);
                const auto epoch = candidate.key.epoch.value;
                if (last == 0 ? epoch != 1 : epoch <= last) return store_error::epoch_conflict();
                candidate.role = Role::candidate;
                candidate.timeline = present_timeline(database);
                insert_grant(database, candidate);
                return {};
            },
            by);
    }

    Task<Epoch> last_epoch(ConnectionId connection, Deadline by) override {
        return bench_.worker.read<Epoch>(
            [connection](Database& database) -> Result<Epoch> {
                return Epoch{highest_epoch(database, connection)};
            },
            by);
    }

    Task<Connection> promote(GrantKey candidate, Connection facts, Generation seen,
                             Sealed access_token, Deadline by) override {
        facts.id = candidate.connection;
        return bench_.worker.write<Connection>(
            [this, candidate, facts, seen, access_token](Database& database) -> Result<Connection> {
                auto row = one_grant(database, candidate);
                if (!row) return store_error::no_grant();
                const bool repeated = row->role == Role::current;
                auto made = grant_rules::promote(std::move(*row),
                                                 current_grant(database, candidate.connection),
                                                 facts, seen, access_token);
                if (!made) return made.error();
                // The old one first: a connection has at most one current grant at any moment.
                if (made->former) update_grant(database, *made->former, bench_.clock.wall());
                update_grant(database, made->promoted, bench_.clock.wall());
                insert_event(database, grant_rules::event_of(*made), bench_.clock.wall());
                if (!repeated) write_connection(database, facts);
                auto shown = shown_connection(database, candidate.connection);
                if (!shown) return store_error::no_connection();
                return std::move(*shown);
            },
            by);
    }

    Task<void> refuse_candidate(GrantKey candidate, std::string reason, Deadline by) override {
        return bench_.worker.write<void>(
            [this, candidate, reason](Database& database) -> Result<void> {
                auto row = one_grant(database, candidate);
                if (!row) return store_error::no_grant();
                const auto next = keep(database, *row, grant_rules::refuse(*row, reason));
                if (!next) return next.error();
                return {};
            },
            by);
    }

    Task<GrantRow> begin_revocation(ConnectionId connection, Deadline by) override {
        return bench_.worker.write<GrantRow>(
            [this, connection](Database& database) -> Result<GrantRow> {
                auto row = current_grant(database, connection);
                if (!row) return store_error::no_connection();
                return keep(database, *row, grant_rules::begin_revocation(*row));
            },
            by);
    }

    Task<std::vector<GrantRow>> in_state(State wanted, GrantKey after, std::size_t limit,
                                         Deadline by) override {
        return bench_.worker.read<std::vector<GrantRow>>(
            [wanted, after, limit](Database& database) -> Result<std::vector<GrantRow>> {
                auto found =
                    database.prepare("SELECT " LATCHKEY_GRANT_COLUMNS
                                     " FROM grants g WHERE g.tenant = ?"
                                     " AND g.state = ? AND (g.connection, g.epoch) > (?, ?)"
                                     " ORDER BY g.connection, g.epoch LIMIT ?");
                found.bind(default_tenant)
                    .bind(name(wanted))
                    .bind(after.connection.text)
                    .bind(after.epoch.value);
                return page_of(found, limit);
            },
            by);
    }

    Task<std::vector<GrantRow>> due(DueBy when, GrantKey after, std::size_t limit,
                                    Deadline by) override {
        return bench_.worker.read<std::vector<GrantRow>>(
            [when, after, limit](Database& database) -> Result<std::vector<GrantRow>> {
                auto found = database.prepare(
                    LATCHKEY_TO_REFRESH
                    "AND (g.access_received_at < ? OR g.access_expires_at < ?)" LATCHKEY_ONE_PAGE);
                found.bind(default_tenant)
                    .bind(after.connection.text)
                    .bind(after.epoch.value)
                    .bind(when.received_before)
                    .bind(when.expires_before);
                return page_of(found, limit);
            },
            by);
    }

    Task<std::vector<GrantRow>> suspects(GrantKey after, std::size_t limit, Deadline by) override {
        return bench_.worker.read<std::vector<GrantRow>>(
            [after, limit](Database& database) -> Result<std::vector<GrantRow>> {
                const auto present = present_timeline(database);
                auto found =
                    database.prepare(LATCHKEY_TO_REFRESH "AND g.timeline <> ?" LATCHKEY_ONE_PAGE);
                found.bind(default_tenant)
                    .bind(after.connection.text)
                    .bind(after.epoch.value)
                    .bind(present.text);
                return page_of(found, limit);
            },
            by);
    }

    Task<std::size_t> forget_revoked(WallTime before, Deadline by) override {
        return bench_.worker.write<std::size_t>(
            [before](Database& database) -> Result<std::size_t> {
                auto former = database.prepare(
                    "DELETE FROM grants WHERE tenant = ? AND state = 'REVOKED'"
                    " AND revoked_at < ? AND role = 'former'");
                former.bind(default_tenant).bind(before).run();
                auto forgotten = database.changes();
                // A connection goes only when nothing of it is left to be revoked.
                auto current = database.prepare(
                    "DELETE FROM grants WHERE tenant = ? AND state = 'REVOKED'"
                    " AND revoked_at < ? AND role = 'current' AND NOT EXISTS (SELECT 1"
                    " FROM grants o WHERE o.tenant = grants.tenant"
                    " AND o.connection = grants.connection AND o.epoch <> grants.epoch)");
                current.bind(default_tenant).bind(before).run();
                forgotten += database.changes();
                erase_connections_without_grants(database);
                return static_cast<std::size_t>(forgotten);
            },
            by);
    }

private:
    Result<GrantRow> keep(Database& database, const GrantRow& before, Result<GrantRow> next) {
        if (!next) return next;
        const auto now = bench_.clock.wall();
        update_grant(database, *next, now);
        insert_event(database, grant_rules::event_of(before, *next), now);
        return next;
    }

    Bench& bench_;
};

}  // namespace

std::unique_ptr<GrantStore> make_grants(Bench& bench) {
    return std::make_unique<Grants>(bench);
}

}  // namespace latchkey::sqlite
