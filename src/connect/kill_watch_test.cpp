#include "connect/kill_watch.h"

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "connect/flow_bench.h"
#include "tests/support/passing_store.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;
using test::Crash;
using test::FlowBench;

/// One node: its switch board, and the watch that keeps it.
struct Node {
    explicit Node(FlowBench& bench) : watch(bench.parts(), board, [this] { ++flips; }) {}
    SwitchBoard board;
    int flips = 0;
    KillWatch watch;
};

struct KillBench : FlowBench {
    std::unique_ptr<Node> node = std::make_unique<Node>(*this);
    std::exception_ptr ended;

    KillSwitch wish(bool revokes = false, const std::string& provider = {}) {
        KillSwitch made;
        made.provider = ProviderId{provider};
        made.reason = "a key was seen";
        made.revokes = revokes;
        return made;
    }
    Result<KillSwitch> turn_on(KillSwitch wanted) {
        return test::run(loop, node->watch.turn_on(std::move(wanted), soon()));
    }
    void run_watch() {
        boost::asio::co_spawn(loop, node->watch.run(),
                              [this](std::exception_ptr failed) { ended = failed; });
        settle();
    }
    void stop_watch() {
        node->watch.stop();
        settle();
    }
    void pass(std::chrono::milliseconds time) {
        for (; time.count() > 0; time -= 500ms) {
            clock.advance(500ms);
            settle();
        }
    }
    State state_of(const ConnectionId& who) { return grants_of(who).front().state; }
    int in(State state) {
        int count = 0;
        for (const auto& row : store.all_grants()) count += row.state == state ? 1 : 0;
        return count;
    }
    KillSwitch kept() { return test::run(loop, store.kill_switches().list(soon())).value().at(0); }
};

/// Switches in a database to which an order is on its way while something else comes first.
class OvertakingSwitches final : public KillSwitchStore {
public:
    explicit OvertakingSwitches(KillSwitchStore& inner) : inner_(inner) {}

    std::function<Task<void>()> first;  ///< done once, before the next order arrives

    Task<KillSwitch> turn_on(KillSwitch wish, Deadline by) override {
        if (first) {
            auto overtakes = std::exchange(first, nullptr)();
            const auto done = co_await std::move(overtakes);
            CHECK(done.has_value());
        }
        auto on = co_await inner_.turn_on(std::move(wish), by);
        co_return on;
    }
    Task<std::vector<KillSwitch>> list(Deadline by) override { return inner_.list(by); }
    Task<void> note_swept(ProviderId provider, Deadline by) override {
        return inner_.note_swept(std::move(provider), by);
    }
    Task<void> turn_off(ProviderId provider, Deadline by) override {
        return inner_.turn_off(std::move(provider), by);
    }

private:
    KillSwitchStore& inner_;
};

class OvertakingStore final : public test::PassingStore {
public:
    explicit OvertakingStore(Store& inner) : PassingStore(inner), switches(inner.kill_switches()) {}

    OvertakingSwitches switches;

    KillSwitchStore& kill_switches() override { return switches; }
};

TEST_CASE_FIXTURE(KillBench,
                  "F14: a kill switch is in force here at once, elsewhere within two seconds") {
    Node other{*this};
    boost::asio::co_spawn(loop, other.watch.run(), boost::asio::detached);
    settle();
    REQUIRE(turn_on(wish()).has_value());
    CHECK(node->flips == 1);
    const auto why = node->board.stops(ProviderId{"salesforce"});
    REQUIRE(why.has_value());
    CHECK(why->code == "stopped_by_operator");
    CHECK(why->fault == Fault::try_later);
    CHECK(why->message.find("a key was seen") != std::string::npos);
    pass(2s);
    CHECK(other.board.stops(ProviderId{"salesforce"}).has_value());

    REQUIRE(test::run(loop, node->watch.turn_off(ProviderId{}, soon())).has_value());
    CHECK_FALSE(node->board.any());
    pass(2s);
    CHECK_FALSE(other.board.any());
    CHECK(other.flips == 2);
    other.watch.stop();
    settle();
}

TEST_CASE_FIXTURE(KillBench, "a kill switch of one provider leaves the others alone") {
    REQUIRE(turn_on(wish(false, "sandbox")).has_value());
    CHECK(node->board.stops(ProviderId{"sandbox"}).has_value());
    CHECK_FALSE(node->board.stops(ProviderId{"salesforce"}).has_value());
    CHECK(turn_on(wish(false, "nobody")).error().code == "unknown_provider");
    auto long_reason = wish();
    long_reason.reason = std::string(201, 'x');
    CHECK(turn_on(long_reason).error().code == "invalid_reason");
    long_reason.reason = "two\nlines";
    CHECK(turn_on(long_reason).error().code == "invalid_reason");
}

TEST_CASE_FIXTURE(
    KillBench,
    "no kill switch has a longer name than a provider can have, though nobody can look") {
    store.fail_next("connections.list", MemoryStore::Trouble::unavailable, 2);
    CHECK(turn_on(wish(false, std::string(65, 'x'))).error().code == "unknown_provider");
    CHECK_FALSE(node->board.any());
    CHECK(store.calls("kill_switches.turn_on") == 0);
    CHECK(turn_on(wish(false, std::string(64, 'x'))).has_value());
    CHECK(node->board.any());
}

TEST_CASE_FIXTURE(KillBench,
                  "nobody begins or ends a login while a kill switch is on, and no code is spent") {
    flow = std::make_unique<ConnectFlow>(ConnectParts{loop,
                                                      vault,
                                                      store,
                                                      journal,
                                                      endpoint,
                                                      providers,
                                                      clock,
                                                      random,
                                                      log,
                                                      stops,
                                                      {},
                                                      node->board});
    const auto journey = arrive("ada");
    REQUIRE(turn_on(wish()).has_value());
    CHECK(open(wish_of("bob")).error().code == "stopped_by_operator");
    CHECK(complete(journey.id, journey.ticket).error().code == "stopped_by_operator");
    CHECK(exchanges() == 0);
    REQUIRE(test::run(loop, node->watch.turn_off(ProviderId{}, soon())).has_value());
    will_issue({});
    CHECK(complete(journey.id, journey.ticket).has_value());
}

TEST_CASE_FIXTURE(
    KillBench, "a kill switch that revokes puts every connection on its way, whatever its state") {
    const auto ada = connect("ada");
    const auto bob = connect("bob");
    const auto eve = connect("eve");
    auto row = grants_of(bob.id).front();
    row.state = State::uncertain;
    store.overwrite(row);
    row = grants_of(eve.id).front();
    row.state = State::reauth_required;
    store.overwrite(row);

    run_watch();
    REQUIRE(turn_on(wish(true)).has_value());
    settle();
    CHECK(state_of(ada.id) == State::revoking);
    CHECK(state_of(bob.id) == State::revoking);
    CHECK(state_of(eve.id) == State::revoking);
    CHECK_FALSE(kept().swept);
    pass(2s);
    CHECK(kept().swept);
    CHECK(log.count("kill_switch_swept") == 1);
    stop_watch();
    CHECK_FALSE(ended);
}

TEST_CASE_FIXTURE(KillBench,
                  "a connection that another node was about to make is found by a later sweep") {
    run_watch();
    REQUIRE(turn_on(wish(true)).has_value());
    pass(2s);
    CHECK(kept().swept);
    const auto late = connect("late");
    CHECK(state_of(late.id) == State::active);
    pass(KillWatch::sweep_again + 1s);
    CHECK(state_of(late.id) == State::revoking);
    stop_watch();
}

TEST_CASE_FIXTURE(
    KillBench, "CP44: a sweep that was killed half done goes on where it was, with the switch on") {
    for (int n = 0; n < 5; ++n) connect("user-" + std::to_string(n));
    REQUIRE(turn_on(wish(true)).has_value());
    int reached = 0;
    stops.at = "CP44";
    stops.instead = [&] {
        if (++reached == 2) throw Crash{"CP44"};
    };
    run_watch();
    REQUIRE(ended);
    CHECK(in(State::revoking) == 2);
    CHECK(in(State::active) == 3);

    // Another process opens the store.
    stops.at.clear();
    node = std::make_unique<Node>(*this);
    ended = nullptr;
    CHECK(kept().revokes);
    CHECK_FALSE(kept().swept);
    run_watch();
    CHECK(node->board.any());
    CHECK(in(State::revoking) == 5);
    pass(2s);
    CHECK(kept().swept);
    stop_watch();
}

TEST_CASE_FIXTURE(KillBench,
                  "an order counts on this node although the store is away, and is stored later") {
    const auto ada = connect("ada");
    store.fail_next("kill_switches.turn_on", MemoryStore::Trouble::unavailable, 2);
    const auto on = turn_on(wish(true));
    REQUIRE(on.has_value());
    CHECK_FALSE(on->stored);
    CHECK(node->board.stops(ProviderId{"salesforce"}).has_value());
    CHECK(test::run(loop, store.kill_switches().list(soon())).value().empty());
    run_watch();
    pass(2s);
    CHECK(kept().revokes);
    CHECK(kept().reason == "a key was seen");
    CHECK(state_of(ada.id) == State::revoking);
    stop_watch();
}

TEST_CASE_FIXTURE(
    KillBench,
    "an order that could not be withdrawn is still in force, also where only this node has it") {
    store.fail_next("kill_switches.turn_on", MemoryStore::Trouble::unavailable);
    REQUIRE_FALSE(turn_on(wish())->stored);
    store.fail_next("kill_switches.turn_off", MemoryStore::Trouble::unavailable);
    const auto off = test::run(loop, node->watch.turn_off(ProviderId{}, soon()));
    REQUIRE_FALSE(off.has_value());
    CHECK(off.error().fault == Fault::try_later);
    REQUIRE(test::run(loop, node->watch.look(soon())).has_value());
    CHECK(node->board.any());
    CHECK(test::run(loop, node->watch.turn_off(ProviderId{}, soon())).has_value());
    CHECK_FALSE(node->board.any());
}

TEST_CASE_FIXTURE(KillBench, "an order that is withdrawn while it is being stored is undone") {
    OvertakingStore slow{store};
    SwitchBoard board;
    KillWatch watch{
        ConnectParts{
            loop, vault, slow, journal, endpoint, providers, clock, random, log, stops, {}, board},
        board, [] {}};
    store.fail_next("kill_switches.turn_on", MemoryStore::Trouble::unavailable);
    const auto on = test::run(loop, watch.turn_on(wish(true), soon()));
    REQUIRE(on.has_value());
    REQUIRE_FALSE(on->stored);

    int withdrawn = 0;
    slow.switches.first = [&]() -> Task<void> {
        ++withdrawn;
        return watch.turn_off(ProviderId{}, soon());
    };
    boost::asio::co_spawn(loop, watch.run(), boost::asio::detached);
    settle();
    CHECK(withdrawn == 1);
    CHECK(store.calls("kill_switches.turn_on") == 2);
    CHECK(test::run(loop, store.kill_switches().list(soon())).value().empty());
    CHECK_FALSE(board.any());
    pass(2s);
    CHECK_FALSE(board.any());
    watch.stop();
    settle();
}

TEST_CASE_FIXTURE(KillBench, "a sweep hears on every node that its switch was turned off") {
    for (int n = 0; n < 40; ++n) connect("user-" + std::to_string(n));
    Node other{*this};
    REQUIRE(turn_on(wish(true)).has_value());
    // Each step of the sweep takes a while, and the order is withdrawn elsewhere after the third.
    int steps = 0;
    stops.at = "CP44";
    stops.instead = [&] {
        clock.advance(400ms);
        if (++steps == 3)
            boost::asio::co_spawn(loop, other.watch.turn_off(ProviderId{}, soon()),
                                  boost::asio::detached);
    };
    run_watch();
    pass(5s);
    CHECK(in(State::revoking) < 10);
    CHECK_FALSE(node->board.any());
    stop_watch();
}

TEST_CASE_FIXTURE(KillBench, "a sweep ends with its own switch, whatever else is stopped") {
    connect("ada");
    connect("bob");
    REQUIRE(turn_on(wish()).has_value());
    REQUIRE(turn_on(wish(true, "salesforce")).has_value());
    stops.at = "CP44";
    stops.instead = [this] {
        auto left = node->board.on();
        std::erase_if(left, [](const KillSwitch& one) { return one.revokes; });
        node->board.set(std::move(left));
    };
    run_watch();
    CHECK(in(State::revoking) == 1);
    CHECK(node->board.stops(ProviderId{"salesforce"}).has_value());
    stop_watch();
}

TEST_CASE_FIXTURE(
    KillBench,
    "a sweep ends when the switch is turned off, and a store that is away is asked again") {
    connect("ada");
    connect("bob");
    REQUIRE(turn_on(wish(true)).has_value());
    SUBCASE("turned off") {
        stops.at = "CP44";
        stops.instead = [this] { node->board.set({}); };
        run_watch();
        CHECK(in(State::revoking) == 1);
    }
    SUBCASE("away") {
        store.fail_next("grants.begin_revocation", MemoryStore::Trouble::unavailable);
        run_watch();
        CHECK(log.count("sweep_interrupted") == 1);
        pass(2s);
        CHECK(in(State::revoking) == 2);
    }
    stop_watch();
}

}  // namespace
}  // namespace latchkey
