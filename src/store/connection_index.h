#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/connection.h>

#include "base/async.h"

namespace latchkey {

struct ConnectionQuery {
    std::optional<std::string> end_user;
    std::optional<Standing> standing;
    std::optional<ProviderId> provider;
    std::string cursor;      ///< from the page before; empty for the first
    std::size_t limit = 50;  ///< 1 to 200
};

struct ConnectionPage {
    std::vector<Connection> items;
    std::string next_cursor;  ///< empty: this was the last page
};

/// How many connections stand alike.
struct StandingCount {
    Standing standing = Standing::active;
    std::string reason;  ///< as in Connection
    std::int64_t connections = 0;
};

/// Connections as people see them, for lists. Reads plain columns only.
class ConnectionIndex {
public:
    virtual ~ConnectionIndex() = default;
    /// errors  not_found connection_not_found
    virtual Task<Connection> find(ConnectionId id, Deadline by) = 0;
    /// By (connected_at, id), oldest first. errors  bad_input invalid_cursor
    virtual Task<ConnectionPage> list(ConnectionQuery query, Deadline by) = 0;
    /// Live connections (not revoked) of one Salesforce user through one provider: Salesforce keeps
    /// at most five approvals for them.
    virtual Task<std::vector<Connection>> of_salesforce_user(ProviderId provider,
                                                             std::string org_id,
                                                             std::string user_id, Deadline by) = 0;
    /// By (standing, reason). Counts every connection: for a measurement a minute, not for callers.
    virtual Task<std::vector<StandingCount>> counts(Deadline by) = 0;
    /// How many there are whose current grant GrantStore::suspects would give, in all. Like `counts`.
    virtual Task<std::int64_t> suspect_count(Deadline by) = 0;
};

}  // namespace latchkey
