#pragma once

#include <memory>
#include <string>

#include <latchkey/ids.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/stops.h"
#include "endpoint/token_endpoint.h"
#include "model/providers.h"
#include "model/token_source.h"
#include "refresh/protocol_times.h"
#include "store/journal.h"
#include "store/store.h"
#include "vault/vault.h"

namespace latchkey {

/// Everything the refresher works with; all must outlive it.
struct RefresherParts {
    boost::asio::io_context& loop;  ///< where its tasks run; all calls come from this loop
    Vault& vault;
    Store& store;
    Journal& journal;  ///< of this node, in whose name it claims
    TokenEndpoint& endpoint;
    const Providers& providers;
    Clock& clock;
    Random& random;
    Log& log;
    Stops& stops;
    ProtocolTimes times = {};
};

/// Keeps tokens fresh: at most one refresh a connection, one use a refresh token, ever. The
/// protocol is described in README.md of this room; its decisions are the pure functions of
/// protocol.h.
class Refresher final : public TokenSource {
public:
    explicit Refresher(RefresherParts parts);
    ~Refresher() override;

    Task<AccessToken> token(ConnectionId who, TokenDemand demand, Deadline by) override;

    /// An operator's hand: a planned refresh now, by the same protocol and budget.
    /// errors  those of token; try_later rotated_recently (one rotation a connection and minute)
    Task<Connection> refresh(ConnectionId who, Deadline by);

    /// To be called once, before anything else, by the owner of the store: every IN_FLIGHT row of
    /// this node becomes UNCERTAIN, and journalled answers that the rows lack are applied.
    Task<void> recover(Deadline by);

    /// Resolves UNCERTAIN rows when their quiet period is over, until `stop`.
    Async<void> run();

    /// Drops what is remembered of a connection; called by acts that change it (revoke, quarantine,
    /// reconnect).
    void forget(const ConnectionId& who);

    /// Ends `run` and waits for attempts under way until `by`.
    Async<void> stop(Deadline by);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
