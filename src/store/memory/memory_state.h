#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "store/limits.h"
#include "store/memory/gate.h"
#include "store/memory_store.h"

namespace latchkey::memory {

struct KeptGrant {
    GrantRow row;
    std::optional<WallTime> revoked_at;
};

struct Waiter;

/// Changes further back than this are told as "anything may have changed".
inline constexpr std::size_t most_changes_kept = 1000;

/// Everything a MemoryStore holds.
struct Contents : Gatekeeper {
    Contents(Clock& c, StoreLimits l) : Gatekeeper(c), limits(l) {}

    StoreLimits limits;
    Installation installation;
    std::map<std::pair<std::string, std::int64_t>, KeptGrant> grants;  // by (connection, epoch)
    std::map<std::string, Connection> connections;                     // plain columns only
    std::map<std::string, FlowRow> flows;
    std::vector<SealedKey> keys;
    std::vector<ApiKeyRow> api_keys;
    std::vector<ConnectionEvent> events;  // in order
    std::int64_t last_event = 0;
    std::map<std::string, NodeRow> nodes;
    std::map<std::string, KillSwitch> kill_switches;  // by provider
    std::deque<ConnectionId> changed;                 // the latest ones, oldest first
    std::int64_t last_change = 0;
    std::vector<std::weak_ptr<Waiter>> waiters;

    Timeline timeline() const { return Timeline{std::to_string(installation.incarnation)}; }
    KeptGrant* current(const ConnectionId& connection);
    KeptGrant* grant(const GrantKey& key);
    /// Writes a row back, notes when it became REVOKED, and tells who waits for changes.
    void write(KeptGrant& kept, GrantRow row);
    void raise(std::optional<ConnectionEvent> event);
    void note_change(const ConnectionId& connection);
};

std::unique_ptr<GrantStore> make_grants(Contents& state);
std::unique_ptr<ConnectionIndex> make_connections(Contents& state);
std::unique_ptr<FlowStore> make_flows(Contents& state);
std::unique_ptr<KeyStore> make_keys(Contents& state);
std::unique_ptr<ApiKeyStore> make_api_keys(Contents& state);
std::unique_ptr<KillSwitchStore> make_kill_switches(Contents& state);
std::unique_ptr<EventStore> make_events(Contents& state);
std::unique_ptr<NodeStore> make_nodes(Contents& state);
std::unique_ptr<Changes> make_changes(Contents& state);

}  // namespace latchkey::memory
