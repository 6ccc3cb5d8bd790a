#include <doctest/doctest.h>

#include "refresh/nodes_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Nodes;
using latchkey::test::Turn;
using Trouble = MemoryStore::Trouble;

// Several nodes on one database that all work: who refreshes, who waits, who hears of it.

namespace {

struct Two : Nodes {
    /// Node A's refresh, whose answer waits until the event is set.
    std::shared_ptr<Event> slow_refresh() {
        Turn slow;
        slow.hold = std::make_shared<Event>(loop);
        const auto hold = slow.hold;
        salesforce.turns.push_back(std::move(slow));
        ask_newer(a());
        settle();
        REQUIRE(row(ada).state == State::in_flight);
        return hold;
    }
};

}  // namespace

TEST_CASE("J2: eight nodes with fifty callers each send one request a generation") {
    for (const bool hints : {true, false}) {
        CAPTURE(hints);
        Nodes cluster{8};
        if (hints)
            for (auto& node : cluster.nodes) cluster.listen(*node);
        for (const std::int64_t generation : {1, 2}) {
            std::vector<Nodes::Asked> answers;
            for (auto& node : cluster.nodes)
                for (int caller = 0; caller < 50; ++caller)
                    answers.push_back(cluster.ask_newer(*node, generation));
            cluster.pass(5s);
            for (const auto& answer : answers)
                REQUIRE(Nodes::heard(answer) == "generation " + std::to_string(generation + 1));
            CHECK(cluster.salesforce.token_requests == generation);
            CHECK(cluster.row(cluster.ada).grant_generation == GrantGeneration{generation + 1});
        }
        cluster.check_quiet_ledger();
    }
}

TEST_CASE_FIXTURE(Two, "who asks while another node refreshes gets that node's result at once") {
    listen(b());
    const auto hold = slow_refresh();
    const auto asked = ask_newer(b());
    pass(4s);
    CHECK(heard(asked) == "nothing yet");
    hold->set();
    settle();
    CHECK(heard(asked) == "generation 2");
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Two, "without word from the other node its result is seen by looking") {
    const auto hold = slow_refresh();
    const auto asked = ask_newer(b());
    pass(4s);
    hold->set();
    pass(1s);
    CHECK(heard(asked) == "generation 2");
}

TEST_CASE_FIXTURE(Two, "who waits for another node waits no longer than its own deadline") {
    slow_refresh();
    const auto asked = ask_newer(b(), 1, 2s);
    pass(1900ms);
    CHECK(heard(asked) == "nothing yet");
    pass(250ms);
    CHECK(heard(asked) == "refresh_in_progress");
}

TEST_CASE_FIXTURE(Two, "an operator's refresh while another node refreshes waits for that one") {
    const auto hold = slow_refresh();
    auto asked = begin(b().refresher->refresh(ada, clock.in(60s)));
    settle();
    hold->set();
    pass(2s);
    REQUIRE(asked->has_value());
    REQUIRE((*asked)->has_value());
    CHECK((**asked)->generation == Generation{2});
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Two, "when the other node's attempt spent nothing, the one who waits goes on") {
    const auto hold = std::make_shared<Event>(loop);
    Turn refused = test::refused_with(400, "invalid_grant", "login rate exceeded");
    refused.hold = hold;
    salesforce.turns.push_back(std::move(refused));
    ask_newer(a());
    settle();
    const auto asked = ask_newer(b());
    settle();
    hold->set();
    pass(2s);
    CHECK(heard(asked) == "generation 2");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(Two, "waiting ends with the process, not after it") {
    slow_refresh();
    const auto asked = ask_newer(b());
    settle();
    auto ended = begin(test::stopped(b().refresher.get(), clock.in(30s)));
    settle();
    CHECK(ended->has_value());
    CHECK(heard(asked) != "nothing yet");
}

TEST_CASE_FIXTURE(Two,
                  "a revocation by one node is seen by the others at once, at most 5 s later") {
    for (const bool hints : {false, true}) {
        CAPTURE(hints);
        const auto who = hints ? connect("bob") : ada;
        if (hints) listen(b());
        settle();
        const auto asked = [&] {
            auto token = run(b().refresher->token(who, TokenDemand{}, clock.in(1s)));
            return token ? std::string{"served"} : token.error().code;
        };
        REQUIRE(asked() == "served");
        run(store.grants().begin_revocation(who, clock.in(1s))).value();
        settle();
        CHECK(asked() == (hints ? "connection_revoked" : "served"));
        clock.advance(5s);
        CHECK(asked() == "connection_revoked");
    }
}

TEST_CASE_FIXTURE(Two, "a token that took long to read is not remembered the longer for it") {
    // As where the database answers after four seconds what it knew before a revocation.
    const auto asked = ask(b(), TokenDemand{});
    loop.restart();
    loop.poll_one();
    clock.advance(4s);
    settle();
    REQUIRE(heard(asked) == "generation 1");
    run(store.grants().begin_revocation(ada, clock.in(1s))).value();
    clock.advance(1100ms);
    CHECK(answer(b()) == "connection_revoked");
}

TEST_CASE_FIXTURE(Two,
                  "J9: a node that dies between commit and answer leaves the others the token") {
    killed_at("CP20");
    CHECK(newer_answer(b()) == "generation 2");
    CHECK(salesforce.token_requests == 1);
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(Two, "a token that the journal vouches for does not come after a later one") {
    // The store takes A's new token and never says so. Meanwhile B goes on from there.
    store.fail_next("grants.settle", Trouble::silent);
    auto waiting = ask_newer(a());
    settle();
    CHECK(newer_answer(b(), 2) == "generation 3");
    CHECK(answer(a()) == "generation 3");
    CHECK(heard(waiting) == "nothing yet");
    // A's time for the call is over: what it has in its journal is the second generation.
    store.fail_next("grants.settle", Trouble::unavailable);
    pass(10s);
    CHECK(heard(waiting) == "generation 3");
    CHECK(answer(a()) == "generation 3");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(Two, "a token that the store was slow to take does not come after a later one") {
    store.fail_next("grants.settle", Trouble::late);
    a().journal.fail_next("close", Trouble::late);
    auto waiting = ask_newer(a());
    settle();
    CHECK(newer_answer(b(), 2) == "generation 3");
    CHECK(answer(a()) == "generation 3");
    // A hears that its token is stored, and is still at work on its journal.
    pass(6s);
    CHECK(heard(waiting) == "generation 3");
    CHECK(answer(a()) == "generation 3");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(Two, "J19: where claims do not complete nothing is sent") {
    store.fail_next("grants.claim", Trouble::lost_before, 1000);
    CHECK(newer_answer(a(), 1, 3s) == "storage_unavailable");
    store.fail_next("grants.claim", Trouble::lost_after, 1000);
    CHECK(newer_answer(b(), 1, 3s) == "storage_unavailable");
    CHECK(salesforce.token_requests == 0);
}

TEST_CASE_FIXTURE(Two,
                  "M6: a database that takes no changes, or is another one, is not claimed on") {
    store.fail_next("grants.claim", Trouble::read_only);
    CHECK(newer_answer(a()) == "storage_read_only");
    store.fail_next("grants.claim", Trouble::unknown);
    CHECK(newer_answer(b()) == "storage_unknown");
    CHECK(salesforce.token_requests == 0);
    CHECK(answer(a()) == "generation 1");
    CHECK(newer_answer(a()) == "generation 2");
}

TEST_CASE_FIXTURE(Two, "a node whose name another process has taken claims nothing more") {
    a().refresher->stand_down(Error{Fault::conflict, "node_replaced", "Another has the name."});
    CHECK(newer_answer(a()) == "node_replaced");
    CHECK(salesforce.dials == 0);
    CHECK(newer_answer(b()) == "generation 2");
}
