#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <latchkey/ids.h>
#include <latchkey/secret.h>
#include <latchkey/time.h>

namespace latchkey {

/// One gateway session, or one gateway refresh token: 12 of [a-z0-9]. It is not secret.
using SessionId = Name<struct SessionIdTag>;

/// What a gateway session is opened for.
struct SessionWish {
    ConnectionId connection;
    ApiKeyId key;                 ///< whose key opens it; the session ends with that key
    std::chrono::seconds ttl{0};  ///< 60 s to 24 h; 0: 8 h
    bool refresh = false;         ///< also a token that gives further sessions, for 30 days
    SessionWish() = default;
    SessionWish(ConnectionId c, ApiKeyId k) : connection(std::move(c)), key(std::move(k)) {}
};

/// A gateway session as it is shown: never its token.
struct GatewaySession {
    SessionId id;
    ConnectionId connection;
    ApiKeyId key;
    bool renews = false;  ///< a gateway refresh token: it opens sessions and is none itself
    WallTime created_at{};
    WallTime expires_at{};
};

struct NewSession {
    GatewaySession session;
    Secret access_token;                  ///< "00D...!...": given out once and not kept
    std::optional<Secret> refresh_token;  ///< "lkr_...": the same
};

class KeyGate;  // of room access

/// A session's token that was found good.
struct SessionCaller {
    SessionId session;
    ConnectionId connection;
    ApiKeyId key;  ///< that opened it
    WallTime expires_at{};
    std::shared_ptr<KeyGate> gate;  ///< of that key; null: it has no rules and limits
};

}  // namespace latchkey
