#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "tests/simulation/node.h"

namespace latchkey::simulation {

/// What a run came to.
struct Verdict {
    std::string failure;  ///< empty: every promise held
    std::uint64_t refreshes = 0;
    std::uint64_t crashes = 0;
    std::uint64_t given_up = 0;  ///< connections whose answer was lost for good
    milliseconds settling{0};    ///< from the end of the faults until everything was decided
};

/// One run: nodes, a database, Salesforce, callers, and everything that goes wrong between them.
class World {
public:
    World(std::uint64_t seed, bool trace);
    ~World();
    Verdict run();
    const Plan& plan() const { return plan_; }

private:
    struct Connected {
        ConnectionId id;
        std::string first_token;  ///< the refresh token of the newest consent
        /// Of every consent by its epoch: a store that is put back shows former ones again, and an
        /// epoch may then be given twice.
        std::multimap<Epoch, std::string> consents;
        std::set<std::string> grants;  ///< the emulator's numbers of all consents
        Generation newest;             ///< that any caller has seen
        bool revoked = false;          ///< by the app, here
        bool done = false;
        bool asking = false;
    };

    void connect(Connected& who, Epoch epoch);
    void begin();
    void begin_faults();
    void end_faults();
    void every(milliseconds mean, std::function<void()> act);
    void pump();

    // What goes wrong, and what callers do.
    void crash_one();
    void bury(Node& node);
    void freeze_one();
    void jump_clock();
    void reconnect_one();
    void revoke_one();
    void withdraw_one();
    void ask(Node& node, Connected& who, bool refused);
    Async<void> ask_token(Boot& boot, Connected& who, TokenDemand demand);
    void told(Boot& boot, Connected& who, const TokenDemand& demand, Generation floor,
              const Result<AccessToken>& token);

    // verdicts.cpp
    void check_all();
    void check(Connected& who);
    bool decided(Connected& who);
    std::string unjust(const Connected& who, Epoch epoch);
    std::string unjust(const std::string& first_token);
    bool kept_somewhere(const std::string& refresh_token);
    std::string spent_unrecorded();
    bool lossy() const;  ///< commits may be forgotten in this run
    void fail(std::string why);

    template <class T>
    T now(Async<T> work);

    bool trace_;
    Agenda agenda_;
    Plan plan_;
    Dice dice_;
    const KeyRing& keys_;
    Providers providers_;
    Database database_;
    Salesforce salesforce_;
    Surroundings around_;
    // The operator's own way to the store, without network or faults.
    std::chrono::seconds skew_{0};
    Seat desk_;
    SeatClock desk_clock_;
    RolledRandom random_;
    MemoryJournal desk_journal_;
    Vault vault_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<Connected> connected_;
    std::set<std::string> withdrawn_;  ///< first tokens of consents that users ended themselves
    bool faults_ = true;
    bool over_ = false;
    SteadyTime calm_since_{};
    Verdict verdict_;
};

/// Does at once what needs no network: the database's own loop runs it.
template <class T>
T World::now(Async<T> work) {
    std::optional<T> value;
    boost::asio::co_spawn(database_.loop, std::move(work), [&](std::exception_ptr failed, T made) {
        if (failed) std::rethrow_exception(failed);
        value.emplace(std::move(made));
    });
    while (!value) {
        database_.loop.restart();
        if (database_.loop.poll() == 0) break;
    }
    return std::move(value).value();
}

}  // namespace latchkey::simulation
