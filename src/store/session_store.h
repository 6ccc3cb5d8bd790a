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

class Store;

/// Every adapter of Store keeps sessions too. They are the gateway's alone, so what only refreshes
/// and connects, or stands before a store in a test, need not know of them.
class KeepsSessions {
public:
    virtual SessionStore& sessions() = 0;

protected:
    ~KeepsSessions() = default;
};

/// Throws std::bad_cast for a store that is no adapter, which is a bug.
SessionStore& sessions_of(Store& store);

namespace store_error {

inline Error session_exists() {
    return {Fault::conflict, "session_exists", "There is a gateway session with this id already."};
}
inline Error no_session() {
    return {Fault::not_found, "session_not_found", "There is no such gateway session."};
}
inline Error too_many_sessions() {
    return {Fault::try_later, "too_many_sessions",
            "This connection has 1,000 gateway sessions. End some, or wait until they have ended."};
}

}  // namespace store_error

}  // namespace latchkey
