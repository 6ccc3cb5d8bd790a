#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "base/async.h"
#include "model/grant.h"

namespace latchkey {

/// Where a connect session stands.
enum class FlowState {
    open,        ///< link issued, nobody has pressed the button
    started,     ///< bound to a browser, which is at Salesforce
    returned,    ///< callback accepted, callback query sealed, ticket issued
    exchanging,  ///< the code is being spent, once
    done,        ///< `connection` is the result
    failed,      ///< over; `failure` says why
};

/// One connect session. Hashes are SHA-256 as base64url of values with at least 128 random bits;
/// they look rows up and give nothing away.
struct FlowRow {
    FlowId id;
    std::int64_t version = 1;  ///< replaced only if it is still what the writer read
    FlowState state = FlowState::open;
    ApiKeyId owner;  ///< the key that opened it
    std::string end_user;
    ProviderId provider;
    std::string purpose;
    std::string return_url;
    std::string login_url;    ///< canonical; empty until the person has chosen
    ConnectionId reconnects;  ///< empty: a new connection
    std::string link_hash;
    std::string state_hash;   ///< empty until started
    std::string cookie_hash;  ///< empty until started
    std::string ticket_hash;  ///< empty until returned
    Sealed verifier;
    Sealed callback;  ///< the accepted callback's query
    WallTime ticket_expires_at{};
    WallTime created_at{};
    WallTime expires_at{};
    ConnectionId connection;  ///< when done
    std::string failure;      ///< when failed: one code
};

class FlowStore {
public:
    virtual ~FlowStore() = default;
    /// errors  conflict   flow_exists
    ///         try_later  too_many_flows (over 100,000 unexpired) · too_many_connect_sessions (over
    ///                    10,000 of one API key under way; flows without an owner are the
    ///                    program's own, and only counted with the rest)
    virtual Task<void> insert(FlowRow flow, Deadline by) = 0;
    /// errors of all three  not_found flow_not_found
    virtual Task<FlowRow> by_id(FlowId id, Deadline by) = 0;
    virtual Task<FlowRow> by_link(std::string link_hash, Deadline by) = 0;
    virtual Task<FlowRow> by_state(std::string state_hash, Deadline by) = 0;
    /// Stores `next` with version + 1 if the stored version is still next.version; returns it.
    /// errors  conflict flow_conflict · not_found flow_not_found
    virtual Task<FlowRow> replace(FlowRow next, Deadline by) = 0;
    /// Flows in a state, at most `limit`, oldest first: for recovery at the start.
    virtual Task<std::vector<FlowRow>> in_state(FlowState state, std::size_t limit,
                                                Deadline by) = 0;
    /// Removes flows whose expires_at is before `before`.
    virtual Task<std::size_t> erase_expired(WallTime before, Deadline by) = 0;
};

}  // namespace latchkey
