#pragma once

#include <optional>
#include <string>

#include "model/grant.h"
#include "store/sqlite/database.h"

namespace latchkey::sqlite {

/// Columns of `grants` in the order that `read_grant` takes them.
#define LATCHKEY_GRANT_COLUMNS                                                             \
    "g.connection, g.epoch, g.role, g.state, g.quarantine, g.reason, g.grant_generation, " \
    "g.generation, g.attempt, g.attempt_node, g.resolver, g.timeline, g.refresh_token, "   \
    "g.access_token, "                                                                     \
    "g.provider, g.login_url, g.instance_url, g.org_id, g.user_id, g.scopes, "             \
    "g.access_received_at, g.access_expires_at, g.rotation_seen"

GrantRow read_grant(Statement& row);

/// The connection's current grant.
std::optional<GrantRow> current_grant(Database& database, const ConnectionId& connection);
std::optional<GrantRow> one_grant(Database& database, const GrantKey& key);

void insert_grant(Database& database, const GrantRow& row);
/// Writes every column but the key. `now` is kept as the time of revocation of a row that has just
/// become REVOKED.
void update_grant(Database& database, const GrantRow& row, WallTime now);

}  // namespace latchkey::sqlite
