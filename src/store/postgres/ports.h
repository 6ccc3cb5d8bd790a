#pragma once

#include <memory>

#include "store/limits.h"
#include "store/postgres/pool.h"
#include "store/store.h"

namespace latchkey::postgres {

class Bulletin;

/// What every port needs. All must outlive the ports.
struct Bench {
    Pool& pool;
    Bulletin& bulletin;
    Clock& clock;
    StoreLimits limits;
};

std::unique_ptr<GrantStore> make_grants(Bench& bench);
std::unique_ptr<ConnectionIndex> make_connections(Bench& bench);
std::unique_ptr<FlowStore> make_flows(Bench& bench);
std::unique_ptr<KeyStore> make_keys(Bench& bench);
std::unique_ptr<ApiKeyStore> make_api_keys(Bench& bench);
std::unique_ptr<KillSwitchStore> make_kill_switches(Bench& bench);
std::unique_ptr<EventStore> make_events(Bench& bench);
std::unique_ptr<NodeStore> make_nodes(Bench& bench);
std::unique_ptr<Changes> make_changes(Bench& bench);

/// A connection as people see it, with what follows from its current grant.
/// errors  not_found connection_not_found
Task<Connection> read_connection(Pool& pool, ConnectionId id, Deadline by);

}  // namespace latchkey::postgres
