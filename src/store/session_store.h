#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/async.h"
#include "model/session.h"

namespace latchkey {

/// A gateway session, or a gateway refresh token, as it is kept: the secret only as a keyed hash.
struct SessionRow {
    SessionId id;
    ConnectionId connection;
    Epoch epoch;  ///< of the connection's grant when it was opened
    ApiKeyId key;
    std::string secret_hash;  ///< keyed with a key that is not in the store
    bool renews = false;      ///< a refresh token
    SessionId opened_by;      ///< the refresh token that opened it; empty: the key itself
    WallTime created_at{};
    WallTime expires_at{};
};

/// Of one connection, that have not ended.
inline constexpr std::size_t most_sessions = 1000;
/// Ended ones that one new session sweeps away.
inline constexpr std::size_t most_sessions_swept = 100;

/// Errors beside these as with every port of a store.
class SessionStore {
public:
    virtual ~SessionStore() = default;
    /// First removes some that ended before `now`, more than one, so that ended ones never pile up.
    /// errors  conflict   session_exists
    ///         try_later  too_many_sessions: the connection has as many as it may
    virtual Task<void> insert(SessionRow session, WallTime now, Deadline by) = 0;
    /// errors  not_found session_not_found
    virtual Task<SessionRow> find(SessionId id, Deadline by) = 0;
    /// Of one connection, oldest first; ended ones may be among them.
    virtual Task<std::vector<SessionRow>> of(ConnectionId connection, Deadline by) = 0;
    /// Removes it and those that it has opened. errors  not_found session_not_found
    virtual Task<void> remove(ConnectionId connection, SessionId id, Deadline by) = 0;
};

}  // namespace latchkey
