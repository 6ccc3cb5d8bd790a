#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/status.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/meter.h"
#include "base/random.h"
#include "base/stops.h"
#include "endpoint/token_endpoint.h"
#include "model/providers.h"
#include "model/switch_board.h"
#include "model/token_source.h"
#include "refresh/plan_times.h"
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
    Meter& meter = no_meter();
    PlanTimes plan = {};
    const SwitchBoard& switches = SwitchBoard::none();
    /// Told of a connection whose token may be another one now; null: any may. Whoever remembers
    /// tokens beside the refresher forgets them.
    std::function<void(const ConnectionId*)> outdated = {};
};

/// How the refresher stands.
struct RefresherSigns {
    std::size_t under_way = 0;
    std::size_t waiting = 0;  ///< of these, for their turn
    std::size_t in_doubt = 0;
    std::vector<OpenCircuit> open_circuits;
    std::optional<Forecast> forecast;
};

/// What comparing the node's journal with the store came to.
struct Recovered {
    Timeline on;                      ///< the history that they were compared on
    std::optional<Error> standstill;  ///< misconfigured store_put_back: nothing may be claimed
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

    /// What `recover` came to, for another refresher of this process to begin with. It claims
    /// nothing while there is a standstill; tokens that are still good are handed out all the same.
    std::optional<Recovered> recovered() const;
    void begin_with(Recovered found);
    /// Nothing is claimed any more: another process has this node's name.
    void stand_down(Error why);
    /// Why this node begins no refresh; nullopt: it does.
    std::optional<Error> standstill() const;

    /// Resolves UNCERTAIN rows when their quiet period is over, takes over what other nodes left in
    /// flight, sees the database's history change, and sweeps suspect rows, until `stop`.
    Async<void> run();
    /// Hears of what other nodes have changed, until `stop`.
    Async<void> listen();

    /// Refreshes idle grants before Salesforce ends them, and access tokens of connections in use
    /// before they end; makes a forecast every few hours. Until `stop`.
    Async<void> run_plan();

    RefresherSigns signs() const;

    /// As `forget`, for every connection: a kill switch was turned on or off.
    void forget_all();
    /// Drops what is remembered of a connection and wakes who waits for it; called by acts that
    /// change it (revoke, quarantine, reconnect) and for changes of other nodes.
    void forget(const ConnectionId& who);

    /// Ends `run` and `listen` and waits for attempts under way until `by`.
    Async<void> stop(Deadline by);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
