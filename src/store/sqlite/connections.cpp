#include <algorithm>
#include <map>
#include <utility>

#include "store/errors.h"
#include "store/grant_rules.h"
#include "store/list_cursor.h"
#include "store/sqlite/connection_rows.h"
#include "store/sqlite/grant_rows.h"
#include "store/sqlite/ports.h"

namespace latchkey::sqlite {
namespace {

/// A connection and its current grant, in the order that `read_shown` takes them.
#define LATCHKEY_SHOWN                                                                             \
    "SELECT c.id, c.end_user, c.username, c.connected_at, c.refreshed_at, " LATCHKEY_GRANT_COLUMNS \
    " FROM connections c JOIN grants g ON g.tenant = c.tenant AND g.connection = c.id"             \
    " AND g.role = 'current' WHERE c.tenant = ?1 "

Connection read_shown(Statement& row) {
    Connection kept;
    kept.id = ConnectionId{row.text()};
    kept.end_user = row.text();
    kept.username = row.text();
    kept.connected_at = row.time();
    kept.refreshed_at = row.time_or_null();
    return grant_rules::shown(std::move(kept), read_grant(row));
}

/// standing_of of model/grant.h as a condition on the columns it is made of; a test compares them.
constexpr const char* standing_condition =
    "AND (?3 IS NULL OR ?3 = CASE WHEN g.state = 'REVOKING' THEN 'revoking'"
    " WHEN g.state = 'REVOKED' THEN 'revoked' WHEN g.quarantine <> '' THEN 'quarantined'"
    " WHEN g.state = 'UNCERTAIN' THEN 'uncertain'"
    " WHEN g.state = 'REAUTH_REQUIRED' THEN 'reauth_required' ELSE 'active' END) ";

Result<ConnectionPage> page(Database& database, const ConnectionQuery& query) {
    ListPlace after{WallTime{std::chrono::seconds{INT64_MIN}}, ConnectionId{}};
    if (!query.cursor.empty()) {
        const auto place = parse_cursor(query.cursor);
        if (!place) return store_error::invalid_cursor();
        after = *place;
    }
    const auto limit = std::clamp<std::size_t>(query.limit, 1, longest_page);
    static const std::string by_user =
        std::string{LATCHKEY_SHOWN "AND c.end_user = ?2 "} + standing_condition +
        "AND (?4 IS NULL OR g.provider = ?4) AND (c.connected_at, c.id) > (?5, ?6)"
        " ORDER BY c.connected_at, c.id LIMIT ?7";
    static const std::string of_all =
        std::string{LATCHKEY_SHOWN "AND ?2 IS NULL "} + standing_condition +
        "AND (?4 IS NULL OR g.provider = ?4) AND (c.connected_at, c.id) > (?5, ?6)"
        " ORDER BY c.connected_at, c.id LIMIT ?7";
    std::optional<std::string_view> standing;
    if (query.standing) standing = name(*query.standing);
    std::optional<std::string_view> provider;
    if (query.provider) provider = query.provider->text;

    auto found = database.prepare(query.end_user ? by_user : of_all);
    found.bind(default_tenant)
        .bind(query.end_user)
        .bind(standing)
        .bind(provider)
        .bind(after.connected_at)
        .bind(after.id.text)
        .bind(static_cast<std::int64_t>(limit + 1));
    ConnectionPage page;
    while (found.step()) page.items.push_back(read_shown(found));
    // One more than asked for tells whether there is another page.
    if (page.items.size() > limit) {
        page.items.pop_back();
        const auto& last = page.items.back();
        page.next_cursor = print_cursor({last.connected_at, last.id});
    }
    return page;
}

/// Several states look alike from outside, so what the database has counted is added up once more.
Result<std::vector<StandingCount>> counted(Database& database) {
    auto found = database.prepare(
        "SELECT state, quarantine, reason, COUNT(*) FROM grants WHERE tenant = ?"
        " AND role = 'current' GROUP BY state, quarantine, reason");
    found.bind(default_tenant);
    std::map<std::pair<Standing, std::string>, std::int64_t> sums;
    while (found.step()) {
        const auto state = state_of(found.text());
        GrantRow alike;
        alike.quarantine = found.text();
        alike.reason = found.text();
        alike.state = state.value_or(State::uncertain);
        if (!state) alike.quarantine = "corrupt";
        const auto seen = grant_rules::shown(Connection{}, alike);
        sums[{seen.standing, seen.reason}] += found.number();
    }
    std::vector<StandingCount> counts;
    for (const auto& [what, sum] : sums) counts.push_back({what.first, what.second, sum});
    return counts;
}

class Connections final : public ConnectionIndex {
public:
    explicit Connections(Bench& bench) : bench_(bench) {}

    Task<Connection> find(ConnectionId id, Deadline by) override {
        return bench_.worker.read<Connection>(
            [id](Database& database) -> Result<Connection> {
                auto found = shown_connection(database, id);
                if (!found) return store_error::no_connection();
                return std::move(*found);
            },
            by);
    }

    Task<ConnectionPage> list(ConnectionQuery query, Deadline by) override {
        return bench_.worker.read<ConnectionPage>(
            [query](Database& database) { return page(database, query); }, by);
    }

    Task<std::vector<Connection>> of_salesforce_user(ProviderId provider, std::string org_id,
                                                     std::string user_id, Deadline by) override {
        return bench_.worker.read<std::vector<Connection>>(
            [provider, org_id, user_id](Database& database) -> Result<std::vector<Connection>> {
                auto found =
                    database.prepare(LATCHKEY_SHOWN
                                     "AND g.provider = ?2 AND g.org_id = ?3 AND g.user_id = ?4"
                                     " AND g.state <> 'REVOKED' ORDER BY c.connected_at, c.id");
                found.bind(default_tenant).bind(provider.text).bind(org_id).bind(user_id);
                std::vector<Connection> all;
                while (found.step()) all.push_back(read_shown(found));
                return all;
            },
            by);
    }

    Task<std::vector<StandingCount>> counts(Deadline by) override {
        return bench_.worker.read<std::vector<StandingCount>>(
            [](Database& database) { return counted(database); }, by);
    }

    Task<std::int64_t> suspect_count(Deadline by) override {
        return bench_.worker.read<std::int64_t>(
            [](Database& database) -> Result<std::int64_t> {
                const auto present = present_timeline(database);
                auto found = database.prepare(
                    "SELECT COUNT(*) FROM grants INDEXED BY grants_to_refresh WHERE tenant = ?"
                    " AND role = 'current' AND state = 'ACTIVE' AND quarantine = ''"
                    " AND refresh_token IS NOT NULL AND timeline <> ?");
                found.bind(default_tenant).bind(present.text).step();
                return found.number();
            },
            by);
    }

private:
    Bench& bench_;
};

}  // namespace

void write_connection(Database& database, const Connection& facts) {
    database
        .prepare(
            "INSERT INTO connections VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, id)"
            " DO UPDATE SET end_user = excluded.end_user, username = excluded.username,"
            " connected_at = excluded.connected_at, refreshed_at = excluded.refreshed_at")
        .bind(default_tenant)
        .bind(facts.id.text)
        .bind(facts.end_user)
        .bind(facts.username)
        .bind(facts.connected_at)
        .bind(facts.refreshed_at)
        .run();
}

void note_refresh(Database& database, const ConnectionId& connection, WallTime when) {
    database.prepare("UPDATE connections SET refreshed_at = ? WHERE tenant = ? AND id = ?")
        .bind(when)
        .bind(default_tenant)
        .bind(connection.text)
        .run();
}

std::optional<Connection> shown_connection(Database& database, const ConnectionId& id) {
    auto found = database.prepare(LATCHKEY_SHOWN "AND c.id = ?2");
    found.bind(default_tenant).bind(id.text);
    if (!found.step()) return std::nullopt;
    return read_shown(found);
}

void erase_connections_without_grants(Database& database) {
    database
        .prepare(
            "DELETE FROM connections WHERE tenant = ? AND NOT EXISTS (SELECT 1 FROM grants g"
            " WHERE g.tenant = connections.tenant AND g.connection = connections.id)")
        .bind(default_tenant)
        .run();
}

std::unique_ptr<ConnectionIndex> make_connections(Bench& bench) {
    return std::make_unique<Connections>(bench);
}

}  // namespace latchkey::sqlite
