#pragma once

#include "store/api_key_store.h"
#include "store/changes.h"
#include "store/connection_index.h"
#include "store/event_store.h"
#include "store/flow_store.h"
#include "store/grant_store.h"
#include "store/key_store.h"
#include "store/kill_switch_store.h"
#include "store/node_store.h"
#include "store/session_store.h"

namespace latchkey {

/// The ports of one database, which many nodes may share. Adapters: MemoryStore, SqliteStore,
/// PostgresStore. All of them pass the contract suite of tests/contract. Everything stored belongs to the tenant
/// `default`. A node's own record of answers is not among them: see Journal.
///
/// Every call's errors, besides those its port names:
///   try_later        storage_unavailable: nothing was changed
///                    storage_read_only: the database takes no changes now
///   misconfigured    storage_unknown: this is not the database that the installation began on
///   outcome_unknown  storage_outcome_unknown: the commit's fate is not known; read before repeating
///   internal         storage_damaged
class Store {
public:
    virtual ~Store() = default;
    virtual GrantStore& grants() = 0;
    virtual FlowStore& flows() = 0;
    virtual ConnectionIndex& connections() = 0;
    virtual KeyStore& keys() = 0;
    virtual ApiKeyStore& api_keys() = 0;
    virtual SessionStore& sessions() = 0;
    virtual KillSwitchStore& kill_switches() = 0;
    virtual EventStore& events() = 0;
    virtual NodeStore& nodes() = 0;
    virtual Changes& changes() = 0;

    /// Returns when everything that was asked before has been answered and nothing of it will come
    /// back to the loop it was asked from, so that this loop may be ended as it is. Who waits for
    /// changes may be answered early.
    virtual Task<void> quiet(Deadline by) = 0;
};

/// The one tenant of version 1; part of every row and of all associated data.
inline constexpr const char* default_tenant = "default";

}  // namespace latchkey
