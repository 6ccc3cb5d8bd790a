#pragma once

#include <memory>

#include "connect/connect_flow.h"

namespace latchkey {

/// Gives grants back: a connection that a user or operator ends, a grant that a reconnect replaced,
/// a candidate that failed its checks. Nothing is handed out from the first moment on; Salesforce
/// is told until it has answered definitely, across restarts.
class Revoker {
public:
    explicit Revoker(ConnectParts parts);
    ~Revoker();

    /// The connection with standing `revoking`. Safe to repeat.
    /// errors  not_found connection_not_found
    Task<Connection> revoke(ConnectionId who, Deadline by);

    /// Works off REVOKING grants with back-off and forgets those REVOKED for 30 days, until `stop`.
    Async<void> run();
    /// Looks for work at once.
    void wake();
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
