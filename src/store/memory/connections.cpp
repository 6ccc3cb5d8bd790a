#include <algorithm>

#include "store/grant_rules.h"
#include "store/list_cursor.h"
#include "store/memory/memory_state.h"

namespace latchkey::memory {
namespace {

class Connections final : public ConnectionIndex {
public:
    explicit Connections(Contents& state) : state_(state) {}

    Task<Connection> find(ConnectionId id, Deadline by) override {
        return gate<Connection>(&state_, "connections.find", by,
                                [this, id]() -> Result<Connection> {
                                    const auto* kept = state_.current(id);
                                    if (kept == nullptr) return store_error::no_connection();
                                    return shown(*kept);
                                });
    }

    Task<ConnectionPage> list(ConnectionQuery query, Deadline by) override {
        return gate<ConnectionPage>(&state_, "connections.list", by,
                                    [this, query] { return page(query); });
    }

    Task<std::vector<Connection>> of_salesforce_user(ProviderId provider, std::string org_id,
                                                     std::string user_id, Deadline by) override {
        return gate<std::vector<Connection>>(
            &state_, "connections.of_salesforce_user", by,
            [this, provider, org_id, user_id]() -> Result<std::vector<Connection>> {
                auto found = in_order();
                std::erase_if(found, [&](const Connection& c) {
                    return c.provider != provider || c.org_id != org_id || c.user_id != user_id ||
                           c.standing == Standing::revoked;
                });
                return found;
            });
    }

    Task<std::vector<StandingCount>> counts(Deadline by) override {
        return gate<std::vector<StandingCount>>(
            &state_, "connections.counts", by, [this]() -> Result<std::vector<StandingCount>> {
                std::map<std::pair<Standing, std::string>, std::int64_t> sums;
                for (const auto& [key, kept] : state_.grants) {
                    if (kept.row.role != Role::current) continue;
                    const auto seen = shown(kept);
                    ++sums[{seen.standing, seen.reason}];
                }
                std::vector<StandingCount> counts;
                for (const auto& [what, sum] : sums)
                    counts.push_back({what.first, what.second, sum});
                return counts;
            });
    }

    Task<std::int64_t> suspect_count(Deadline by) override {
        return gate<std::int64_t>(
            &state_, "connections.suspect_count", by, [this]() -> Result<std::int64_t> {
                return std::ranges::count_if(state_.grants, [&](const auto& named) {
                    const auto& row = named.second.row;
                    return grant_rules::may_be_refreshed(row) && row.timeline != state_.timeline();
                });
            });
    }

private:
    Connection shown(const KeptGrant& current) const {
        return grant_rules::shown(state_.connections.at(current.row.key.connection.text),
                                  current.row);
    }

    std::vector<Connection> in_order() const {
        std::vector<Connection> all;
        for (const auto& [key, kept] : state_.grants)
            if (kept.row.role == Role::current) all.push_back(shown(kept));
        std::sort(all.begin(), all.end(), [](const Connection& a, const Connection& b) {
            return std::tie(a.connected_at, a.id) < std::tie(b.connected_at, b.id);
        });
        return all;
    }

    Result<ConnectionPage> page(const ConnectionQuery& query) const {
        std::optional<ListPlace> after;
        if (!query.cursor.empty()) {
            after = parse_cursor(query.cursor);
            if (!after) return store_error::invalid_cursor();
        }
        const auto limit = std::clamp<std::size_t>(query.limit, 1, longest_page);
        ConnectionPage page;
        for (auto& connection : in_order()) {
            if (after && std::tie(connection.connected_at, connection.id) <=
                             std::tie(after->connected_at, after->id))
                continue;
            if (query.end_user && connection.end_user != *query.end_user) continue;
            if (query.standing && connection.standing != *query.standing) continue;
            if (query.provider && connection.provider != *query.provider) continue;
            if (page.items.size() == limit) {
                const auto& last = page.items.back();
                page.next_cursor = print_cursor({last.connected_at, last.id});
                break;
            }
            page.items.push_back(std::move(connection));
        }
        return page;
    }

    Contents& state_;
};

}  // namespace

std::unique_ptr<ConnectionIndex> make_connections(Contents& state) {
    return std::make_unique<Connections>(state);
}

}  // namespace latchkey::memory
