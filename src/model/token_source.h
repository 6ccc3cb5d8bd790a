#pragma once

#include <latchkey/ids.h>
#include <latchkey/token_set.h>

#include "base/async.h"

namespace latchkey {

/// Answers one question: an access token for this connection, at least this good.
class TokenSource {
public:
    virtual ~TokenSource() = default;

    /// Safe to call from many coroutines at once; concurrent calls share one refresh. A caller that
    /// goes away or whose deadline passes does not stop a refresh under way.
    ///
    /// errors  not_found        connection_not_found
    ///         reauthorize      reauth_required (message names the reason)
    ///         conflict         quarantined, connection_revoked
    ///         try_later        refresh_in_progress, upstream_unavailable, storage_unavailable,
    ///                          rate_limited, rotation_uncertain
    ///         misconfigured    what the authorization server said of our registration
    virtual Task<AccessToken> token(ConnectionId who, TokenDemand demand, Deadline by) = 0;
};

}  // namespace latchkey
