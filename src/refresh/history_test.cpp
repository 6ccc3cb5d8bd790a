#include <doctest/doctest.h>

#include "refresh/nodes_bench.h"
#include "refresh/protocol.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Nodes;
using latchkey::test::Turn;

// The database's history changes: fail-overs that lose commits, and backups that are put back.

namespace {

struct History : Nodes {
    using Nodes::Nodes;
    std::shared_ptr<Event> slow_refresh(std::int64_t than = 1) {
        Turn slow;
        slow.hold = std::make_shared<Event>(loop);
        const auto hold = slow.hold;
        salesforce.turns.push_back(std::move(slow));
        ask_newer(a(), than);
        settle();
        REQUIRE(row(ada).state == State::in_flight);
        return hold;
    }
    void background() {
        for (auto& node : nodes) run_in_background(*node);
    }
    std::size_t in_state(State wanted) const {
        std::size_t count = 0;
        for (const auto& grant : store.all_grants()) count += grant.state == wanted ? 1 : 0;
        return count;
    }
};

}  // namespace

TEST_CASE_FIXTURE(History, "J16: a rotation that a fail-over lost is put back from the journal") {
    background();
    const auto before = row(ada);
    REQUIRE(newer_answer(a()) == "generation 2");
    fail_over_to(before);
    pass(2s);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(row(ada).state == State::uncertain);
    pass(65s);
    CHECK(row(ada).state == State::active);
    CHECK(answer(b()) == "generation 2");
    CHECK(newer_answer(b(), 2) == "generation 3");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(
    History, "J16: an answer that comes after a fail-over set the row back is not thrown away") {
    run_in_background(a());
    const auto oldest = row(ada);
    REQUIRE(newer_answer(b()) == "generation 2");
    const auto hold = slow_refresh(2);
    fail_over_to(oldest);
    // What A's journal has is in the row by then; the answer to come is not.
    pass(5s);
    hold->set();
    pass(2s);
    CHECK(row(ada).grant_generation == GrantGeneration{3});
    CHECK(row(ada).state == State::uncertain);
    pass(70s);
    CHECK(row(ada).state == State::active);
    CHECK(newer_answer(b(), 3) == "generation 4");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(History,
                  "J16: an answer that was stored just before a fail-over lost it is put back") {
    run_in_background(a());
    const auto before = row(ada);
    // The former primary's word that it is stored comes after the journal was compared.
    a().ends.point = "CP20";
    a().ends.instead = [&] {
        fail_over_to(before);
        pass(2s);
    };
    CHECK(newer_answer(a()) == "generation 2");
    REQUIRE(a().ends.point.empty());
    pass(5s);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    pass(70s);
    CHECK(row(ada).state == State::active);
    CHECK(newer_answer(b(), 2) == "generation 3");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(History,
                  "J16: after a fail-over a node looks into its journal before it claims") {
    const auto before = row(ada);
    REQUIRE(newer_answer(a()) == "generation 2");
    fail_over_to(before);
    // Nobody's housework runs: the caller's own refresh finds it.
    a().refresher->forget(ada);
    CHECK(newer_answer(a()) == "generation 2");
    CHECK(salesforce.token_requests == 1);
    CHECK(row(ada).state == State::uncertain);
}

TEST_CASE_FIXTURE(History, "J17: a claim that a fail-over lost protects its token all the same") {
    background();
    const auto before = row(ada);
    const auto hold = slow_refresh();
    fail_over_to(before);
    const auto other = ask_newer(b());
    pass(20s);
    CHECK(salesforce.token_requests == 1);
    hold->set();
    pass(100s);
    CHECK(heard(other) != "nothing yet");
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(answer(b()) == "generation 2");
    CHECK(salesforce.token_requests == 1);
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(History, "J18: two fail-overs within one attempt change nothing") {
    background();
    const auto before = row(ada);
    const auto hold = slow_refresh();
    fail_over_to(before);
    pass(10s);
    fail_over_to(before);
    ask_newer(b());
    hold->set();
    pass(200s);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(salesforce.token_requests == 1);
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(History,
                  "a suspect row serves its token, and is asked about before its next use") {
    store.new_timeline();
    CHECK(answer(a()) == "generation 1");
    CHECK(newer_answer(a()) == "rotation_uncertain");
    CHECK(salesforce.token_requests == 0);
    background();
    pass(61s);
    CHECK(salesforce.introspections == 0);
    pass(4s);
    CHECK(row(ada).state == State::active);
    CHECK(newer_answer(a()) == "generation 2");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(History,
                  "what Salesforce says does not outlive the history on which it was asked") {
    salesforce.turns.push_back(test::lost(false));
    CHECK(newer_answer(a()) == "rotation_uncertain");
    // Between the answer and its verdict's commit another node resolves the row and spends the token,
    // and a fail-over loses all of it: the row looks as it did when A asked.
    a().ends.point = "CP28";
    a().ends.instead = [this] {
        salesforce.revoke_all();
        store.new_timeline();
    };
    run_in_background(a());
    pass(65s);
    REQUIRE(a().ends.point.empty());
    CHECK(row(ada).state == State::uncertain);
    const auto presented = salesforce.token_requests;
    pass(70s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(salesforce.introspections == 2);
    CHECK(salesforce.token_requests == presented);
}

TEST_CASE_FIXTURE(History,
                  "a doubt that a fail-over brings back waits for a lost claim's request") {
    salesforce.turns.push_back(test::lost(false));
    CHECK(newer_answer(a()) == "rotation_uncertain");
    run_in_background(b());
    pass(59s);
    const auto doubted = row(ada);
    run_in_background(a());
    // B, who has seen the doubt for a minute, finds out; then A spends the token.
    for (int i = 0; i < 20 && row(ada).state == State::uncertain; ++i) pass(250ms);
    REQUIRE(row(ada).state == State::active);
    const auto hold = slow_refresh();
    const auto asked = salesforce.introspections;
    fail_over_to(doubted);
    pass(25s);
    CHECK(row(ada).state == State::uncertain);
    hold->set();
    pass(30s);
    CHECK(salesforce.introspections == asked);
    pass(70s);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    check_quiet_ledger();
}

TEST_CASE("after a fail-over every row is asked about, at most five a second") {
    History nodes{1};
    for (int i = 0; i < 22; ++i) nodes.connect("user " + std::to_string(i));
    nodes.background();
    nodes.pass(3s);
    CHECK(nodes.in_state(State::active) == 23);
    nodes.store.new_timeline();
    nodes.pass(2s);
    const auto first = nodes.in_state(State::uncertain);
    CHECK(first >= 5);
    CHECK(first <= 15);
    nodes.pass(3s);
    CHECK(nodes.in_state(State::uncertain) == 23);
    nodes.pass(70s);
    CHECK(nodes.in_state(State::active) == 23);
    CHECK(nodes.salesforce.introspections == 23);
    CHECK(nodes.run(nodes.store.events().read(0, 100, nodes.clock.in(1s))).value().empty());
    // It is over: no more looking for what is suspect.
    const auto looked = nodes.store.calls("grants.suspects");
    nodes.pass(60s);
    CHECK(nodes.store.calls("grants.suspects") == looked);
}

TEST_CASE_FIXTURE(History, "I4: a row set back behind the closed journal is not believed") {
    const auto before = row(ada);
    REQUIRE(newer_answer(a()) == "generation 2");
    store.overwrite(before);
    restart(a());
    REQUIRE(a().refresher->standstill().has_value());
    CHECK(a().refresher->standstill()->code == "store_put_back");
    background();
    CHECK(answer(a()) == "generation 1");  // Salesforce may know it still
    CHECK(newer_answer(a()) == "store_put_back");
    pass(300s);
    CHECK(salesforce.token_requests == 1);
    CHECK(row(ada).grant_generation == GrantGeneration{1});
    CHECK(log.counts["store_put_back"] == 1);
}

TEST_CASE_FIXTURE(History,
                  "CP51: a store put back unmarked is claimed on once an operator marks it") {
    const auto before = row(ada);
    REQUIRE(newer_answer(a()) == "generation 2");
    store.overwrite(before);
    restart(a());
    REQUIRE(a().refresher->standstill().has_value());

    run(store.grants().mark_restored(0, clock.in(1s))).value();
    restart(a());
    CHECK_FALSE(a().refresher->standstill().has_value());
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    background();
    pass(65s);
    CHECK(row(ada).state == State::active);
    CHECK(newer_answer(a(), 2) == "generation 3");
    check_quiet_ledger();
}

TEST_CASE_FIXTURE(History,
                  "CP51: a store of a lower incarnation than the journal's is not believed") {
    run(store.grants().mark_restored(4, clock.in(1s))).value();
    background();
    pass(70s);
    REQUIRE(newer_answer(a()) == "generation 2");
    // An older backup, of an earlier incarnation, over another connection's rows.
    MemoryStore older{clock, random};
    const auto present = run(older.grants().timeline(clock.in(1s))).value();
    JournalRecord record = run(a().journal.read(0, 1, clock.in(1s))).value().at(0);
    CHECK(protocol::put_back(present, record, false).has_value());
    CHECK_FALSE(protocol::put_back(record.timeline, record, false).has_value());
    CHECK(protocol::put_back(record.timeline, record, true).has_value());
    record.closed = false;
    CHECK_FALSE(protocol::put_back(record.timeline, record, true).has_value());
}

TEST_CASE_FIXTURE(History, "I17: a backup restored after more rotations presents no spent token") {
    const auto bob = connect("bob");
    const auto cleo = connect("cleo");
    const std::vector<GrantRow> backup = store.all_grants();
    // Ada is refreshed by A, whose journal lives on; bob by B, whose disk is lost.
    REQUIRE(newer_answer(a()) == "generation 2");
    REQUIRE(run(b().refresher->token(bob, TokenDemand::newer(Generation{1}), clock.in(60s)))
                .has_value());
    for (const auto& as_it_was : backup) store.overwrite(as_it_was);
    run(store.grants().mark_restored(0, clock.in(1s))).value();
    nodes.erase(nodes.begin() + 1);
    restart(a());
    run_in_background(a());
    for (const auto& who : {ada, bob, cleo})
        run(a().refresher->token(who, TokenDemand::newer(Generation{9}), clock.in(1s)));
    pass(150s);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(row(bob).state == State::reauth_required);
    CHECK(row(bob).reason == "answer_lost");
    CHECK(row(cleo).state == State::active);
    CHECK(newer_answer(a(), 2) == "generation 3");
    check_quiet_ledger();
}
