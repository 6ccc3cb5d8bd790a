#pragma once

#include <cstdint>

#include "base/random.h"
#include "store/postgres/pool.h"

namespace latchkey::postgres {

/// For transactions that change the schema, or all of it: one after the other. "lkey" and the word for
/// migrations; next_event has the one after it.
inline constexpr const char* take_turns =
    "SET LOCAL search_path = pg_catalog, pg_temp;"
    "SELECT pg_catalog.pg_advisory_xact_lock(7812732640301)";

/// What was found at the start.
struct ServerSettings {
    bool fsync = true;
    std::string standbys;            ///< synchronous_standby_names
    std::string synchronous_commit;  ///< of the role, before we overrule it
    std::int64_t server_version = 0;
};

/// Brings the schema `latchkey` up to date in one transaction, so that a node that is killed half-way
/// leaves the old one. Nodes that start together wait for each other.
/// errors  misconfigured store_too_new, store_refused · those of store.h
Task<void> migrate(Pool& pool, Random& random, Deadline by);

/// Reads what the start-up checks look at.
Task<ServerSettings> read_settings(Pool& pool, Deadline by);

}  // namespace latchkey::postgres
