#include <memory>
#include <optional>

#include <doctest/doctest.h>

#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace latchkey::test;
using namespace std::chrono_literals;

namespace {

/// A refresher that asks a switch board which the test turns.
struct Stoppable : Bench {
    SwitchBoard board;
    ConnectionId ada = connect();

    Stoppable() {
        refresher = std::make_unique<Refresher>(RefresherParts{loop,
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
                                                               meter,
                                                               {},
                                                               board});
    }
    ~Stoppable() { refresher.reset(); }
    void stop_all(bool on = true) {
        std::vector<KillSwitch> switches;
        if (on) switches.emplace_back();
        board.set(std::move(switches));
        refresher->forget_all();
    }
};

}  // namespace

TEST_CASE_FIXTURE(Stoppable,
                  "F14: while a kill switch is on, no token is vended and none refreshed") {
    CHECK(token(ada).has_value());
    stop_all();
    const auto refused = token(ada);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "stopped_by_operator");
    CHECK(refused.error().retry_after.has_value());
    CHECK(newer(ada).error().code == "stopped_by_operator");
    CHECK(run(refresher->refresh(ada, clock.in(5s))).error().code == "stopped_by_operator");
    CHECK(salesforce.refreshes == 0);
    CHECK(row(ada).generation == Generation{1});

    stop_all(false);
    CHECK(token(ada).has_value());
    CHECK(newer(ada).has_value());
    CHECK(salesforce.refreshes == 1);
}

TEST_CASE_FIXTURE(
    Stoppable,
    "J24: who waits for a refresh when the kill switch is turned on gets nothing of it, and "
    "nothing is lost") {
    Turn slow;
    slow.hold = std::make_shared<Event>(loop);
    const auto hold = slow.hold;
    salesforce.turns.push_back(std::move(slow));
    auto waiting =
        begin(refresher->token(ada, TokenDemand::newer(row(ada).generation), clock.in(60s)));
    settle();
    stop_all();
    clock.advance(1s);
    hold->set();
    settle();
    // Nobody else is given what it brought either.
    CHECK(token(ada).error().code == "stopped_by_operator");
    pass(2s);
    REQUIRE(waiting->has_value());
    REQUIRE_FALSE((*waiting)->has_value());
    CHECK((*waiting)->error().code == "stopped_by_operator");
    // What Salesforce gave is kept: the old refresh token is spent.
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    stop_all(false);
    CHECK(token(ada)->generation == Generation{2});
}
