#include "store/postgres/grant_pages.h"

#include <algorithm>

#include "store/limits.h"
#include "store/postgres/grant_rows.h"
#include "store/store.h"

namespace latchkey::postgres {
namespace {

/// The page's place and length as $1 to $4; the page's own conditions begin at $5.
Query page(std::string_view sql, const GrantKey& after, std::size_t limit) {
    auto query = reading(sql);
    query.given.word(default_tenant)
        .bytes(after.connection.text)
        .number(after.epoch.value)
        .number(static_cast<std::int64_t>(std::min(limit, most_rows_of_a_state)));
    return query;
}

#define LATCHKEY_PG_PAGE "SELECT " LATCHKEY_PG_GRANT_COLUMNS " FROM " LATCHKEY_PG_GRANTS " "
#define LATCHKEY_PG_AFTER                                                      \
    " AND g.tenant = $1 AND (g.connection, g.epoch) > ($2::bytea, $3::bigint)" \
    " ORDER BY g.connection, g.epoch LIMIT $4"
/// grant_rules::may_be_refreshed as the conditions that the index grants_to_refresh is made of.
#define LATCHKEY_PG_TO_REFRESH \
    "WHERE g.role = 'current' AND g.state = 'ACTIVE' AND g.quarantine = '' AND g.renewable"

}  // namespace

Query grants_in_state(State wanted, const GrantKey& after, std::size_t limit) {
    // The second condition says nothing new; it lets the index be used that leaves out the many.
    auto query =
        page(wanted == State::active ? LATCHKEY_PG_PAGE "WHERE g.state = $5" LATCHKEY_PG_AFTER
                                     : LATCHKEY_PG_PAGE
                 "WHERE g.state = $5 AND g.state <> 'ACTIVE'" LATCHKEY_PG_AFTER,
             after, limit);
    query.given.word(name(wanted));
    return query;
}

Query grants_due(const DueBy& when, const GrantKey& after, std::size_t limit) {
    auto query =
        page(LATCHKEY_PG_PAGE LATCHKEY_PG_TO_REFRESH
             " AND (g.access_received_at < $5 OR g.access_expires_at < $6)" LATCHKEY_PG_AFTER,
             after, limit);
    query.given.time(when.received_before).time(when.expires_before);
    return query;
}

Query suspect_grants(const GrantKey& after, std::size_t limit) {
    return page(LATCHKEY_PG_PAGE LATCHKEY_PG_TO_REFRESH
                " AND g.timeline <> (SELECT latchkey.present_timeline())" LATCHKEY_PG_AFTER,
                after, limit);
}

Query grants_sealed_otherwise(const std::string& header, const GrantKey& after, std::size_t limit) {
    auto query = page(LATCHKEY_PG_PAGE
                      "WHERE (pg_catalog.substr(t.refresh_token, 1, $6::pg_catalog.int4) <> $5"
                      " OR pg_catalog.substr(t.access_token, 1, $6::pg_catalog.int4) <> "
                      "$5)" LATCHKEY_PG_AFTER,
                      after, limit);
    query.given.bytes(header).number(static_cast<std::int64_t>(header.size()));
    return query;
}

Query count_suspects() {
    auto count =
        reading("SELECT count(*) FROM latchkey.grants g " LATCHKEY_PG_TO_REFRESH
                " AND g.tenant = $1 AND g.timeline <> (SELECT latchkey.present_timeline())");
    count.given.word(default_tenant);
    return count;
}

Task<std::vector<GrantRow>> read_page(Pool& pool, Query page, Deadline by) {
    auto found = co_await pool.ask(std::move(page), by);
    if (!found) co_return found.error();
    std::vector<GrantRow> rows;
    while (found->next()) rows.push_back(read_grant(*found));
    co_return rows;
}

Query forget_grants(WallTime before) {
    // A connection goes only when nothing of it is left to be revoked. Tokens go with their grants.
    auto forget = writing(
        "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), old AS MATERIALIZED ("
        " SELECT g.connection, g.epoch, g.role FROM latchkey.grants g, p WHERE g.tenant = $1"
        " AND g.state = 'REVOKED' AND g.revoked_at < $2 AND p.line IS NOT NULL), going AS ("
        " SELECT old.connection, old.epoch, old.role FROM old WHERE old.role = 'former'"
        " OR (old.role = 'current' AND NOT EXISTS (SELECT 1 FROM latchkey.grants o"
        " WHERE o.tenant = $1 AND o.connection = old.connection AND o.epoch <> old.epoch"
        " AND NOT EXISTS (SELECT 1 FROM old f WHERE f.connection = o.connection"
        " AND f.epoch = o.epoch AND f.role = 'former')))), gone AS ("
        " DELETE FROM latchkey.grants g USING going WHERE g.tenant = $1"
        " AND g.connection = going.connection AND g.epoch = going.epoch"
        " AND g.state = 'REVOKED' RETURNING g.connection, g.role), plain AS ("
        " DELETE FROM latchkey.connections c USING gone"
        " WHERE gone.role = 'current' AND c.tenant = $1 AND c.id = gone.connection)"
        " SELECT count(*) FROM gone");
    forget.given.word(default_tenant).time(before);
    return forget;
}

}  // namespace latchkey::postgres
