#include <utility>

#include "store/errors.h"
#include "store/postgres/ports.h"
#include "store/stored_rows.h"

namespace latchkey::postgres {
namespace {

/// $1 to $22.
Parameters& bind(Parameters& given, const FlowRow& flow) {
    return given.word(default_tenant)
        .bytes(flow.id.text)
        .number(flow.version)
        .word(stored::word(flow.state))
        .bytes(flow.owner.text)
        .bytes(flow.end_user)
        .bytes(flow.provider.text)
        .bytes(flow.purpose)
        .bytes(flow.return_url)
        .bytes(flow.login_url)
        .bytes(flow.reconnects.text)
        .bytes(flow.link_hash)
        .bytes(flow.state_hash)
        .bytes(flow.cookie_hash)
        .bytes(flow.ticket_hash)
        .sealed(flow.verifier)
        .sealed(flow.callback)
        .time(flow.ticket_expires_at)
        .time(flow.created_at)
        .time(flow.expires_at)
        .bytes(flow.connection.text)
        .word(flow.failure);
}

/// One row: whether there is room for it, whether the flow is in now, whether there is one like it,
/// and whether its key may have another.
constexpr const char* insert_flow =
    "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), room AS MATERIALIZED ("
    " SELECT count(*) < $23 AS left FROM (SELECT 1 FROM latchkey.flows f"
    " WHERE f.tenant = $1 AND f.expires_at > $24 LIMIT $23) x), own AS MATERIALIZED ("
    " SELECT $5 = ''::bytea OR count(*) < $25 AS left FROM (SELECT 1 FROM latchkey.flows f"
    " WHERE f.tenant = $1 AND f.owner = $5 AND f.expires_at > $24"
    " AND f.state NOT IN ('done', 'failed') LIMIT $25) y), made AS ("
    " INSERT INTO latchkey.flows (tenant, " LATCHKEY_FLOW_COLUMNS
    ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
    " $19, $20, $21, $22 FROM p, room, own WHERE room.left AND own.left AND p.line IS NOT NULL"
    " ON CONFLICT DO NOTHING RETURNING 1)"
    " SELECT room.left, EXISTS (SELECT 1 FROM made), EXISTS (SELECT 1 FROM latchkey.flows f"
    " WHERE f.tenant = $1 AND (f.id = $2 OR f.link_hash = $12)), own.left FROM room, own";

constexpr const char* replace_flow =
    "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), made AS ("
    " UPDATE latchkey.flows f SET version = f.version + 1, state = $4, owner = $5, end_user = $6,"
    " provider = $7, purpose = $8, return_url = $9, login_url = $10, reconnects = $11,"
    " link_hash = $12, state_hash = $13, cookie_hash = $14, ticket_hash = $15, verifier = $16,"
    " callback = $17, ticket_expires_at = $18, created_at = $19, expires_at = $20,"
    " connection = $21, failure = $22"
    " WHERE f.tenant = $1 AND f.id = $2 AND f.version = $3 AND (SELECT line FROM p) IS NOT NULL"
    " RETURNING 1) SELECT EXISTS (SELECT 1 FROM made),"
    " EXISTS (SELECT 1 FROM latchkey.flows f WHERE f.tenant = $1 AND f.id = $2)";

class Flows final : public FlowStore {
public:
    explicit Flows(Bench& bench) : bench_(bench) {}

    Task<void> insert(FlowRow flow, Deadline by) override {
        auto insert = writing(insert_flow);
        bind(insert.given, flow)
            .number(static_cast<std::int64_t>(bench_.limits.unexpired_flows))
            .time(bench_.clock.wall())
            .number(static_cast<std::int64_t>(bench_.limits.open_flows_of_key));
        auto rows = co_await bench_.pool.ask(std::move(insert), by);
        if (!rows) co_return rows.error();
        rows->next();
        const bool room = rows->truth();
        const bool made = rows->truth();
        const bool known = rows->truth();
        const bool room_of_key = rows->truth();
        if (made) co_return Result<void>{};
        if (known) co_return store_error::flow_exists();
        if (!room) co_return store_error::too_many_flows();
        if (!room_of_key) co_return store_error::too_many_connect_sessions();
        co_return store_error::flow_exists();
    }

    Task<FlowRow> by_id(FlowId id, Deadline by) override {
        return find("SELECT " LATCHKEY_FLOW_COLUMNS
                    " FROM latchkey.flows WHERE tenant = $1 AND id = $2",
                    std::move(id.text), by);
    }

    Task<FlowRow> by_link(std::string link_hash, Deadline by) override {
        return find("SELECT " LATCHKEY_FLOW_COLUMNS
                    " FROM latchkey.flows WHERE tenant = $1 AND link_hash = $2",
                    std::move(link_hash), by);
    }

    Task<FlowRow> by_state(std::string state_hash, Deadline by) override {
        return find("SELECT " LATCHKEY_FLOW_COLUMNS
                    " FROM latchkey.flows WHERE tenant = $1 AND state_hash = $2"
                    " AND state_hash <> ''",
                    std::move(state_hash), by);
    }

    Task<FlowRow> replace(FlowRow next, Deadline by) override {
        auto replace = writing(replace_flow);
        bind(replace.given, next);
        auto rows = co_await bench_.pool.ask(std::move(replace), by);
        if (!rows) co_return rows.error();
        rows->next();
        const bool made = rows->truth();
        if (!made && !rows->truth()) co_return store_error::no_flow();
        if (!made) co_return store_error::flow_conflict();
        ++next.version;
        co_return next;
    }

    Task<std::vector<FlowRow>> in_state(FlowState wanted, std::size_t limit, Deadline by) override {
        auto question = reading("SELECT " LATCHKEY_FLOW_COLUMNS
                                " FROM latchkey.flows WHERE tenant = $1 AND state = $2"
                                " ORDER BY created_at, id LIMIT $3");
        question.given.word(default_tenant)
            .word(stored::word(wanted))
            .number(static_cast<std::int64_t>(limit));
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<FlowRow> flows;
        while (found->next()) flows.push_back(stored::read_flow(*found));
        co_return flows;
    }

    Task<std::size_t> erase_expired(WallTime before, Deadline by) override {
        auto erase = writing(
            "WITH gone AS (DELETE FROM latchkey.flows WHERE tenant = $1 AND expires_at < $2"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1)"
            " SELECT count(*) FROM gone");
        erase.given.word(default_tenant).time(before);
        auto rows = co_await bench_.pool.ask(std::move(erase), by);
        if (!rows) co_return rows.error();
        rows->next();
        co_return static_cast<std::size_t>(rows->number());
    }

private:
    Task<FlowRow> find(std::string_view sql, std::string value, Deadline by) {
        auto question = reading(sql);
        question.given.word(default_tenant).bytes(value);
        auto rows = co_await bench_.pool.ask(std::move(question), by);
        if (!rows) co_return rows.error();
        if (!rows->next()) co_return store_error::no_flow();
        co_return stored::read_flow(*rows);
    }

    Bench& bench_;
};

}  // namespace

std::unique_ptr<FlowStore> make_flows(Bench& bench) {
    return std::make_unique<Flows>(bench);
}

}  // namespace latchkey::postgres
