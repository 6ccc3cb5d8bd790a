#include "store/memory_store.h"

#include "store/memory/memory_state.h"
#include "store/memory/sessions.h"

namespace latchkey {
namespace memory {

KeptGrant* Contents::current(const ConnectionId& connection) {
    for (auto at = grants.lower_bound({connection.text, 0});
         at != grants.end() && at->first.first == connection.text; ++at)
        if (at->second.row.role == Role::current) return &at->second;
    return nullptr;
}

KeptGrant* Contents::grant(const GrantKey& key) {
    const auto found = grants.find({key.connection.text, key.epoch.value});
    return found == grants.end() ? nullptr : &found->second;
}

void Contents::write(KeptGrant& kept, GrantRow row) {
    const bool revoked = row.state == State::revoked;
    if (!revoked) kept.revoked_at.reset();
    if (revoked && !kept.revoked_at) kept.revoked_at = clock.wall();
    kept.row = std::move(row);
    note_change(kept.row.key.connection);
}

void Contents::raise(std::optional<ConnectionEvent> event) {
    if (!event) return;
    event->number = ++last_event;
    event->at = clock.wall();
    events.push_back(std::move(*event));
}

}  // namespace memory

struct MemoryStore::Impl {
    Impl(Clock& clock, StoreLimits limits)
        : state(clock, limits),
          grants(memory::make_grants(state)),
          connections(memory::make_connections(state)),
          flows(memory::make_flows(state)),
          keys(memory::make_keys(state)),
          api_keys(memory::make_api_keys(state)),
          sessions(memory::make_sessions(state)),
          kill_switches(memory::make_kill_switches(state)),
          events(memory::make_events(state)),
          nodes(memory::make_nodes(state)),
          changes(memory::make_changes(state)) {}

    memory::Contents state;
    std::unique_ptr<GrantStore> grants;
    std::unique_ptr<ConnectionIndex> connections;
    std::unique_ptr<FlowStore> flows;
    std::unique_ptr<KeyStore> keys;
    std::unique_ptr<ApiKeyStore> api_keys;
    std::unique_ptr<SessionStore> sessions;
    std::unique_ptr<KillSwitchStore> kill_switches;
    std::unique_ptr<EventStore> events;
    std::unique_ptr<NodeStore> nodes;
    std::unique_ptr<Changes> changes;
};

MemoryStore::MemoryStore(Clock& clock, Random& random, StoreLimits limits)
    : impl_(std::make_unique<Impl>(clock, limits)) {
    impl_->state.installation.id = random_text(random, 16);
}
MemoryStore::~MemoryStore() = default;

GrantStore& MemoryStore::grants() {
    return *impl_->grants;
}
FlowStore& MemoryStore::flows() {
    return *impl_->flows;
}
ConnectionIndex& MemoryStore::connections() {
    return *impl_->connections;
}
KeyStore& MemoryStore::keys() {
    return *impl_->keys;
}
ApiKeyStore& MemoryStore::api_keys() {
    return *impl_->api_keys;
}
SessionStore& MemoryStore::sessions() {
    return *impl_->sessions;
}
KillSwitchStore& MemoryStore::kill_switches() {
    return *impl_->kill_switches;
}
EventStore& MemoryStore::events() {
    return *impl_->events;
}
NodeStore& MemoryStore::nodes() {
    return *impl_->nodes;
}
Changes& MemoryStore::changes() {
    return *impl_->changes;
}
/// Nothing is answered from another loop than the caller's own.
Task<void> MemoryStore::quiet(Deadline) {
    co_return Result<void>{};
}

void MemoryStore::fail_next(std::string call, Trouble how, int times) {
    impl_->state.faults.push_back({std::move(call), how, times});
}

std::size_t MemoryStore::calls(std::string_view call) const {
    return impl_->state.count(call);
}

Timeline MemoryStore::new_timeline() {
    ++impl_->state.installation.incarnation;
    return impl_->state.timeline();
}

std::vector<GrantRow> MemoryStore::all_grants() const {
    std::vector<GrantRow> rows;
    for (const auto& [key, kept] : impl_->state.grants) rows.push_back(kept.row);
    return rows;
}

void MemoryStore::overwrite(GrantRow row) {
    auto& kept = impl_->state.grants[{row.key.connection.text, row.key.epoch.value}];
    impl_->state.write(kept, std::move(row));
}

void MemoryStore::put_back(const std::vector<GrantRow>& rows) {
    impl_->state.grants.clear();
    for (const auto& row : rows) overwrite(row);
}

}  // namespace latchkey
