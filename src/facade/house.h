#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include <latchkey/options.h>

#include "access/api_keys.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/stops.h"
#include "connect/connect_flow.h"
#include "connect/kill_watch.h"
#include "connect/revoker.h"
#include "crypto/key_ring.h"
#include "crypto/master_key.h"
#include "endpoint/token_endpoint.h"
#include "facade/census.h"
#include "facade/change_counts.h"
#include "facade/key_watch.h"
#include "facade/log_adapter.h"
#include "facade/meter_adapter.h"
#include "facade/refusal_counts.h"
#include "facade/registration.h"
#include "gateway/gateway.h"
#include "gateway/open_gateway.h"
#include "gateway/org_budget.h"
#include "model/providers.h"
#include "model/switch_board.h"
#include "net/net_transport.h"
#include "refresh/refresher.h"
#include "store/journal/file_journal.h"
#include "store/store.h"
#include "vault/vault.h"

namespace latchkey {

/// What stands whichever loop the work runs on: the opened store, the opened keys, time, chance.
struct Ground {
    SystemClock clock;
    SystemRandom random;
    NoStops stops;
    LogAdapter log;
    MeterAdapter meter;
    Providers providers;
    NetOptions net;
    std::unique_ptr<Store> store;
    std::shared_ptr<Journal> journal;
    const FileJournal* journal_files = nullptr;  ///< the same; absent in tests that have none
    Installation installation;
    BootId boot{random_hex128(random)};  ///< this start of the node
    std::optional<Recovered> recovered;  ///< what settling the past came to
    KeyRing keys;
    std::unique_ptr<KeptKeys> kept_keys;  ///< beside the journal's files; absent where it has none
    std::optional<MasterKey> master;  ///< set with the keys: a key that is added later needs it too
    SwitchBoard switches;
    ChangeCounts changes;
    OrgBudgets budgets;
    RefusalCounts refusals;

    explicit Ground(const Options& options);
};

/// The rooms above the store, joined, for one loop.
class Rooms {
public:
    /// Both must outlive this object.
    Rooms(Ground& ground, boost::asio::io_context& loop);
    Rooms(const Rooms&) = delete;  // the rooms know each other by their place in here
    Rooms& operator=(const Rooms&) = delete;

private:
    NetTransport transport_;  // the rooms below hold references to these three
    TokenEndpoint endpoint_;
    Vault vault_;

public:
    Refresher refresher;
    ConnectFlow connect;
    Revoker revoker;
    KillWatch kill_watch;
    Gateway gateway;
    OpenGateway open_gateway;
    ApiKeys api_keys;
    Registration registration;
    KeyWatch key_watch;
};

/// Everything, on the loop that serves. Only that loop's thread touches what is in it; whoever hands
/// work to the loop keeps the house standing with a shared_ptr until the work is done.
class House {
public:
    House(std::unique_ptr<Ground> ground, boost::asio::io_context& loop);

    boost::asio::io_context& loop() { return loop_; }
    Ground& ground() { return *ground_; }
    Rooms& rooms() { return rooms_; }
    Census& census() { return census_; }

    /// Counts a piece of work for as long as it lives.
    class Presence {
    public:
        explicit Presence(House& house) : house_(house) { ++house_.under_way_; }
        Presence(const Presence&) = delete;
        Presence& operator=(const Presence&) = delete;
        ~Presence() { --house_.under_way_; }

    private:
        House& house_;
    };
    std::size_t under_way() const { return under_way_; }

    /// An exception that crossed a room's door: a bug, logged and told as one.
    Error bug(const char* what);

private:
    std::unique_ptr<Ground> ground_;
    boost::asio::io_context& loop_;
    Rooms rooms_;
    Census census_;
    std::size_t under_way_ = 0;
};

/// Starts what goes on by itself: resolving, revoking, sweeping, hearing of other nodes. Called once,
/// from any thread before the loop runs or from the loop.
void start_housework(const std::shared_ptr<House>& house);

/// Ends the housework, then waits for refreshes and calls under way, until `by` and at most 40 s in
/// all, and leaves the other nodes.
Async<void> close_house(std::shared_ptr<House> house, Deadline by);

/// What to do with a file whose connections were moved to a shared database.
enum class WhereMoved { refuse, open };

/// Opens the store and this node's journal. errors  those of Latchkey::open that speak of the store
Result<void> open_store(Ground& ground, const Options& options,
                        WhereMoved moved = WhereMoved::refuse);

/// Reads the opened store's installation and fills the key ring, on a loop of its own.
/// errors  those of Latchkey::open that speak of keys
Result<void> open_keys(Ground& ground, const MasterKeySource& source);
/// Reads what has been added since, which may be long ago where the node had to wait for its name.
/// errors  those of take_up and of Store
Result<void> read_new_keys(Ground& ground);

/// Which kill switches are on, before anything could be handed out. errors  those of Store
Result<void> read_kill_switches(Ground& ground);

/// Registers this start of the node among those that share its database.
/// errors  those of join_nodes
Result<void> join_the_others(Ground& ground);

/// Settles what a former process left half done. It runs on a loop of its own with rooms of its own,
/// so it is the same whether the serving loop exists already, runs elsewhere, or is yet to be run.
/// errors  those of Refresher::recover and ConnectFlow::recover
Result<void> settle_the_past(Ground& ground);

}  // namespace latchkey
