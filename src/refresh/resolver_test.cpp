#include <doctest/doctest.h>

#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;
using latchkey::test::lost;
using Asking = latchkey::test::PretendSalesforce::Asking;
using Trouble = MemoryStore::Trouble;

// Rows in doubt: when Salesforce is asked, what its word leads to, and what happens without it.

namespace {

struct Doubts : Bench {
    ConnectionId ada = connect();

    std::string asked() {
        const auto token = newer(ada);
        return token ? "generation " + std::to_string(token->generation.value) : token.error().code;
    }
    void lose_answer(bool processed) {
        salesforce.turns.push_back(lost(processed));
        CHECK(asked() == "rotation_uncertain");
        CHECK(row(ada).state == State::uncertain);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Doubts, "nobody is asked before the quiet period is over") {
    lose_answer(false);
    begin_resolving();
    pass(59s);
    CHECK(salesforce.introspections == 0);
    CHECK(row(ada).state == State::uncertain);
    pass(2s);
    CHECK(salesforce.introspections == 1);
    CHECK(row(ada).state == State::active);
}

TEST_CASE_FIXTURE(Doubts, "J22: the wall clock takes no part in the waiting") {
    lose_answer(false);
    begin_resolving();
    clock.set_wall(clock.wall() + std::chrono::days{1});
    pass(30s);
    clock.set_wall(clock.wall() - std::chrono::days{2});
    pass(29s);
    CHECK(salesforce.introspections == 0);
    pass(2s);
    CHECK(row(ada).state == State::active);
}

TEST_CASE_FIXTURE(Doubts,
                  "without a clear answer the row stays in doubt and is asked about ever less") {
    salesforce.asking = Asking::no_answer;
    lose_answer(false);
    begin_resolving();
    pass(600s);
    CHECK(row(ada).state == State::uncertain);
    const int first = salesforce.introspections;
    CHECK(first >= 4);
    CHECK(first <= 9);
    const auto told = newer(ada);
    REQUIRE_FALSE(told.has_value());
    CHECK(told.error().retry_after.has_value());
    salesforce.asking = Asking::truth;
    pass(301s);
    CHECK(row(ada).state == State::active);
}

TEST_CASE_FIXTURE(Doubts,
                  "where nobody may ask, a lost request is saved by one recorded second use") {
    salesforce.asking = Asking::refused;
    lose_answer(false);
    begin_resolving();
    pass(300s);
    CHECK(asked() == "rotation_uncertain");  // the API refuses the last access token
    pass(290s);
    CHECK(salesforce.token_requests == 1);
    pass(400s);
    CHECK(salesforce.token_requests == 2);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).generation == Generation{2});
    CHECK(salesforce.reuses == 0);
    CHECK(log.counts["second_use"] == 1);
}

TEST_CASE_FIXTURE(Doubts, "a store that is away for a moment ends no grant that can be saved") {
    salesforce.asking = Asking::refused;
    lose_answer(false);
    begin_resolving();
    CHECK(asked() == "rotation_uncertain");
    // Whether the same user has another connection cannot be read for a while.
    store.fail_next("connections.of_salesforce_user", MemoryStore::Trouble::unavailable, 4);
    pass(1800s);
    CHECK(store.calls("connections.of_salesforce_user") > 4);
    CHECK(row(ada).state == State::active);
    CHECK(salesforce.token_requests == 2);
}

TEST_CASE_FIXTURE(
    Doubts, "a second use of a token that was spent ends the connection, which was over anyway") {
    salesforce.asking = Asking::refused;
    lose_answer(true);
    begin_resolving();
    CHECK(asked() == "rotation_uncertain");
    pass(1000s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(salesforce.token_requests == 2);
    pass(600s);
    CHECK(salesforce.token_requests == 2);
}

TEST_CASE_FIXTURE(Doubts, "there is no third use: a lost second answer ends in reconnecting") {
    salesforce.asking = Asking::refused;
    lose_answer(false);
    salesforce.turns.push_back(lost(false));
    begin_resolving();
    CHECK(asked() == "rotation_uncertain");
    pass(1800s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "answer_lost");
    CHECK(salesforce.token_requests == 2);
}

TEST_CASE_FIXTURE(Doubts, "no second use while the last access token still serves") {
    salesforce.asking = Asking::refused;
    salesforce.turns.push_back(lost(false));
    auto soon_over = row(ada);
    soon_over.access_expires_at = clock.wall() + std::chrono::hours{2};
    store.overwrite(soon_over);
    // A planned refresh: nobody has refused anything.
    CHECK(token(ada, TokenDemand{std::chrono::hours{3}}).has_value());
    CHECK(row(ada).state == State::uncertain);
    begin_resolving();
    pass(1800s);
    CHECK(row(ada).state == State::uncertain);
    CHECK(salesforce.token_requests == 1);
    CHECK(token(ada).has_value());
}

TEST_CASE_FIXTURE(Doubts,
                  "no second use beside another live connection of the same Salesforce user") {
    salesforce.asking = Asking::refused;
    connect("bob");
    lose_answer(false);
    begin_resolving();
    CHECK(asked() == "rotation_uncertain");
    pass(1000s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "answer_lost");
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Doubts, "the policy reauth asks the user as soon as Salesforce does not tell") {
    auto strict = provider();
    strict.uncertain = UncertainPolicy::reauth;
    use(strict);
    salesforce.asking = Asking::refused;
    lose_answer(false);
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "answer_lost");
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Doubts, "a verdict that could not be stored is asked for again") {
    lose_answer(false);
    store.fail_next("grants.move", Trouble::lost_before);
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::uncertain);
    pass(10s);
    CHECK(row(ada).state == State::active);
    CHECK(salesforce.introspections == 2);
}

TEST_CASE_FIXTURE(Doubts,
                  "a row of another history is asked about before its refresh token is used") {
    store.new_timeline();
    CHECK(token(ada).has_value());
    CHECK(asked() == "rotation_uncertain");
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).reason == "suspect");
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "generation 2");
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(Doubts, "a database put back behind the journal gets its newest token back") {
    const auto backup = row(ada);
    REQUIRE(newer(ada).has_value());
    REQUIRE(newer(ada).has_value());
    const auto newest = stored_refresh_token(ada);
    store.overwrite(backup);
    store.new_timeline();
    restart();
    CHECK(row(ada).state == State::uncertain);
    CHECK(stored_refresh_token(ada) == newest);
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(
    Doubts, "at the start an attempt of this node is in doubt, another node's is watched first") {
    auto mine = row(ada);
    mine.state = State::in_flight;
    mine.attempt = AttemptId{"mine"};
    mine.attempt_node = NodeId{"node-1"};
    mine.reason = "second_use";
    store.overwrite(mine);
    const auto bob = connect("bob");
    auto other = row(bob);
    other.state = State::in_flight;
    other.attempt = AttemptId{"other"};
    other.attempt_node = NodeId{"node-2"};
    store.overwrite(other);
    restart();
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).reason == "second_use");
    CHECK(row(bob).state == State::in_flight);
    begin_resolving();
    pass(94s);
    CHECK(row(bob).state == State::in_flight);
    pass(3s);
    CHECK(row(bob).state == State::uncertain);
    pass(62s);
    CHECK(row(bob).state == State::active);
    CHECK(row(ada).state == State::active);
}

TEST_CASE_FIXTURE(Doubts,
                  "a quarantined connection is resolved, too, and still hands out nothing") {
    lose_answer(false);
    run(store.grants().quarantine(ada, "operator", clock.in(5s))).value();
    refresher->forget(ada);
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "quarantined");
}

TEST_CASE_FIXTURE(Doubts, "closed records leave the journal after 14 days, and not before") {
    REQUIRE(newer(ada).has_value());
    const auto kept = [&] { return run(journal.read(0, 10, clock.in(5s))).value().size(); };
    REQUIRE(kept() == 1);
    begin_resolving();
    clock.advance(std::chrono::days{13});
    pass(3s);
    CHECK(kept() == 1);
    clock.advance(std::chrono::days{1} + std::chrono::hours{1});
    pass(3s);
    CHECK(kept() == 0);
}
