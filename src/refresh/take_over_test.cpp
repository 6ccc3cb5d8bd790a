#include <doctest/doctest.h>

#include "refresh/nodes_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::answered;
using latchkey::test::lost;
using latchkey::test::Nodes;
using latchkey::test::plain;
using latchkey::test::Turn;
using Asking = latchkey::test::PretendSalesforce::Asking;

// A node dies, and the others find out what became of what it was doing.

namespace {

struct TakeOver : Nodes {
    /// A request of node A that Salesforce did not process; A dies before it notes anything.
    void die_unprocessed() {
        salesforce.turns.push_back(answered(plain(200, "{}"), false));
        killed_at("CP13");
    }
    /// Node A has left a row in doubt and is gone.
    void leave_doubt(bool processed) {
        salesforce.turns.push_back(lost(processed));
        ask_newer(a(), 1, 1s);
        settle();
        REQUIRE(row(ada).state == State::uncertain);
    }
};

}  // namespace

TEST_CASE_FIXTURE(TakeOver, "J5: a node killed after the claim has sent nothing, and all is well") {
    killed_at("CP6");
    run_in_background(b());
    pass(94s);
    CHECK(row(ada).state == State::in_flight);
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(salesforce.introspections == 1);
    CHECK(newer_answer(b()) == "generation 2");
    CHECK(salesforce.token_requests == 1);
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(TakeOver,
                  "J6: a node killed with the answer in its hands loses the grant alone") {
    killed_at("CP13");
    run_in_background(b());
    CHECK(answer(b()) == "generation 1");
    pass(200s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "answer_lost");
    CHECK(newer_answer(b()) == "reauth_required");
    CHECK(salesforce.token_requests == 1);
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(TakeOver,
                  "J7: a node killed after a request that nobody processed loses nothing") {
    die_unprocessed();
    run_in_background(b());
    pass(200s);
    CHECK(row(ada).state == State::active);
    CHECK(newer_answer(b()) == "generation 2");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(TakeOver, "J8: what a killed node had journalled is stored at its next start") {
    killed_at("CP16");
    restart(a());
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    run_in_background(b());
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(answer(b()) == "generation 2");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(TakeOver,
                  "J34: a journal that is lost with its node costs the one grant, no more") {
    const auto bob = connect("bob");
    killed_at("CP16");
    nodes.erase(nodes.begin());  // with its disk
    auto& other = *nodes[0];
    run_in_background(other);
    pass(200s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "answer_lost");
    CHECK(run(other.refresher->token(bob, TokenDemand::newer(Generation{1}), clock.in(60s)))
              .has_value());
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(TakeOver, "J8: a journal that comes back late restores a connection given up") {
    killed_at("CP16");
    run_in_background(b());
    pass(200s);
    REQUIRE(row(ada).reason == "answer_lost");
    restart(a());
    CHECK(row(ada).state == State::uncertain);
    pass(65s);
    CHECK(row(ada).state == State::active);
    CHECK(answer(a()) == "generation 2");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(TakeOver,
                  "CP32: a start that dies between two journalled answers leaves the rest") {
    const auto bob = connect("bob");
    killed_at("CP16");
    a().ends.point = "CP16";
    begin(a().refresher->token(bob, TokenDemand::newer(Generation{1}), clock.in(1s)));
    settle();
    REQUIRE(a().ends.point.empty());

    a().refresher = a().started(*this);
    a().ends.point = "CP32";
    begin(a().refresher->recover(clock.in(60s)));
    settle();
    REQUIRE(a().ends.point.empty());
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(row(bob).grant_generation == GrantGeneration{1});

    restart(a());
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(row(bob).grant_generation == GrantGeneration{2});
    run_in_background(b());
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(row(bob).state == State::active);
    CHECK(salesforce.token_requests == 2);
    check_quiet_ledger();
}

TEST_CASE("J11: an answer is used as long as the socket is open, and never asked for again") {
    for (const auto after : {29s, 31s, 60s, 94s}) {
        CAPTURE(after.count());
        TakeOver nodes;
        Turn slow;
        slow.hold = std::make_shared<Event>(nodes.loop);
        const auto hold = slow.hold;
        nodes.salesforce.turns.push_back(std::move(slow));
        nodes.ask_newer(nodes.a(), 1, 1s);
        nodes.run_in_background(nodes.b());
        nodes.pass(after);
        hold->set();
        nodes.pass(200s);
        const auto row = nodes.row(nodes.ada);
        if (after <= 31s) {
            CHECK(row.state == State::active);
            CHECK(row.grant_generation == GrantGeneration{2});
        } else {
            CHECK(row.state == State::reauth_required);
            CHECK(row.reason == "answer_lost");
        }
        CHECK(nodes.salesforce.token_requests == 1);
        nodes.check_quiet_ledger();
    }
}

TEST_CASE_FIXTURE(TakeOver, "CP25: an observation starts anew with the process that makes it") {
    killed_at("CP6");
    run_in_background(b());
    pass(90s);
    run(test::stopped(b().refresher.get(), clock.in(0s)));
    b().refresher = b().started(*this);
    run_in_background(b());
    pass(90s);
    CHECK(row(ada).state == State::in_flight);
    pass(6s);
    CHECK(row(ada).state == State::uncertain);
}

TEST_CASE_FIXTURE(TakeOver, "CP26: a row that a node left in doubt is resolved by another") {
    leave_doubt(false);
    run_in_background(b());
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(salesforce.introspections == 1);
}

TEST_CASE("CP27, CP28: a resolver that dies before its verdict is replaced by another node") {
    for (const char* point : {"CP27", "CP28"}) {
        for (const bool processed : {false, true}) {
            CAPTURE(point);
            CAPTURE(processed);
            TakeOver nodes;
            nodes.leave_doubt(processed);
            nodes.a().ends.point = point;
            nodes.run_in_background(nodes.a());
            nodes.pass(62s);
            REQUIRE(nodes.a().ends.point.empty());
            nodes.run(test::stopped(nodes.a().refresher.get(), nodes.clock.in(0s)));
            const auto held = nodes.row(nodes.ada).resolver;
            CHECK_FALSE(held.empty());
            const auto asked = nodes.salesforce.introspections;

            nodes.run_in_background(nodes.b());
            nodes.pass(55s);
            CHECK(nodes.row(nodes.ada).resolver == held);
            CHECK(nodes.salesforce.introspections == asked);
            nodes.pass(10s);
            CHECK(nodes.row(nodes.ada).state ==
                  (processed ? State::reauth_required : State::active));
            CHECK(nodes.salesforce.introspections == asked + 1);
            nodes.check_quiet_ledger();
        }
    }
}

TEST_CASE("CP27, CP28: the next process of a node does not wait for the dead one's verdict") {
    for (const char* point : {"CP27", "CP28"}) {
        CAPTURE(point);
        TakeOver nodes;
        nodes.leave_doubt(false);
        nodes.a().ends.point = point;
        nodes.run_in_background(nodes.a());
        nodes.pass(62s);
        REQUIRE(nodes.a().ends.point.empty());
        REQUIRE_FALSE(nodes.row(nodes.ada).resolver.empty());
        nodes.run(test::stopped(nodes.a().refresher.get(), nodes.clock.in(0s)));
        nodes.restart(nodes.a());
        SUBCASE("nor for the quiet period, which that one had waited for") {
            nodes.run_in_background(nodes.a());
            nodes.pass(2s);
        }
        SUBCASE("but after a fail-over it waits anew, for a claim that may be lost") {
            nodes.store.new_timeline();
            const auto asked = nodes.salesforce.introspections;
            nodes.run_in_background(nodes.a());
            nodes.pass(58s);
            CHECK(nodes.salesforce.introspections == asked);
            nodes.pass(8s);
        }
        CHECK(nodes.row(nodes.ada).state == State::active);
        nodes.check_quiet_ledger();
    }
}

TEST_CASE_FIXTURE(TakeOver, "CP29: a verdict that was stored stands, whoever died after it") {
    leave_doubt(false);
    a().ends.point = "CP29";
    run_in_background(a());
    pass(62s);
    REQUIRE(a().ends.point.empty());
    CHECK(row(ada).state == State::active);
    CHECK(newer_answer(b()) == "generation 2");
}

TEST_CASE_FIXTURE(TakeOver, "two nodes that see one doubt ask Salesforce once") {
    leave_doubt(false);
    for (auto& node : nodes) run_in_background(*node);
    pass(120s);
    CHECK(row(ada).state == State::active);
    CHECK(salesforce.introspections == 1);
}

TEST_CASE("CP30, CP31: a second use that was recorded counts as used, sent or not") {
    for (const char* point : {"CP30", "CP13"}) {
        CAPTURE(point);
        TakeOver nodes;
        nodes.salesforce.asking = Asking::refused;
        nodes.leave_doubt(false);
        nodes.run_in_background(nodes.a());
        nodes.newer_answer(nodes.a());  // the API refuses the last access token
        nodes.pass(500s);
        const auto before = nodes.salesforce.token_requests;
        nodes.a().ends.point = point;
        nodes.salesforce.turns.push_back(answered(plain(200, "{}"), false));
        nodes.pass(300s);
        REQUIRE(nodes.a().ends.point.empty());
        const bool sent = std::string_view{point} == "CP13";
        CHECK(nodes.salesforce.token_requests == before + (sent ? 1 : 0));
        nodes.run(test::stopped(nodes.a().refresher.get(), nodes.clock.in(0s)));

        nodes.run_in_background(nodes.b());
        nodes.newer_answer(nodes.b());
        nodes.pass(1500s);
        CHECK(nodes.row(nodes.ada).state == State::reauth_required);
        CHECK(nodes.row(nodes.ada).reason == "answer_lost");
        CHECK(nodes.salesforce.token_requests == before + (sent ? 1 : 0));
        CHECK(nodes.salesforce.reuses == 0);
    }
}

TEST_CASE("J27: a refresh token that another system uses ends at the first conflict, with a hint") {
    TakeOver nodes;
    auto& salesforce = nodes.salesforce;
    // Once it has rotated here, the other system presents the present token.
    REQUIRE(nodes.newer_answer(nodes.a()) == "generation 2");
    nodes.pass(61s);
    SUBCASE("both at the same moment") {
        salesforce.turns.push_back(
            test::refused_with(400, "invalid_grant", "token request is already being processed"));
        CHECK(nodes.newer_answer(nodes.a(), 2) == "rotation_uncertain");
        salesforce.revoke_all();
        nodes.run_in_background(nodes.b());
        nodes.pass(62s);
    }
    SUBCASE("the other one first, and nobody had refused the access token here") {
        salesforce.revoke_all();
        const auto told = nodes.run(nodes.a().refresher->refresh(nodes.ada, nodes.clock.in(60s)));
        REQUIRE(told.has_error());
        CHECK(told.error().code == "reauth_required");
    }
    const auto row = nodes.row(nodes.ada);
    CHECK(row.state == State::reauth_required);
    CHECK(row.reason == "used_elsewhere");
    const auto requests = salesforce.token_requests;
    CHECK(nodes.newer_answer(nodes.b(), 2) == "reauth_required");
    nodes.pass(600s);
    CHECK(salesforce.token_requests == requests);
}

TEST_CASE_FIXTURE(TakeOver,
                  "a grant that was revoked at Salesforce is not said to be used elsewhere") {
    REQUIRE(newer_answer(a()) == "generation 2");
    pass(61s);
    salesforce.revoke_all();
    CHECK(newer_answer(a(), 2) == "reauth_required");  // the API refused the access token
    CHECK(row(ada).reason == "token_expired");
}

TEST_CASE_FIXTURE(TakeOver, "J28: the connection that a sixth approval has pushed out says so") {
    std::vector<ConnectionId> others;
    for (const char* name : {"b", "c", "d", "e", "f"}) {
        clock.advance(1s);
        others.push_back(connect(name));
    }
    salesforce.revoke(1);
    CHECK(newer_answer(a()) == "reauth_required");
    CHECK(row(ada).reason == "approval_limit");
    for (const auto& other : others)
        CHECK(run(a().refresher->token(other, TokenDemand::newer(Generation{1}), clock.in(60s)))
                  .has_value());
    check_quiet_ledger();
}
