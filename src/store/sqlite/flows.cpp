#include <utility>

#include "store/errors.h"
#include "store/sqlite/ports.h"
#include "store/stored_rows.h"

namespace latchkey::sqlite {
namespace {

/// Everything after id and version.
Statement& bind_rest(Statement& statement, const FlowRow& flow) {
    return statement.bind(stored::word(flow.state))
        .bind(flow.owner.text)
        .bind(flow.end_user)
        .bind(flow.provider.text)
        .bind(flow.purpose)
        .bind(flow.return_url)
        .bind(flow.login_url)
        .bind(flow.reconnects.text)
        .bind(flow.link_hash)
        .bind(flow.state_hash)
        .bind(flow.cookie_hash)
        .bind(flow.ticket_hash)
        .bind(flow.verifier)
        .bind(flow.callback)
        .bind(flow.ticket_expires_at)
        .bind(flow.created_at)
        .bind(flow.expires_at)
        .bind(flow.connection.text)
        .bind(flow.failure);
}

Result<FlowRow> only_row(Statement found) {
    if (!found.step()) return store_error::no_flow();
    return stored::read_flow(found);
}

class Flows final : public FlowStore {
public:
    explicit Flows(Bench& bench) : bench_(bench) {}

    Task<void> insert(FlowRow flow, Deadline by) override {
        return bench_.worker.write<void>(
            [this, flow](Database& database) { return insert_one(database, flow); }, by);
    }

    Task<FlowRow> by_id(FlowId id, Deadline by) override {
        return find("SELECT " LATCHKEY_FLOW_COLUMNS " FROM flows WHERE tenant = ? AND id = ?",
                    id.text, by);
    }

    Task<FlowRow> by_link(std::string link_hash, Deadline by) override {
        return find("SELECT " LATCHKEY_FLOW_COLUMNS
                    " FROM flows WHERE tenant = ? AND link_hash = ?",
                    std::move(link_hash), by);
    }

    Task<FlowRow> by_state(std::string state_hash, Deadline by) override {
        return find("SELECT " LATCHKEY_FLOW_COLUMNS
                    " FROM flows WHERE tenant = ? AND state_hash = ? AND state_hash <> ''",
                    std::move(state_hash), by);
    }

    Task<FlowRow> replace(FlowRow next, Deadline by) override {
        return bench_.worker.write<FlowRow>(
            [next](Database& database) mutable -> Result<FlowRow> {
                auto update = database.prepare(
                    "UPDATE flows SET state = ?, owner = ?, end_user = ?, provider = ?,"
                    " purpose = ?, return_url = ?, login_url = ?, reconnects = ?, link_hash = ?,"
                    " state_hash = ?, cookie_hash = ?, ticket_hash = ?, verifier = ?,"
                    " callback = ?, ticket_expires_at = ?, created_at = ?, expires_at = ?,"
                    " connection = ?, failure = ?, version = version + 1"
                    " WHERE tenant = ? AND id = ? AND version = ?");
                bind_rest(update, next)
                    .bind(default_tenant)
                    .bind(next.id.text)
                    .bind(next.version)
                    .run();
                if (database.changes() == 1) {
                    ++next.version;
                    return std::move(next);
                }
                auto known = database.prepare("SELECT 1 FROM flows WHERE tenant = ? AND id = ?");
                if (!known.bind(default_tenant).bind(next.id.text).step())
                    return store_error::no_flow();
                return store_error::flow_conflict();
            },
            by);
    }

    Task<std::vector<FlowRow>> in_state(FlowState wanted, std::size_t limit, Deadline by) override {
        return bench_.worker.read<std::vector<FlowRow>>(
            [wanted, limit](Database& database) -> Result<std::vector<FlowRow>> {
                auto found = database.prepare("SELECT " LATCHKEY_FLOW_COLUMNS
                                              " FROM flows WHERE tenant = ? AND state = ?"
                                              " ORDER BY created_at, id LIMIT ?");
                found.bind(default_tenant)
                    .bind(stored::word(wanted))
                    .bind(static_cast<std::int64_t>(limit));
                std::vector<FlowRow> flows;
                while (found.step()) flows.push_back(stored::read_flow(found));
                return flows;
            },
            by);
    }

    Task<std::size_t> erase_expired(WallTime before, Deadline by) override {
        return bench_.worker.write<std::size_t>(
            [this, before](Database& database) -> Result<std::size_t> {
                database.prepare("DELETE FROM flows WHERE tenant = ? AND expires_at < ?")
                    .bind(default_tenant)
                    .bind(before)
                    .run();
                at_most_.reset();
                return static_cast<std::size_t>(database.changes());
            },
            by);
    }

private:
    Task<FlowRow> find(std::string_view sql, std::string value, Deadline by) {
        return bench_.worker.read<FlowRow>(
            [sql, value = std::move(value)](Database& database) {
                auto found = database.prepare(sql);
                found.bind(default_tenant).bind(value);
                return only_row(std::move(found));
            },
            by);
    }

    Result<void> insert_one(Database& database, const FlowRow& flow) {
        auto taken = database.prepare(
            "SELECT 1 FROM flows WHERE tenant = ?1 AND (id = ?2 OR link_hash = ?3)");
        if (taken.bind(default_tenant).bind(flow.id.text).bind(flow.link_hash).step())
            return store_error::flow_exists();
        if (full(database)) return store_error::too_many_flows();
        if (full_of(database, flow.owner)) return store_error::too_many_connect_sessions();
        auto insert = database.prepare(
            "INSERT INTO flows (tenant, id, version, state, owner, end_user, provider, purpose,"
            " return_url, login_url, reconnects, link_hash, state_hash, cookie_hash, ticket_hash,"
            " verifier, callback, ticket_expires_at, created_at, expires_at, connection, failure)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(default_tenant).bind(flow.id.text).bind(flow.version);
        bind_rest(insert, flow).run();
        ++*at_most_;
        return {};
    }

    /// Counting every time would cost more than the insert; a number that is never too low is kept,
    /// and the rows are counted only when it says that the limit may be reached.
    bool full(Database& database) {
        if (at_most_ && *at_most_ < bench_.limits.unexpired_flows) return false;
        auto counted =
            database.prepare("SELECT COUNT(*) FROM flows WHERE tenant = ? AND expires_at > ?");
        counted.bind(default_tenant).bind(bench_.clock.wall()).step();
        at_most_ = static_cast<std::size_t>(counted.number());
        return *at_most_ >= bench_.limits.unexpired_flows;
    }

    /// From an index that has these alone, and no further than the limit.
    bool full_of(Database& database, const ApiKeyId& owner) {
        if (owner.text.empty()) return false;
        const auto limit = static_cast<std::int64_t>(bench_.limits.open_flows_of_key);
        auto counted = database.prepare(
            "SELECT COUNT(*) FROM (SELECT 1 FROM flows WHERE tenant = ? AND owner = ?"
            " AND expires_at > ? AND state NOT IN ('done', 'failed') LIMIT ?)");
        counted.bind(default_tenant).bind(owner.text).bind(bench_.clock.wall()).bind(limit).step();
        return counted.number() >= limit;
    }

    Bench& bench_;
    std::optional<std::size_t> at_most_;  // unexpired flows; touched by the worker's thread only
};

}  // namespace

std::unique_ptr<FlowStore> make_flows(Bench& bench) {
    return std::make_unique<Flows>(bench);
}

}  // namespace latchkey::sqlite
