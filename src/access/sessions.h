#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "access/key_gate.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/random.h"
#include "crypto/key_ring.h"
#include "model/session.h"
#include "model/switch_board.h"
#include "store/api_key_store.h"
#include "store/grant_store.h"
#include "store/session_store.h"

namespace latchkey {

/// Gateway sessions: tokens that only the gateway understands, for SDKs that want a Salesforce token.
///
/// A session's token is "<org>!<id>.<secret>", the org's id before the mark so that SDKs take it for
/// Salesforce's; a refresh token is "lkr_<id>.<secret>". Id 12 characters of [a-z0-9], secret 43 of
/// [A-Za-z0-9_.]. Only a keyed hash of the whole token is stored, so a copy of the store opens
/// nothing, and nothing in a token names its connection to anybody else.
///
/// A session ends with its time, with its API key (or that key's permission proxy), and with the
/// connection's epoch: a reconnect is another consent. Its key's rules and limits are its own.
/// Nothing is remembered here.
class Sessions {
public:
    /// All must outlive this object.
    Sessions(SessionStore& store, GrantStore& grants, ApiKeyStore& api_keys, KeyGates& gates,
             const KeyRing& keys, Random& random, Clock& clock,
             const SwitchBoard& switches = SwitchBoard::none());

    /// errors  bad_input  invalid_ttl
    ///         not_found  connection_not_found
    ///         conflict   connection_revoked
    ///         try_later  too_many_sessions, stopped_by_operator
    Task<NewSession> open(SessionWish wish, Deadline by);
    /// Of a connection that have not ended, oldest first.
    Task<std::vector<GatewaySession>> list(ConnectionId connection, Deadline by);
    /// A refresh token takes the sessions along that it has opened. Whoever remembers a session must
    /// forget it. errors  not_found session_not_found
    Task<void> end(ConnectionId connection, SessionId id, Deadline by);

    /// Missing, malformed, unknown and ended tokens, and those of another kind, give the same error.
    /// errors  denied invalid_session, key_rules_unreadable
    Task<SessionCaller> check(Secret presented, Deadline by);
    /// The same of a refresh token; opens a session with it, of at most what is left of its time.
    /// errors  denied invalid_session · those of open
    Task<NewSession> renew(Secret refresh_token, Deadline by);
    /// Ends what a token of either kind names. errors  denied invalid_session
    Task<GatewaySession> end(Secret token, Deadline by);

private:
    Task<SessionRow> find(Secret token, bool renews, Deadline by);
    Task<NewSession> make(SessionRow row, std::string org, std::chrono::seconds ttl, Deadline by);
    Task<SessionCaller> admit(SessionRow row, Deadline by);

    SessionStore& store_;
    GrantStore& grants_;
    ApiKeyStore& api_keys_;
    KeyGates& gates_;
    const KeyRing& keys_;
    Random& random_;
    Clock& clock_;
    const SwitchBoard& switches_;
};

/// The part of a token that names its session, which is not secret; empty for what cannot be a
/// session's token.
std::string_view session_in(std::string_view token);

}  // namespace latchkey
