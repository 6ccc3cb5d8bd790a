#include <algorithm>
#include <map>

#include "store/errors.h"
#include "store/grant_rules.h"
#include "store/list_cursor.h"
#include "store/postgres/grant_pages.h"
#include "store/postgres/grant_rows.h"
#include "store/postgres/ports.h"

namespace latchkey::postgres {
namespace {

/// A connection and its current grant, in the order that `read_shown` takes them. $1 is the tenant.
#define LATCHKEY_PG_SHOWN                                                                  \
    "SELECT c.id, c.end_user, c.username, c.connected_at, c.refreshed_at,"                 \
    " " LATCHKEY_PG_GRANT_COLUMNS " FROM latchkey.connections c JOIN (" LATCHKEY_PG_GRANTS \
    ") ON g.tenant = c.tenant AND g.connection = c.id AND g.role = 'current'"              \
    " WHERE c.tenant = $1 "

/// standing_of of model/grant.h as a condition on the columns it is made of; a test compares them.
#define LATCHKEY_PG_PAGE_CONDITIONS                                                       \
    " AND ($2::text IS NULL OR $2 = CASE WHEN g.state = 'REVOKING' THEN 'revoking'"       \
    " WHEN g.state = 'REVOKED' THEN 'revoked' WHEN g.quarantine <> '' THEN 'quarantined'" \
    " WHEN g.state = 'UNCERTAIN' THEN 'uncertain'"                                        \
    " WHEN g.state = 'REAUTH_REQUIRED' THEN 'reauth_required' ELSE 'active' END)"         \
    " AND ($3::bytea IS NULL OR g.provider = $3)"                                         \
    " AND (c.connected_at, c.id) > ($4::bigint, $5::bytea)"                               \
    " ORDER BY c.connected_at, c.id LIMIT $6"

Connection read_shown(Rows& row) {
    Connection kept;
    kept.id = ConnectionId{row.text()};
    kept.end_user = row.text();
    kept.username = row.text();
    kept.connected_at = row.time();
    kept.refreshed_at = row.time_or_null();
    return grant_rules::shown(std::move(kept), read_grant(row));
}

Query page_of(const ConnectionQuery& query, const ListPlace& after, std::size_t limit) {
    auto page =
        reading(query.end_user ? LATCHKEY_PG_SHOWN "AND c.end_user = $7" LATCHKEY_PG_PAGE_CONDITIONS
                               : LATCHKEY_PG_SHOWN LATCHKEY_PG_PAGE_CONDITIONS);
    std::optional<std::string_view> standing;
    if (query.standing) standing = name(*query.standing);
    std::optional<std::string_view> provider;
    if (query.provider) provider = query.provider->text;
    page.given.word(default_tenant)
        .word_or_null(standing)
        .bytes_or_null(provider)
        .time(after.connected_at)
        .bytes(after.id.text)
        .number(static_cast<std::int64_t>(limit + 1));
    if (query.end_user) page.given.bytes(*query.end_user);
    return page;
}

class Connections final : public ConnectionIndex {
public:
    explicit Connections(Bench& bench) : bench_(bench) {}

    Task<Connection> find(ConnectionId id, Deadline by) override {
        return read_connection(bench_.pool, std::move(id), by);
    }

    Task<ConnectionPage> list(ConnectionQuery query, Deadline by) override {
        ListPlace after{WallTime{std::chrono::seconds{INT64_MIN}}, ConnectionId{}};
        if (!query.cursor.empty()) {
            const auto place = parse_cursor(query.cursor);
            if (!place) co_return store_error::invalid_cursor();
            after = *place;
        }
        const auto limit = std::clamp<std::size_t>(query.limit, 1, longest_page);
        auto found = co_await bench_.pool.ask(page_of(query, after, limit), by);
        if (!found) co_return found.error();
        ConnectionPage page;
        while (found->next()) page.items.push_back(read_shown(*found));
        // One more than asked for tells whether there is another page.
        if (page.items.size() > limit) {
            page.items.pop_back();
            const auto& last = page.items.back();
            page.next_cursor = print_cursor({last.connected_at, last.id});
        }
        co_return page;
    }

    Task<std::vector<Connection>> of_salesforce_user(ProviderId provider, std::string org_id,
                                                     std::string user_id, Deadline by) override {
        auto question = reading(LATCHKEY_PG_SHOWN
                                "AND g.provider = $2 AND g.org_id = $3 AND g.user_id = $4"
                                " AND g.state <> 'REVOKED' ORDER BY c.connected_at, c.id");
        question.given.word(default_tenant).bytes(provider.text).bytes(org_id).bytes(user_id);
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<Connection> all;
        while (found->next()) all.push_back(read_shown(*found));
        co_return all;
    }

    Task<std::vector<StandingCount>> counts(Deadline by) override {
        auto question = reading(
            "SELECT g.state, g.quarantine, g.reason, count(*) FROM latchkey.grants g"
            " WHERE g.tenant = $1 AND g.role = 'current'"
            " GROUP BY g.state, g.quarantine, g.reason");
        question.given.word(default_tenant);
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::map<std::pair<Standing, std::string>, std::int64_t> sums;
        while (found->next()) {
            GrantRow alike;
            const auto state = found->text();
            alike.quarantine = found->text();
            alike.reason = found->text();
            const auto known = state_of(state);
            alike.state = known.value_or(State::uncertain);
            if (!known) alike.quarantine = "corrupt";
            const auto shown = grant_rules::shown(Connection{}, alike);
            sums[{shown.standing, shown.reason}] += found->number();
        }
        std::vector<StandingCount> counts;
        for (const auto& [what, sum] : sums) counts.push_back({what.first, what.second, sum});
        co_return counts;
    }

    Task<std::int64_t> suspect_count(Deadline by) override {
        auto question = count_suspects();
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        found->next();
        co_return found->number();
    }

private:
    Bench& bench_;
};

}  // namespace

Task<Connection> read_connection(Pool& pool, ConnectionId id, Deadline by) {
    auto question = reading(LATCHKEY_PG_SHOWN "AND c.id = $2");
    question.given.word(default_tenant).bytes(id.text);
    auto found = co_await pool.ask(std::move(question), by);
    if (!found) co_return found.error();
    if (!found->next()) co_return store_error::no_connection();
    co_return read_shown(*found);
}

std::unique_ptr<ConnectionIndex> make_connections(Bench& bench) {
    return std::make_unique<Connections>(bench);
}

}  // namespace latchkey::postgres
