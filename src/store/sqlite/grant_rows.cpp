#include "store/sqlite/grant_rows.h"

#include "store/packed_list.h"
#include "store/store.h"
#include "store/stored_words.h"

namespace latchkey::sqlite {
namespace {

/// All columns but tenant and key, in the order of the statements below.
Statement& bind_rest(Statement& statement, const GrantRow& row) {
    return statement.bind(stored::word(row.role))
        .bind(name(row.state))
        .bind(row.quarantine)
        .bind(row.reason)
        .bind(row.grant_generation.value)
        .bind(row.generation.value)
        .bind(row.attempt.text)
        .bind(row.attempt_node.text)
        .bind(row.resolver.text)
        .bind(row.timeline.text)
        .bind(row.refresh_token)
        .bind(row.access_token)
        .bind(row.provider.text)
        .bind(row.login_url)
        .bind(row.instance_url)
        .bind(row.org_id)
        .bind(row.user_id)
        .bind(pack(row.scopes))
        .bind(row.access_received_at)
        .bind(row.access_expires_at)
        .bind(std::int64_t{row.rotation_seen});
}

}  // namespace

GrantRow read_grant(Statement& row) {
    GrantRow grant;
    grant.key.connection = ConnectionId{row.text()};
    grant.key.epoch = Epoch{row.number()};
    grant.role = stored::role_of(row.text());
    const auto state = row.text();
    grant.quarantine = row.text();
    grant.reason = row.text();
    grant.grant_generation = GrantGeneration{row.number()};
    grant.generation = Generation{row.number()};
    grant.attempt = AttemptId{row.text()};
    grant.attempt_node = NodeId{row.text()};
    grant.resolver = ResolverId{row.text()};
    grant.timeline = Timeline{row.text()};
    grant.refresh_token = row.sealed_or_null();
    grant.access_token = row.sealed_or_null();
    grant.provider = ProviderId{row.text()};
    grant.login_url = row.text();
    grant.instance_url = row.text();
    grant.org_id = row.text();
    grant.user_id = row.text();
    grant.scopes = unpack(row.text());
    grant.access_received_at = row.time();
    grant.access_expires_at = row.time_or_null();
    grant.rotation_seen = row.number() != 0;
    // A state that nobody here writes: never taken for one that may be used.
    const auto known = state_of(state);
    grant.state = known.value_or(State::uncertain);
    if (!known) grant.quarantine = "corrupt";
    return grant;
}

std::optional<GrantRow> current_grant(Database& database, const ConnectionId& connection) {
    auto found = database.prepare("SELECT " LATCHKEY_GRANT_COLUMNS
                                  " FROM grants g WHERE g.tenant = ? AND g.connection = ?"
                                  " AND g.role = 'current'");
    found.bind(default_tenant).bind(connection.text);
    if (!found.step()) return std::nullopt;
    return read_grant(found);
}

std::optional<GrantRow> one_grant(Database& database, const GrantKey& key) {
    auto found = database.prepare("SELECT " LATCHKEY_GRANT_COLUMNS
                                  " FROM grants g WHERE g.tenant = ? AND g.connection = ?"
                                  " AND g.epoch = ?");
    found.bind(default_tenant).bind(key.connection.text).bind(key.epoch.value);
    if (!found.step()) return std::nullopt;
    return read_grant(found);
}

void insert_grant(Database& database, const GrantRow& row) {
    auto insert = database.prepare(
        "INSERT INTO grants (tenant, connection, epoch, role, state, quarantine, reason,"
        " grant_generation, generation, attempt, attempt_node, resolver, timeline, refresh_token,"
        " access_token, provider, login_url, instance_url, org_id, user_id, scopes,"
        " access_received_at, access_expires_at, rotation_seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(default_tenant).bind(row.key.connection.text).bind(row.key.epoch.value);
    bind_rest(insert, row).run();
}

void update_grant(Database& database, const GrantRow& row, WallTime now) {
    auto update = database.prepare(
        "UPDATE grants SET role = ?, state = ?, quarantine = ?, reason = ?, grant_generation = ?,"
        " generation = ?, attempt = ?, attempt_node = ?, resolver = ?, timeline = ?, refresh_token "
        "= ?,"
        " access_token = ?, provider = ?, login_url = ?, instance_url = ?, org_id = ?,"
        " user_id = ?, scopes = ?, access_received_at = ?, access_expires_at = ?,"
        " rotation_seen = ?, revoked_at = CASE WHEN ? THEN COALESCE(revoked_at, ?) END"
        " WHERE tenant = ? AND connection = ? AND epoch = ?");
    bind_rest(update, row)
        .bind(std::int64_t{row.state == State::revoked})
        .bind(now)
        .bind(default_tenant)
        .bind(row.key.connection.text)
        .bind(row.key.epoch.value)
        .run();
}

}  // namespace latchkey::sqlite
