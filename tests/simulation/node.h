#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "crypto/key_ring.h"
#include "model/providers.h"
#include "refresh/refresher.h"
#include "tests/simulation/database.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/doors.h"
#include "tests/simulation/salesforce.h"
#include "vault/vault.h"

namespace latchkey::simulation {

/// What every node is given.
struct Surroundings {
    Agenda& agenda;
    const Plan& plan;
    Database& database;
    Salesforce& salesforce;
    const KeyRing& keys;
    const Providers& providers;
    bool trace = false;
};

/// Writes down what happens, for a person who follows one seed.
class TraceLog final : public Log {
public:
    TraceLog(Agenda& agenda, std::string who, bool on)
        : agenda_(agenda), who_(std::move(who)), on_(on) {}
    void write(Level level, std::string_view event,
               std::initializer_list<Field> fields) noexcept override;

private:
    Agenda& agenda_;
    std::string who_;
    bool on_;
};

/// Ends this start of the node where it is told to.
class DyingStops final : public Stops {
public:
    struct Died {};
    explicit DyingStops(boost::asio::io_context& loop) : loop_(loop) {}
    void die_at(std::string point, int times) {
        point_ = std::move(point);
        left_ = times;
    }
    void never() { point_.clear(); }
    bool dead() const { return dead_; }
    const std::string& point() const { return point_; }
    /// throws  Died, out of the coroutine that came here; the loop does nothing after it
    void reached(std::string_view point) override;

private:
    boost::asio::io_context& loop_;
    std::string point_;
    int left_ = 0;
    bool dead_ = false;
};

/// The memory of one start of a node: the production parts, on doors that lead into the world.
/// Destroying it is what a crash is: no coroutine of it runs any further.
struct Boot {
    Boot(const Surroundings& around, MemoryJournal& disk, Seat& machine, int node, int number,
         bool& ready, const std::chrono::seconds& skew, const int& full, Dice chance);

    int node;
    int number;
    boost::asio::io_context loop;  // first: it goes last
    Seat seat;
    SeatClock clock;
    Dice dice;
    RolledRandom random;
    TraceLog log;
    DyingStops stops;
    std::shared_ptr<Power> power = std::make_shared<Power>();
    JournalDoor journal;
    StoreDoor store;
    Vault vault;
    SimulatedNetwork network;
    TokenEndpoint endpoint;
    Refresher refresher;
    bool serving = false;
    std::map<ConnectionId, Generation> seen;  ///< by callers of this start

    void start();

private:
    Async<void> begin();
};

/// One machine: its disk and its place, and the process that runs there now, if one does.
struct Node {
    Node(const Surroundings& around, int number, Seat& machine, Clock& disk_clock);

    /// Crashes what runs, if anything does.
    void crash(bool power_cut);
    void boot(Dice& dice);
    /// Runs what can run. Buries a start that has died on its way.
    void run();

    const Surroundings& around;
    int number;
    Seat& machine;
    MemoryJournal disk;
    bool ready = false;
    bool frozen = false;
    int boots = 0;
    int full;  ///< share of the journal's calls that find no room
    std::chrono::seconds skew{0};
    std::unique_ptr<Boot> process;
};

}  // namespace latchkey::simulation
