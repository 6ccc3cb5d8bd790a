#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/secret.h>
#include <latchkey/time.h>

namespace latchkey {

/// What a caller needs to make an API call. The refresh token never leaves the vault's side.
struct AccessToken {
    Secret token;
    std::string instance_url;  ///< origin for /services/data; https unless the provider is loopback
    Generation generation;
    WallTime received_at;                ///< by our clock
    std::optional<WallTime> expires_at;  ///< absent: Salesforce did not say, which is usual
};

/// How good a token has to be. A cached, a nearly expired and a just refused token are the same
/// question with different demands.
struct TokenDemand {
    /// Still good for at least this long, where the expiry is known.
    std::chrono::seconds valid_for{60};
    /// The generation that the API just refused: only a newer one will do.
    std::optional<Generation> newer_than = {};

    TokenDemand() = default;
    explicit TokenDemand(std::chrono::seconds wanted) : valid_for(wanted) {}
    static TokenDemand newer(Generation refused) {
        TokenDemand demand;
        demand.newer_than = refused;
        return demand;
    }
};

}  // namespace latchkey
