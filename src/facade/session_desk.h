#pragma once

#include <memory>
#include <vector>

#include <latchkey/latchkey.h>

#include "model/session.h"

namespace latchkey {

class House;

/// Gateway sessions of a library, for the front door that serves them: tokens for Salesforce's SDKs,
/// which mean something at this gateway alone. Each act may be awaited on any loop; its errors are
/// those of access/sessions.h, and deadline_passed.
class SessionDesk {
public:
    /// `library` must outlive this object.
    explicit SessionDesk(Latchkey& library);

    /// Opened for the connection and key of the wish.
    Task<NewSession> open(SessionWish wish, Deadline by);
    /// Of a connection, refresh tokens too, oldest first.
    Task<std::vector<GatewaySession>> list(ConnectionId connection, Deadline by);
    /// A refresh token takes the sessions along that it has opened.
    Task<void> end(ConnectionId connection, SessionId id, Deadline by);
    /// errors  denied invalid_session, whatever is wrong
    Task<SessionCaller> check(Secret token, Deadline by);
    Task<NewSession> renew(Secret refresh_token, Deadline by);
    /// Ends what a token of either kind names.
    Task<GatewaySession> end_of(Secret token, Deadline by);

private:
    std::shared_ptr<House> house_;
};

}  // namespace latchkey
