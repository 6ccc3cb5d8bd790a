#pragma once

#include <cstdint>

#include "base/random.h"
#include "store/postgres/pool.h"

namespace latchkey::postgres {

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
