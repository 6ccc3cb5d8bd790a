#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "base/async.h"

namespace latchkey {

/// What happened to a connection that its app wants to hear of.
enum class EventKind {
    reauth_required,  ///< only its user can repair it now
    uncertain,        ///< the fate of its refresh token is being found out
    recovered,        ///< it works again after one of the two, or its user has connected anew
};

/// "connection.reauth_required", "connection.uncertain", "connection.recovered".
const char* name(EventKind kind) noexcept;

/// One row of the outbox. Holds no secret.
struct ConnectionEvent {
    std::int64_t number = 0;  ///< given by the store, growing, never reused
    WallTime at{};
    EventKind kind = EventKind::uncertain;
    ConnectionId connection;
    Epoch epoch;
    Generation generation;
    std::string reason;  ///< of the state that the connection is in since; may be empty
};

/// What happened, in order, until somebody has told it. A row is written by the transaction that
/// changes the grant, so there is exactly one for each change that took effect; grant_rules decides
/// which change raises one.
class EventStore {
public:
    virtual ~EventStore() = default;
    /// Rows after number `after`, in order, at most `limit` and at most 500. Once a number has been
    /// read no lower one appears any more: a reader goes on from the last it has seen.
    virtual Task<std::vector<ConnectionEvent>> read(std::int64_t after, std::size_t limit,
                                                    Deadline by) = 0;
    /// Removes rows from before `before`. returns how many
    virtual Task<std::size_t> prune(WallTime before, Deadline by) = 0;
};

}  // namespace latchkey
