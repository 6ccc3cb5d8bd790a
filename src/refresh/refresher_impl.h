#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "refresh/checks.h"
#include "refresh/coalescer.h"
#include "refresh/gate.h"
#include "refresh/in_use.h"
#include "refresh/pacing.h"
#include "refresh/protocol.h"
#include "refresh/refresher.h"
#include "refresh/shared_reads.h"
#include "refresh/token_memory.h"

namespace latchkey {

/// The protocol's hands. refresher.cpp answers callers, attempt.cpp spends a token, settling.cpp
/// writes down what came of it, recovery.cpp and resolver.cpp clear up what was left in doubt.
/// Everything spawned holds a shared pointer to this.
struct Refresher::Impl : std::enable_shared_from_this<Refresher::Impl> {
    explicit Impl(RefresherParts with);

    /// Why a refresh is wanted.
    struct Cause {
        TokenDemand demand;
        bool refused = false;  ///< the API refused the present access token
        bool planned = false;  ///< nobody waits for it
        ProviderId provider;
        std::string org_circuit;
        Cause() = default;
        Cause(TokenDemand wanted, bool was_refused, const GrantRow& row)
            : demand(wanted),
              refused(was_refused),
              provider(row.provider),
              org_circuit(org_circuit_of(row)) {}
    };
    /// How a refresh token is presented.
    struct Spending {
        bool again = false;    ///< the recorded second use
        bool unasked = false;  ///< a planned refresh: nobody has refused the access token
        Spending() = default;
    };
    /// A row as it was read, and what follows from it.
    struct Sight {
        Grant grant;
        TokenDemand demand;  ///< clamped
        protocol::Decision decision;
        Timeline present;  ///< where the decision depends on it
        Sight() = default;
    };
    /// Whoever joins a refresh under way need not know the store's history: the refresh does.
    enum class Looking { to_act, to_join };
    /// All that can fail without harm has been done.
    struct Ready {
        Provider provider;
        salesforce::LoginBase login;
        JournalRoom room;
        TokenLine line;
        Ready(Provider p, salesforce::LoginBase l, JournalRoom r, TokenLine t)
            : provider(std::move(p)), login(std::move(l)), room(std::move(r)), line(std::move(t)) {}
    };
    /// One attempt whose result has to be written down.
    struct Settling {
        Claim claim;
        protocol::Plan plan;
        std::optional<FreshTokens> fresh;
        JournalRoom room;                    ///< for the answer, until it is in the journal
        Secret packed;                       ///< the answer; wiped once it is in the journal
        std::optional<std::int64_t> number;  ///< of the journal record
        SteadyTime issued{};                 ///< when the claim was
        Settling() = default;
    };
    /// What this process has seen of a row in doubt. All times are of the steady clock; they start
    /// anew with the process.
    struct Watch {
        AttemptId attempt;
        Epoch epoch;
        State state = State::uncertain;
        Timeline on;  ///< the history that was known when it began
        SteadyTime since{};
        SteadyTime next{};
        std::chrono::milliseconds pause{0};
        ResolverId resolver;  ///< another node's, seen in the row since
        SteadyTime resolver_since{};
        bool access_refused = false;
        std::uint64_t scan = 0;
    };
    /// A token, or "look again", or why there is none.
    using Outcome = Result<std::optional<AccessToken>>;
    using WorkPtr = std::shared_ptr<Work>;

    // refresher.cpp
    Task<AccessToken> token(std::shared_ptr<Impl> self, ConnectionId who, TokenDemand demand,
                            Deadline by);
    Task<AccessToken> token_unless_stopped(std::shared_ptr<Impl> self, ConnectionId who,
                                           TokenDemand demand, Deadline by);
    Task<Connection> refresh(std::shared_ptr<Impl> self, ConnectionId who, Deadline by);
    Task<Grant> open(ConnectionId who, Deadline by);
    Task<Grant> open_alone(ConnectionId who, Deadline soon);
    Task<Sight> look(ConnectionId who, TokenDemand demand, Deadline by,
                     Looking how = Looking::to_act);
    Error waiting(const Sight& sight) const;
    Async<bool> await_answer(WorkPtr work, bool joined, ProviderId provider, Deadline by);
    void give(Work& work, const ConnectionId& who, AccessToken token);
    void end(const ConnectionId& who);
    void rest();

    // elsewhere.cpp
    WorkPtr wait_elsewhere(const GrantRow& row);
    Async<void> watch_elsewhere(std::shared_ptr<Impl> self, GrantRow row);
    void forget(const ConnectionId& who);
    void forget_all();
    Async<void> listen(std::shared_ptr<Impl> self);

    // history.cpp
    std::optional<Error> standstill() const;
    Task<bool> catch_up(Timeline present);
    Async<void> keep_up();
    Async<void> sweep_suspects();

    // attempt.cpp
    WorkPtr start_refresh(const ConnectionId& who, Cause cause);
    Async<void> work_refresh(std::shared_ptr<Impl> self, WorkPtr work, ConnectionId who,
                             Cause cause);
    Async<std::optional<Error>> wait_for_turn(Cause cause);
    Async<Outcome> attempt(WorkPtr work, ConnectionId who, Cause cause);
    Async<std::optional<Outcome>> attempt_once(WorkPtr work, Sight sight, Cause cause);
    Task<Ready> prepare(GrantRow row);
    Async<Outcome> claim_and_spend(WorkPtr work, Sight sight, Ready ready, Cause cause,
                                   bool* again);
    Async<std::string> ending_of(GrantRow row, std::string code, Spending how);
    Async<Outcome> spend(WorkPtr work, Ready ready, Claim claim, SteadyTime issued, Spending how);
    Async<void> undo_claim(Grant seen);
    Async<Outcome> set_aside(GrantRow row, State to, std::string reason, Error told);

    // settling.cpp
    Async<Outcome> settle_until_known(WorkPtr work, Settling settling);
    Async<std::optional<Error>> settle_once(Settling* settling, Grant* stored);
    Async<Outcome> settled(WorkPtr work, Settling settling, Grant stored, SteadyTime asked);
    Async<Outcome> overtaken(Settling settling);
    void learn(const Settling& settling, const GrantRow& row);
    void strain(const GrantRow& row, const Error& why);
    void circuit_opened(const GrantRow& row, const std::string& key);
    void circuit_closed(const GrantRow& row, const std::string& key);
    void report(const Settling& settling, const GrantRow& row);

    // recovery.cpp
    Task<void> recover(std::shared_ptr<Impl> self, Deadline by);
    Task<void> doubt_interrupted(Deadline by);
    Task<void> apply_journal(Deadline by);
    Task<void> recover_record(NotedAnswer noted, Timeline present, Deadline by);

    // resolver.cpp
    Async<void> run(std::shared_ptr<Impl> self);
    Async<void> scan(State state);
    void consider(const GrantRow& row);
    Async<void> work_resolve(std::shared_ptr<Impl> self, WorkPtr work, GrantRow row);
    Async<Outcome> take_over(GrantRow row);
    Async<Outcome> resolve(WorkPtr work, GrantRow row);
    Async<Outcome> use_again(WorkPtr work, Grant grant, Timeline asked_on);
    Task<bool> others_live(GrantRow row);
    Async<Outcome> store_finding(GrantRow row, protocol::Conclusion conclusion, Timeline asked_on);
    Watch& watch(const GrantRow& row);
    ResolverId own_resolver();
    bool is_own(const ResolverId& resolver) const;
    Task<Timeline> read_timeline(Deadline by);

    // planner.cpp
    Async<void> run_plan(std::shared_ptr<Impl> self);
    Async<void> keep_idle_alive(std::shared_ptr<Impl> self);
    Async<void> renew_used(std::shared_ptr<Impl> self);
    Async<void> make_forecasts(std::shared_ptr<Impl> self);
    Async<bool> sweep();
    Async<bool> sweep_page(std::vector<GrantRow> rows, bool* left_some);
    Async<bool> wait_for_room();
    bool begin_planned(const GrantRow& row, std::string_view why);
    Async<void> follow(std::shared_ptr<Impl> self, WorkPtr work, GrantRow row, std::string why);
    Task<Forecast> make_forecast();
    SteadyTime about(std::chrono::milliseconds after);
    RefresherSigns signs() const;

    void say(Level level, std::string_view event, const GrantRow& row,
             std::string_view outcome) noexcept;
    void count_attempt(const GrantRow& row, std::string_view result,
                       std::string_view code) noexcept;
    Deadline store_time() const { return parts.clock.in(parts.times.store); }
    static std::string org_circuit_of(const GrantRow& row) {
        return row.provider.text + "/" + row.org_id;
    }

    RefresherParts parts;
    std::shared_ptr<Event> stopping;
    TokenMemory memory;
    Pacing pacing;
    Coalescer works;
    Coalescer waits;  ///< for attempts of other nodes
    std::unordered_map<ConnectionId, std::shared_ptr<Event>> pokes;  ///< wake the waits early
    std::unordered_map<ConnectionId, AttemptId> spending;  ///< attempts of this process under way
    Timeline
        latest;  ///< that was read from the store: the history that it is on now, or was lately
    std::optional<Recovered> recovered;
    std::optional<Error> stood_down;
    std::shared_ptr<Event> catching_up;  ///< set at the end of the one comparison under way
    bool passed_over = false;  ///< a record of an attempt under way was left out of the comparison
    bool look_back = false;
    SteadyTime look_back_due{};
    bool sweeping = true;
    bool swept = false;  ///< this round has found something
    GrantKey sweep_after;
    SteadyTime sweep_due{};
    Slots slots;
    Shares shares;  ///< of the slots, by org
    Gates gates;
    std::unordered_map<ConnectionId, Watch> watches;
    std::uint64_t scans = 0;
    std::size_t resolving = 0;
    InUse in_use;
    std::size_t planned = 0;  ///< planned refreshes under way
    std::unordered_map<std::string, std::size_t> planned_of_org;
    std::optional<Forecast> forecast;
    SharedReads reads;
    std::shared_ptr<Event> idle;  ///< set when, while stopping, the last work has ended
};

/// The access token of an opened grant.
AccessToken access_token_of(const Grant& grant);

}  // namespace latchkey
