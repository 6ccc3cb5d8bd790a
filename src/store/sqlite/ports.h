#pragma once

#include <memory>
#include <string>

#include "store/limits.h"
#include "store/sqlite/worker.h"
#include "store/store.h"

namespace latchkey::sqlite {

/// What every port needs. All must outlive the ports.
struct Bench {
    Worker& worker;
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

/// The incarnation number, which is this store's timeline.
Timeline present_timeline(Database& database);

}  // namespace latchkey::sqlite
