#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include <latchkey/ids.h>
#include <latchkey/token_set.h>

namespace latchkey {

/// Opened access tokens, for a few seconds, so that a busy connection is not read and opened for
/// every call. What another process changed is seen when the time is over. For one loop.
class TokenMemory {
public:
    static constexpr std::size_t most = 65536;

    explicit TokenMemory(std::chrono::milliseconds keep) : keep_(keep) {}
    /// nullopt also where the remembered token does not meet the demand.
    std::optional<AccessToken> find(const ConnectionId& who, const TokenDemand& demand,
                                    WallTime wall, SteadyTime now) const;
    /// `read` is the moment before the token was read: how long a store takes to answer does not
    /// make it newer.
    void remember(const ConnectionId& who, const AccessToken& token, SteadyTime read);
    void forget(const ConnectionId& who) { kept_.erase(who); }
    void forget_all() { kept_.clear(); }
    void prune(SteadyTime now);

private:
    struct Kept {
        AccessToken token;
        SteadyTime until;
    };
    std::chrono::milliseconds keep_;
    std::unordered_map<ConnectionId, Kept> kept_;
};

/// True if the token is newer than the refused one and good for as long as asked.
bool meets(const AccessToken& token, const TokenDemand& demand, WallTime now);

}  // namespace latchkey
