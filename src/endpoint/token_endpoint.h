#pragma once

#include <memory>
#include <optional>
#include <string>

#include <latchkey/provider.h>

#include "base/async.h"
#include "base/clock.h"
#include "endpoint/raw_answer.h"
#include "net/transport.h"
#include "oauth/callback.h"
#include "salesforce/hosts.h"
#include "salesforce/identity.h"

namespace latchkey {

/// A connection to a token endpoint that stands and has sent nothing: everything that can fail
/// without harm has been done. Good for one request.
class TokenLine {
public:
    TokenLine(std::unique_ptr<Line> line, Provider provider, salesforce::LoginBase login);

    /// Spends a code (RFC 6749 section 4.1.3). Whatever comes out, the code is never sent again.
    /// errors  try_later not_sent · outcome_unknown answer_lost, answer_too_large
    Task<RawAnswer> exchange(oauth::CheckedCallback callback, Secret verifier,
                             SteadyTime send_before, Deadline by);

    /// Spends a refresh token (RFC 6749 section 6; Salesforce Help, "OAuth 2.0 Refresh Token
    /// Flow"). Sends no scope. The request leaves in one write, at the latest at `send_before`.
    /// errors  as exchange
    Task<RawAnswer> refresh(Secret refresh_token, SteadyTime send_before, Deadline by);

private:
    Task<RawAnswer> post(std::string form, SteadyTime send_before, Deadline by);
    std::unique_ptr<Line> line_;
    Provider provider_;
    salesforce::LoginBase login_;
};

/// What introspection said of a refresh token (RFC 7662).
struct Introspection {
    bool active = false;
    std::optional<WallTime> expires_at;
};

/// Speaks to authorization servers. Keeps no token and no state; each call is one HTTP request on a
/// connection of its own, without redirect or repetition.
class TokenEndpoint {
public:
    /// `transport` and `clock` must outlive this object.
    TokenEndpoint(Transport& transport, Clock& clock);

    /// Resolves, connects, shakes hands; sends nothing.
    /// errors  try_later upstream_unreachable · misconfigured address_not_allowed, tls_failed
    Task<TokenLine> connect(Provider provider, salesforce::LoginBase login, Deadline by);

    /// Asks whether a refresh token is alive, without using it.
    /// errors  try_later      no clear answer came; ask again later
    ///         misconfigured  introspection_refused: this client may not ask
    Task<Introspection> introspect(Provider provider, salesforce::LoginBase login, Secret token,
                                   Deadline by);

    /// Asks for a token's revocation; with a refresh token its access tokens end too. Success means
    /// that the token is certainly dead: 200, or 400 invalid_token.
    /// errors  try_later  no definite answer; repeat
    Task<void> revoke(Provider provider, salesforce::LoginBase login, Secret token, Deadline by);

    /// Reads the identity URL's JSON on the instance host (or, for a loopback login, on its
    /// origin). errors  try_later · bad_input invalid_identity_answer · reauthorize dead_session ·
    ///         denied host_rejected
    Task<salesforce::Profile> profile(salesforce::LoginBase login, Origin instance,
                                      salesforce::Identity who, Secret access_token, Deadline by);

    /// The same from userinfo (needs openid or a wider scope).
    Task<salesforce::Profile> userinfo(salesforce::LoginBase login, Secret access_token,
                                       Deadline by);

private:
    Transport& transport_;
    Clock& clock_;
};

}  // namespace latchkey
