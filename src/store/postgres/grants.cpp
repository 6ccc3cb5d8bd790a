#include <algorithm>
#include <functional>

#include "store/errors.h"
#include "store/grant_rules.h"
#include "store/postgres/bulletin.h"
#include "store/postgres/grant_pages.h"
#include "store/postgres/grant_rows.h"
#include "store/postgres/ports.h"
#include "store/postgres/promotion.h"

namespace latchkey::postgres {
namespace {

/// A change that does not fit is decided again from the row as it is then. So often somebody else
/// comes first only where something is wrong.
constexpr int most_tries = 8;

/// One row as it was read, and the timeline of the server that read it.
struct Seen {
    std::optional<GrantRow> row;
    Timeline present;
};

/// What a rule makes of a row, and what the store says where there is no row.
struct Wish {
    std::function<Result<GrantRow>(const GrantRow&, const Timeline&)> rule;
    Error absent;
    std::optional<WallTime> tokens_came_at;
    Wish(std::function<Result<GrantRow>(const GrantRow&, const Timeline&)> decide, Error none)
        : rule(std::move(decide)), absent(std::move(none)) {}
};

Query by_key(const GrantKey& key) {
    auto query = reading("SELECT p.line, g.connection IS NOT NULL, " LATCHKEY_PG_GRANT_COLUMNS
                         " FROM (SELECT latchkey.present_timeline() AS line) p"
                         " LEFT JOIN (" LATCHKEY_PG_GRANTS
                         ") ON g.tenant = $1 AND g.connection = $2 AND g.epoch = $3");
    query.given.word(default_tenant).bytes(key.connection.text).number(key.epoch.value);
    return query;
}

Query by_connection(const ConnectionId& connection) {
    auto query = reading("SELECT p.line, g.connection IS NOT NULL, " LATCHKEY_PG_GRANT_COLUMNS
                         " FROM (SELECT latchkey.present_timeline() AS line) p"
                         " LEFT JOIN (" LATCHKEY_PG_GRANTS
                         ") ON g.tenant = $1 AND g.connection = $2 AND g.role = 'current'");
    query.given.word(default_tenant).bytes(connection.text);
    return query;
}

/// Every change reads the row, lets the rules that all adapters share decide the next one, and
/// writes that with one statement that fits only if nothing has come between; else it begins again.
class Grants final : public GrantStore {
public:
    explicit Grants(Bench& bench) : bench_(bench) {}

    Task<Timeline> timeline(Deadline by) override {
        auto question = reading("SELECT latchkey.present_timeline()");
        auto rows = co_await bench_.pool.ask(std::move(question), by);
        if (!rows) co_return rows.error();
        rows->next();
        co_return Timeline{rows->text()};
    }

    /// The database that was put back may be another system: from now on it is the one.
    Task<Timeline> mark_restored(std::int64_t above, Deadline by) override {
        auto mark = writing(
            "UPDATE latchkey.installation SET incarnation = GREATEST(incarnation, $1) + 1,"
            " system = latchkey.system_identifier()"
            " WHERE pg_catalog.set_config('synchronous_commit', 'on', true) = 'on'");
        mark.given.number(above);
        auto marked = co_await bench_.pool.ask(std::move(mark), by);
        if (!marked) co_return marked.error();
        co_return co_await timeline(by);
    }

    Task<GrantRow> find(ConnectionId connection, Deadline by) override {
        auto seen = co_await look(by_connection(connection), by);
        if (!seen) co_return seen.error();
        if (!seen->row) co_return store_error::no_connection();
        co_return std::move(*seen->row);
    }

    Task<GrantRow> find(GrantKey key, Deadline by) override {
        auto seen = co_await look(by_key(key), by);
        if (!seen) co_return seen.error();
        if (!seen->row) co_return store_error::no_grant();
        co_return std::move(*seen->row);
    }

    /// What the claim needs to know the caller has read before: one statement is enough.
    Task<GrantRow> claim(GrantKey key, GrantGeneration seen, AttemptId attempt, NodeId node,
                         Deadline by) override {
        auto rows = co_await bench_.pool.ask(claim_grant(key, seen, attempt, node), by);
        if (!rows) co_return rows.error();
        if (!rows->next()) co_return store_error::claim_conflict();
        co_return read_grant(*rows);
    }

    Task<GrantRow> settle(Settlement outcome, Deadline by) override {
        Wish wish{[outcome](const GrantRow& row, const Timeline& present) {
                      return grant_rules::settle(row, outcome, present);
                  },
                  store_error::settle_conflict()};
        if (grant_rules::brings_tokens(outcome)) wish.tokens_came_at = outcome.received_at;
        return change(by_key(outcome.key), std::move(wish), by);
    }

    Task<GrantRow> move(Move change_wanted, Deadline by) override {
        Wish wish{[change_wanted](const GrantRow& row, const Timeline& present) {
                      return grant_rules::move(row, change_wanted, present);
                  },
                  store_error::move_conflict()};
        return change(by_key(change_wanted.key), std::move(wish), by);
    }

    Task<GrantRow> take_resolution(Resolving resolving, Deadline by) override {
        Wish wish{[resolving](const GrantRow& row, const Timeline&) {
                      return grant_rules::take_resolution(row, resolving);
                  },
                  store_error::resolver_conflict()};
        return change(by_key(resolving.key), std::move(wish), by);
    }

    Task<GrantRow> quarantine(ConnectionId connection, std::string reason, Deadline by) override {
        Wish wish{[reason](const GrantRow& row, const Timeline&) -> Result<GrantRow> {
                      auto next = row;
                      next.quarantine = reason;
                      return next;
                  },
                  store_error::no_connection()};
        return change(by_connection(connection), std::move(wish), by);
    }

    Task<void> add_candidate(GrantRow candidate, Deadline by) override {
        candidate.role = Role::candidate;
        auto made = co_await bench_.pool.ask(insert_grant(candidate), by);
        if (!made) co_return made.error();
        if (made->size() != 1) co_return store_error::epoch_conflict();
        co_return Result<void>{};
    }

    Task<Epoch> last_epoch(ConnectionId connection, Deadline by) override {
        auto question = reading(
            "SELECT COALESCE(MAX(g.epoch), 0) FROM latchkey.grants g"
            " WHERE g.tenant = $1 AND g.connection = $2");
        question.given.word(default_tenant).bytes(connection.text);
        auto rows = co_await bench_.pool.ask(std::move(question), by);
        if (!rows) co_return rows.error();
        rows->next();
        co_return Epoch{rows->number()};
    }

    Task<Connection> promote(GrantKey candidate, Connection facts, Generation seen,
                             Sealed access_token, Deadline by) override {
        facts.id = candidate.connection;
        for (int tries = 0; tries < most_tries; ++tries) {
            auto read = co_await look(by_key(candidate), by);
            if (!read) co_return read.error();
            if (!read->row) co_return store_error::no_grant();
            auto current = co_await look(by_connection(candidate.connection), by);
            if (!current) co_return current.error();
            const bool repeated = read->row->role == Role::current;
            auto made = grant_rules::promote(*read->row, current->row, facts, seen, access_token);
            if (!made) co_return made.error();
            // Written once more where it was there before: only that tells it is as durable as asked.
            auto write =
                repeated
                    ? update_grant({*read->row, made->promoted, read->present}, bench_.clock.wall())
                    : promote_grant({*read->row, current->row, *made, facts}, bench_.clock.wall());
            auto written = co_await bench_.pool.ask(std::move(write), by);
            if (!written) co_return written.error();
            if (written->size() != 1) continue;
            bench_.bulletin.changed(candidate.connection);
            co_return co_await read_connection(bench_.pool, candidate.connection, by);
        }
        co_return store_error::unavailable("others keep changing the connection");
    }

    Task<void> refuse_candidate(GrantKey candidate, std::string reason, Deadline by) override {
        Wish wish{[reason](const GrantRow& row, const Timeline&) {
                      return grant_rules::refuse(row, reason);
                  },
                  store_error::no_grant()};
        auto next = co_await change(by_key(candidate), std::move(wish), by);
        if (!next) co_return next.error();
        co_return Result<void>{};
    }

    Task<GrantRow> begin_revocation(ConnectionId connection, Deadline by) override {
        Wish wish{[](const GrantRow& row, const Timeline&) -> Result<GrantRow> {
                      return grant_rules::begin_revocation(row);
                  },
                  store_error::no_connection()};
        return change(by_connection(connection), std::move(wish), by);
    }

    Task<std::vector<GrantRow>> in_state(State wanted, GrantKey after, std::size_t limit,
                                         Deadline by) override {
        return read_page(bench_.pool, grants_in_state(wanted, after, limit), by);
    }

    Task<std::vector<GrantRow>> due(DueBy when, GrantKey after, std::size_t limit,
                                    Deadline by) override {
        return read_page(bench_.pool, grants_due(when, after, limit), by);
    }

    Task<std::vector<GrantRow>> suspects(GrantKey after, std::size_t limit, Deadline by) override {
        return read_page(bench_.pool, suspect_grants(after, limit), by);
    }

    Task<std::size_t> forget_revoked(WallTime before, Deadline by) override {
        auto rows = co_await bench_.pool.ask(forget_grants(before), by);
        if (!rows) co_return rows.error();
        rows->next();
        co_return static_cast<std::size_t>(rows->number());
    }

private:
    Task<Seen> look(Query query, Deadline by) {
        auto rows = co_await bench_.pool.ask(std::move(query), by);
        if (!rows) co_return rows.error();
        Seen seen;
        if (!rows->next()) co_return seen;
        seen.present = Timeline{rows->text()};
        if (rows->truth()) seen.row = read_grant(*rows);
        co_return seen;
    }

    Task<GrantRow> change(Query which, Wish wish, Deadline by) {
        for (int tries = 0; tries < most_tries; ++tries) {
            auto seen = co_await look(which, by);
            if (!seen) co_return seen.error();
            if (!seen->row) co_return wish.absent;
            auto next = wish.rule(*seen->row, seen->present);
            if (!next) co_return next;
            GrantChange whole{*seen->row, *next, seen->present};
            whole.event = grant_rules::event_of(*seen->row, *next);
            if (next->role == Role::current) whole.refreshed_at = wish.tokens_came_at;
            auto written = co_await bench_.pool.ask(update_grant(whole, bench_.clock.wall()), by);
            if (!written) co_return written.error();
            if (written->size() != 1) continue;
            bench_.bulletin.changed(next->key.connection);
            co_return next;
        }
        co_return store_error::unavailable("others keep changing the grant");
    }

    Bench& bench_;
};

}  // namespace

std::unique_ptr<GrantStore> make_grants(Bench& bench) {
    return std::make_unique<Grants>(bench);
}

}  // namespace latchkey::postgres
