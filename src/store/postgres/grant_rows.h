#pragma once

#include <optional>

#include "model/grant.h"
#include "store/event_store.h"
#include "store/postgres/query.h"

namespace latchkey::postgres {

/// Columns of `latchkey.grants g` and `latchkey.tokens t` in the order that `read_grant` takes them.
#define LATCHKEY_PG_GRANT_COLUMNS                                                          \
    "g.connection, g.epoch, g.role, g.state, g.quarantine, g.reason, g.grant_generation, " \
    "g.generation, g.attempt, g.attempt_node, g.resolver, g.timeline, g.provider, "        \
    "g.login_url, g.instance_url, g.org_id, g.user_id, g.scopes, g.access_received_at, "   \
    "g.access_expires_at, g.rotation_seen, t.refresh_token, t.access_token"

#define LATCHKEY_PG_GRANTS                     \
    "latchkey.grants g JOIN latchkey.tokens t" \
    " ON t.tenant = g.tenant AND t.connection = g.connection AND t.epoch = g.epoch"

GrantRow read_grant(Rows& row);

/// A new grant with its tokens, on the present timeline, if its epoch is the next one.
Query insert_grant(const GrantRow& row);

/// Writes `next` over the row that was read as `seen` while `present` was the timeline, in one
/// statement with all that goes with it. It fits only if nothing that a rule looks at has changed in
/// the meantime; it returns one row then, otherwise none.
struct GrantChange {
    GrantRow seen;
    GrantRow next;
    Timeline present;
    std::optional<ConnectionEvent> event;
    std::optional<WallTime> refreshed_at;  ///< tokens came to stay
    GrantChange(GrantRow before, GrantRow after, Timeline line)
        : seen(std::move(before)), next(std::move(after)), present(std::move(line)) {}
};
Query update_grant(const GrantChange& change, WallTime now);

/// The claim needs nothing but what the caller has read: one statement.
Query claim_grant(const GrantKey& key, GrantGeneration seen, const AttemptId& attempt,
                  const NodeId& node);

}  // namespace latchkey::postgres
