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

#include <boost/asio/post.hpp>

#include "base/clock.h"
#include "store/errors.h"
#include "store/limits.h"
#include "store/memory_store.h"

namespace latchkey::memory {

struct KeptGrant {
    GrantRow row;
    std::optional<WallTime> revoked_at;
};

struct KeptAnswer {
    JournalRecord record;
    std::optional<WallTime> closed_at;
};

struct Waiter;

/// Changes further back than this are told as "anything may have changed".
inline constexpr std::size_t most_changes_kept = 1000;

/// Everything a MemoryStore holds, and the gate that each call goes through.
struct Contents {
    Contents(Clock& c, StoreLimits l) : clock(c), limits(l) {}

    Clock& clock;
    StoreLimits limits;
    Installation installation;
    std::map<std::pair<std::string, std::int64_t>, KeptGrant> grants;  // by (connection, epoch)
    std::map<std::string, Connection> connections;                     // plain columns only
    std::map<std::string, FlowRow> flows;
    std::vector<SealedKey> keys;
    std::vector<ApiKeyRow> api_keys;
    std::map<std::int64_t, KeptAnswer> journal;
    std::int64_t last_number = 0;
    std::uint64_t journal_bytes = 0;
    std::vector<ConnectionEvent> events;  // in order
    std::int64_t last_event = 0;
    std::map<std::string, NodeRow> nodes;
    std::deque<ConnectionId> changed;  // the latest ones, oldest first
    std::int64_t last_change = 0;
    std::vector<std::weak_ptr<Waiter>> waiters;

    struct Fault {
        std::string call;
        MemoryStore::Trouble how;
        int left;
    };
    std::vector<Fault> faults;
    std::map<std::string, std::size_t, std::less<>> calls;

    Timeline timeline() const { return Timeline{std::to_string(installation.incarnation)}; }
    KeptGrant* current(const ConnectionId& connection);
    KeptGrant* grant(const GrantKey& key);
    /// Writes a row back, notes when it became REVOKED, and tells who waits for changes.
    void write(KeptGrant& kept, GrantRow row);
    void raise(std::optional<ConnectionEvent> event);
    void note_change(const ConnectionId& connection);

    std::optional<MemoryStore::Trouble> next_fault(const std::string& call);
};

template <class T>
Task<T> gate(Contents* state, std::string call, Deadline by, std::function<Result<T>()> work) {
    using Trouble = MemoryStore::Trouble;
    co_await boost::asio::post(use_task);
    ++state->calls[call];
    const auto fault = state->next_fault(call);
    if (by.passed(state->clock.steady())) co_return store_error::unavailable("the deadline passed");
    if (fault == Trouble::unavailable) co_return store_error::unavailable("a test said so");
    if (fault == Trouble::damaged) co_return store_error::damaged("a test said so");
    if (fault == Trouble::lost_before) co_return store_error::outcome_unknown();
    Result<T> result = work();
    if (fault == Trouble::lost_after) co_return store_error::outcome_unknown();
    co_return result;
}

std::unique_ptr<GrantStore> make_grants(Contents& state);
std::unique_ptr<ConnectionIndex> make_connections(Contents& state);
std::unique_ptr<FlowStore> make_flows(Contents& state);
std::unique_ptr<KeyStore> make_keys(Contents& state);
std::unique_ptr<ApiKeyStore> make_api_keys(Contents& state);
std::unique_ptr<Journal> make_journal(Contents& state);
std::unique_ptr<EventStore> make_events(Contents& state);
std::unique_ptr<NodeStore> make_nodes(Contents& state);
std::unique_ptr<Changes> make_changes(Contents& state);

}  // namespace latchkey::memory
