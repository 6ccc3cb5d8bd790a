#include "store/postgres/grant_rows.h"

#include "store/packed_list.h"
#include "store/store.h"
#include "store/stored_words.h"

namespace latchkey::postgres {
namespace {

/// $1 to $3.
Parameters& bind_key(Parameters& given, const GrantKey& key) {
    return given.word(default_tenant).bytes(key.connection.text).number(key.epoch.value);
}

/// $4 to $21: what may change in a row's life.
Parameters& bind_state(Parameters& given, const GrantRow& row) {
    return given.word(stored::word(row.role))
        .word(name(row.state))
        .word(row.quarantine)
        .bytes(row.reason)
        .number(row.grant_generation.value)
        .number(row.generation.value)
        .word(row.attempt.text)
        .word(row.attempt_node.text)
        .word(row.resolver.text)
        .word(row.timeline.text)
        .bytes(row.instance_url)
        .bytes(row.org_id)
        .bytes(row.user_id)
        .bytes(pack(row.scopes))
        .time(row.access_received_at)
        .time(row.access_expires_at)
        .truth(row.rotation_seen)
        .truth(row.refresh_token.has_value());
}

/// $22 to $31: what the rules look at, as it was read.
Parameters& bind_seen(Parameters& given, const GrantChange& change) {
    const auto& row = change.seen;
    return given.word(stored::word(row.role))
        .word(name(row.state))
        .word(row.quarantine)
        .bytes(row.reason)
        .number(row.grant_generation.value)
        .number(row.generation.value)
        .word(row.attempt.text)
        .word(row.resolver.text)
        .word(row.timeline.text)
        .word(change.present.text);
}

#define LATCHKEY_PG_UPDATE                                                                    \
    "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), fit AS ("           \
    " UPDATE latchkey.grants g SET role = $4, state = $5, quarantine = $6, reason = $7,"      \
    " grant_generation = $8, generation = $9, attempt = $10, attempt_node = $11,"             \
    " resolver = $12, timeline = $13, instance_url = $14, org_id = $15, user_id = $16,"       \
    " scopes = $17, access_received_at = $18, access_expires_at = $19, rotation_seen = $20,"  \
    " renewable = $21,"                                                                       \
    " revoked_at = CASE WHEN $5 = 'REVOKED' THEN COALESCE(g.revoked_at, $32) END"             \
    " WHERE g.tenant = $1 AND g.connection = $2 AND g.epoch = $3 AND g.role = $22"            \
    " AND g.state = $23 AND g.quarantine = $24 AND g.reason = $25"                            \
    " AND g.grant_generation = $26 AND g.generation = $27 AND g.attempt = $28"                \
    " AND g.resolver = $29 AND g.timeline = $30 AND (SELECT line FROM p) = $31"               \
    " RETURNING g.tenant, g.connection, g.epoch), told AS ("                                  \
    " INSERT INTO latchkey.events (number, tenant, at, kind, connection, epoch, generation,"  \
    " reason) SELECT latchkey.next_event(), fit.tenant, $32, $33, fit.connection, fit.epoch," \
    " $34, $35 FROM fit WHERE $33 IS NOT NULL), noted AS ("                                   \
    " UPDATE latchkey.connections c SET refreshed_at = $36 FROM fit"                          \
    " WHERE $36 IS NOT NULL AND c.tenant = fit.tenant AND c.id = fit.connection)"

constexpr const char* update_state = LATCHKEY_PG_UPDATE " SELECT 1 FROM fit";
constexpr const char* update_all = LATCHKEY_PG_UPDATE
    ", kept AS (UPDATE latchkey.tokens t SET refresh_token = $37, access_token = $38 FROM fit"
    " WHERE t.tenant = fit.tenant AND t.connection = fit.connection AND t.epoch = fit.epoch)"
    " SELECT 1 FROM fit";

}  // namespace

GrantRow read_grant(Rows& row) {
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
    grant.provider = ProviderId{row.text()};
    grant.login_url = row.text();
    grant.instance_url = row.text();
    grant.org_id = row.text();
    grant.user_id = row.text();
    grant.scopes = unpack(row.text());
    grant.access_received_at = row.time();
    grant.access_expires_at = row.time_or_null();
    grant.rotation_seen = row.truth();
    grant.refresh_token = row.sealed_or_null();
    grant.access_token = row.sealed_or_null();
    // A state that nobody here writes: never taken for one that may be used.
    const auto known = state_of(state);
    grant.state = known.value_or(State::uncertain);
    if (!known) grant.quarantine = "corrupt";
    return grant;
}

Query insert_grant(const GrantRow& row) {
    auto insert = writing(
        "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), last AS ("
        " SELECT COALESCE(MAX(g.epoch), 0) AS epoch FROM latchkey.grants g"
        " WHERE g.tenant = $1 AND g.connection = $2), made AS ("
        " INSERT INTO latchkey.grants (tenant, connection, epoch, role, state, quarantine, reason,"
        " grant_generation, generation, attempt, attempt_node, resolver, timeline, instance_url,"
        " org_id, user_id, scopes, access_received_at, access_expires_at, rotation_seen,"
        " renewable, provider, login_url) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
        " $12, p.line, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23"
        " FROM p, last WHERE CASE WHEN last.epoch = 0 THEN $3 = 1 ELSE $3 > last.epoch END"
        " RETURNING tenant, connection, epoch)"
        " INSERT INTO latchkey.tokens (tenant, connection, epoch, refresh_token, access_token)"
        " SELECT made.tenant, made.connection, made.epoch, $24, $25 FROM made"
        " RETURNING 1");
    bind_state(bind_key(insert.given, row.key), row)
        .bytes(row.provider.text)
        .bytes(row.login_url)
        .sealed(row.refresh_token)
        .sealed(row.access_token);
    insert.tolerated = "23505";  // somebody else has taken the epoch
    return insert;
}

Query update_grant(const GrantChange& change, WallTime now) {
    const bool tokens = change.seen.refresh_token != change.next.refresh_token ||
                        change.seen.access_token != change.next.access_token;
    auto update = writing(tokens ? update_all : update_state);
    update.tolerated = "40001 40P01";  // somebody came first: it did not fit
    bind_seen(bind_state(bind_key(update.given, change.next.key), change.next), change).time(now);
    std::optional<std::string_view> kind;
    if (change.event) kind = name(change.event->kind);
    update.given.word_or_null(kind)
        .number(change.event ? change.event->generation.value : 0)
        .bytes(change.event ? change.event->reason : std::string{})
        .time(change.refreshed_at);
    if (tokens) update.given.sealed(change.next.refresh_token).sealed(change.next.access_token);
    return update;
}

Query claim_grant(const GrantKey& key, GrantGeneration seen, const AttemptId& attempt,
                  const NodeId& node) {
    auto claim = writing(
        "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), g AS ("
        " UPDATE latchkey.grants g SET state = 'IN_FLIGHT', attempt = $5, attempt_node = $6"
        " WHERE g.tenant = $1 AND g.connection = $2 AND g.epoch = $3"
        " AND g.grant_generation = $4 AND g.role = 'current' AND g.state = 'ACTIVE'"
        " AND g.timeline = (SELECT line FROM p) RETURNING g.*)"
        " SELECT " LATCHKEY_PG_GRANT_COLUMNS
        " FROM g JOIN latchkey.tokens t"
        " ON t.tenant = g.tenant AND t.connection = g.connection AND t.epoch = g.epoch");
    bind_key(claim.given, key).number(seen.value).word(attempt.text).word(node.text);
    return claim;
}

}  // namespace latchkey::postgres
