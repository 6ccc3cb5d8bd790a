#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include <latchkey/ids.h>
#include <latchkey/token_set.h>

namespace latchkey {

/// Opened access tokens, for a few seconds, so that a busy connection is not read and opened for
/// every call. What another process changed is seen when the time is over. For one loop.
class TokenMemory {
public:
    static constexpr std::size_t most = 65536;

    /// `outdated` is told of a connection of which a token may be remembered elsewhere that is not
    /// the one to give any more; null: of any. Empty: nobody is told.
    explicit TokenMemory(std::chrono::milliseconds keep,
                         std::function<void(const ConnectionId*)> outdated = {})
        : keep_(keep), outdated_(std::move(outdated)) {}
    /// nullopt also where the remembered token does not meet the demand.
    std::optional<AccessToken> find(const ConnectionId& who, const TokenDemand& demand,
                                    WallTime wall, SteadyTime now);
    /// `read` is the moment before the token was read, and of the `find` before that: how long a
    /// store takes to answer does not make it newer. Not remembered is what was read before the
    /// connection was forgotten, and what is older than a token that a caller has been given:
    /// callers would see it come back.
    void remember(const ConnectionId& who, const AccessToken& token, SteadyTime read);
    void forget(const ConnectionId& who);
    /// Nobody has told what other processes changed.
    void forget_all();
    /// The database's history has changed: generations may fall.
    void start_over();
    /// A caller gets a token of this generation from elsewhere: an older one is forgotten.
    void surpass(const ConnectionId& who, Generation generation);
    /// A caller has been given a token of a later generation, within a minute.
    bool gave_later(const ConnectionId& who, Generation generation) const;
    void prune(SteadyTime now);

private:
    struct Kept {
        AccessToken token;
        SteadyTime until;
    };
    struct Given {
        Generation generation;  ///< the highest so far
        SteadyTime at;
    };
    void give(const ConnectionId& who, Generation generation);

    void tell(const ConnectionId* who) const {
        if (outdated_) outdated_(who);
    }

    std::chrono::milliseconds keep_;
    std::function<void(const ConnectionId*)> outdated_;
    std::unordered_map<ConnectionId, Kept> kept_;
    SteadyTime latest_{};         ///< of all questions so far
    SteadyTime all_forgotten_{};  ///< reads that began until then are too old; so below
    std::unordered_map<ConnectionId, SteadyTime> forgotten_;
    std::unordered_map<ConnectionId, Given> given_;  ///< lately, remembered or not
};

/// True if the token is newer than the refused one and good for as long as asked.
bool meets(const AccessToken& token, const TokenDemand& demand, WallTime now);

}  // namespace latchkey
