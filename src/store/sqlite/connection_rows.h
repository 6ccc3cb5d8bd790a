#pragma once

#include <optional>

#include <latchkey/connection.h>

#include "store/sqlite/database.h"

namespace latchkey::sqlite {

/// Writes the plain columns of a connection, new or known. The rest is its current grant's.
void write_connection(Database& database, const Connection& facts);
void note_refresh(Database& database, const ConnectionId& connection, WallTime when);
/// With what follows from its current grant; nullopt if it has none.
std::optional<Connection> shown_connection(Database& database, const ConnectionId& id);
void erase_connections_without_grants(Database& database);

}  // namespace latchkey::sqlite
