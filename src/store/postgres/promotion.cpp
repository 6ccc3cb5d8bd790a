#include "store/postgres/promotion.h"

#include "store/packed_list.h"
#include "store/postgres/grant_rows.h"
#include "store/store.h"

namespace latchkey::postgres {
namespace {

/// The old one first: a connection has at most one current grant at any moment. Each part waits for
/// the one before; where one did not fit, the division by zero takes all of them back.
constexpr const char* promote =
    "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), gone AS ("
    " UPDATE latchkey.grants g SET role = 'former', state = $5, reason = $6, resolver = ''"
    " WHERE g.tenant = $1 AND g.connection = $2 AND g.epoch = $4 AND g.role = 'current'"
    " AND g.state = $7 AND g.generation = $8 AND (SELECT line FROM p) IS NOT NULL"
    " RETURNING g.epoch), made AS ("
    " UPDATE latchkey.grants g SET role = 'current', generation = $9, instance_url = $10,"
    " org_id = $11, user_id = $12, scopes = $13"
    " WHERE g.tenant = $1 AND g.connection = $2 AND g.epoch = $3 AND g.role = 'candidate'"
    " AND g.state = $14 AND g.grant_generation = $15 AND g.generation = $16"
    " AND (SELECT line FROM p) IS NOT NULL"
    " AND (SELECT count(*) FROM gone) = CASE WHEN $4 = 0 THEN 0 ELSE 1 END"
    " RETURNING g.tenant, g.connection, g.epoch), kept AS ("
    " UPDATE latchkey.tokens t SET access_token = $17 FROM made"
    " WHERE t.tenant = made.tenant AND t.connection = made.connection AND t.epoch = made.epoch),"
    " plain AS (INSERT INTO latchkey.connections (tenant, id, end_user, username, connected_at,"
    " refreshed_at) SELECT made.tenant, made.connection, $18, $19, $20, $21 FROM made"
    " ON CONFLICT (tenant, id) DO UPDATE SET end_user = excluded.end_user,"
    " username = excluded.username, connected_at = excluded.connected_at,"
    " refreshed_at = excluded.refreshed_at), told AS ("
    " INSERT INTO latchkey.events (number, tenant, at, kind, connection, epoch, generation,"
    " reason) SELECT latchkey.next_event(), made.tenant, $22, $23, made.connection, made.epoch,"
    " $24, $25 FROM made WHERE $23 IS NOT NULL)"
    " SELECT 1 / (SELECT count(*) FROM made)";

}  // namespace

Query promote_grant(const PromotionChange& change, WallTime now) {
    const auto& promoted = change.made.promoted;
    const auto& former = change.made.former;
    const auto event = grant_rules::event_of(change.made);
    std::optional<std::string_view> kind;
    if (event) kind = name(event->kind);
    auto query = writing(promote);
    query.tolerated = "22012 23505 40001 40P01";
    query.given.word(default_tenant)
        .bytes(promoted.key.connection.text)
        .number(promoted.key.epoch.value)
        .number(former ? former->key.epoch.value : 0)
        .word(former ? name(former->state) : "")
        .bytes(former ? former->reason : "")
        .word(change.current ? name(change.current->state) : "")
        .number(change.current ? change.current->generation.value : 0)
        .number(promoted.generation.value)
        .bytes(promoted.instance_url)
        .bytes(promoted.org_id)
        .bytes(promoted.user_id)
        .bytes(pack(promoted.scopes))
        .word(name(change.candidate.state))
        .number(change.candidate.grant_generation.value)
        .number(change.candidate.generation.value)
        .sealed(promoted.access_token)
        .bytes(change.facts.end_user)
        .bytes(change.facts.username)
        .time(change.facts.connected_at)
        .time(change.facts.refreshed_at)
        .time(now)
        .word_or_null(kind)
        .number(event ? event->generation.value : 0)
        .bytes(event ? event->reason : std::string{});
    return query;
}

}  // namespace latchkey::postgres
