#include <doctest/doctest.h>

#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;
using latchkey::test::lost;
using latchkey::test::Turn;
using Trouble = MemoryStore::Trouble;

// Groups J and K: what breaks around a refresh, and what is left of it.

namespace {

struct Faults : Bench {
    ConnectionId ada = connect();
    std::string old_token = stored_refresh_token(ada);
    Error unreachable{Fault::try_later, "upstream_unreachable", "No way there. Wait."};

    std::string asked(std::chrono::milliseconds wait = 60s) {
        const auto token = newer(ada, wait);
        return token ? "generation " + std::to_string(token->generation.value) : token.error().code;
    }
    std::string served() {
        refresher->forget(ada);
        const auto token = this->token(ada);
        return token ? std::string{token->token.reveal()} : token.error().code;
    }
    /// A refresh whose answer waits until the event is set.
    std::shared_ptr<Event> begin_slow_refresh(bool processed = true) {
        Turn slow;
        slow.processed = processed;
        slow.hold = std::make_shared<Event>(loop);
        const auto hold = slow.hold;
        salesforce.turns.push_back(std::move(slow));
        begin(refresher->token(ada, TokenDemand::newer(Generation{1}), clock.in(1s)));
        settle();
        return hold;
    }
    /// The process goes without finishing what waits for the store, and another one starts.
    void die_and_restart() {
        run(stopped(refresher.get(), clock.in(0s)));
        settle();
        restart();
    }

    /// What happens when the protocol reaches a point, the first time.
    void at(const char* point, std::function<void()> what) {
        stop.point = point;
        stop.what = std::move(what);
        RefresherParts parts{loop,      vault, store,  journal, endpoint,
                             providers, clock, random, log,     stop};
        refresher = std::make_unique<Refresher>(std::move(parts));
    }

private:
    struct Happening final : Stops {
        std::string_view point;
        std::function<void()> what;
        void reached(std::string_view name) override {
            if (name == point && what) std::exchange(what, nullptr)();
        }
    } stop;

    static Async<bool> stopped(Refresher* which, Deadline by) {
        co_await which->stop(by);
        co_return true;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Faults,
                  "J10: an answer lost by a reset, whose request was processed, needs the user") {
    salesforce.turns.push_back(lost(true));
    CHECK(asked() == "rotation_uncertain");
    CHECK(served() == "00Dfirst.ada");  // until the API refuses it
    begin_resolving();
    pass(59s);
    CHECK(salesforce.introspections == 0);
    pass(3s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "answer_lost");
    CHECK(asked() == "reauth_required");
    CHECK(salesforce.token_requests == 1);
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(
    Faults, "J10: an answer lost by a reset, whose request was not processed, harms nothing") {
    salesforce.turns.push_back(lost(false));
    CHECK(asked() == "rotation_uncertain");
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "generation 2");
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(Faults, "J10: a time-out is as good as a reset") {
    begin_slow_refresh();
    pass(33s);
    CHECK(row(ada).state == State::uncertain);
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "answer_lost");
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(
    Faults, "J12: while the database is away the journalled token serves, and is stored later") {
    store.fail_next("grants.settle", Trouble::unavailable, 5);
    CHECK(asked() == "generation 2");
    CHECK(row(ada).state == State::in_flight);
    CHECK(token(ada)->generation == Generation{2});
    pass(10s);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).generation == Generation{2});
    CHECK(salesforce.alive(stored_refresh_token(ada)));
    CHECK(unclosed_records() == 0);
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(
    Faults,
    "J12: a token that the journal vouched for is not handed out again once it was refused") {
    store.fail_next("grants.settle", Trouble::unavailable, 4);
    CHECK(asked() == "generation 2");
    CHECK(row(ada).generation == Generation{1});
    const auto again = token(ada, TokenDemand::newer(Generation{2}), 300ms);
    CHECK_FALSE(again.has_value());
    pass(10s);
    CHECK(asked() == "generation 3");
}

TEST_CASE_FIXTURE(
    Faults, "J23: what the journal vouches for does not come back after a new consent was seen") {
    store.fail_next("grants.settle", Trouble::unavailable, 10);
    CHECK(asked() == "generation 2");
    reconnect(ada);
    reconnect(ada);
    CHECK(token(ada, TokenDemand::newer(Generation{2}))->generation == Generation{3});
    refresher->forget(ada);
    CHECK(token(ada)->generation == Generation{3});
}

TEST_CASE_FIXTURE(Faults, "J12: ten minutes without the database lose nothing") {
    store.fail_next("grants.settle", Trouble::unavailable, 122);
    CHECK(asked() == "generation 2");
    pass(580s);
    CHECK(row(ada).state == State::in_flight);
    CHECK(token(ada)->generation == Generation{2});
    pass(60s);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
}

TEST_CASE_FIXTURE(Faults,
                  "J12: a restart while the database is away finds the answer in the journal") {
    store.fail_next("grants.settle", Trouble::unavailable, 1);
    CHECK(asked() == "generation 2");
    die_and_restart();
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(salesforce.alive(stored_refresh_token(ada)));
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "generation 3");
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(
    Faults, "J12: with neither journal nor database nothing is acknowledged, and nothing lost") {
    journal.fail_next("append", Trouble::unavailable, 4);
    store.fail_next("grants.settle", Trouble::unavailable, 2);
    CHECK(asked(150ms) == "refresh_in_progress");
    pass(5s);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Faults,
                  "J12: a recovered answer is applied once, however often a process starts") {
    store.fail_next("grants.settle", Trouble::unavailable, 1);
    CHECK(asked() == "generation 2");
    die_and_restart();
    begin_resolving();
    pass(62s);
    die_and_restart();
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(unclosed_records() == 0);
}

TEST_CASE_FIXTURE(Faults,
                  "a journalled refusal ends the grant at the next start without another request") {
    salesforce.turns.push_back(
        test::refused_with(400, "invalid_grant", "expired access/refresh token"));
    store.fail_next("grants.settle", Trouble::unavailable, 1);
    CHECK(asked() == "reauth_required");
    die_and_restart();
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "token_expired");
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Faults,
                  "J13: a database that is away at the claim keeps the request from being sent") {
    store.fail_next("grants.claim", Trouble::unavailable);
    CHECK(asked() == "storage_unavailable");
    CHECK(salesforce.token_requests == 0);
    CHECK(served() == "00Dfirst.ada");
    CHECK(asked() == "generation 2");
}

TEST_CASE_FIXTURE(Faults,
                  "J14: a claim whose commit may have happened is not sent, and taken back") {
    store.fail_next("grants.claim", Trouble::lost_after);
    CHECK(asked() == "storage_unavailable");
    CHECK(salesforce.token_requests == 0);
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).reason == "claim_unknown");
    CHECK(asked() == "generation 2");
}

TEST_CASE_FIXTURE(Faults, "J14: a claim whose commit did not happen is not sent either") {
    store.fail_next("grants.claim", Trouble::lost_before);
    CHECK(asked() == "storage_unavailable");
    CHECK(salesforce.token_requests == 0);
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "generation 2");
}

TEST_CASE("J14: a rotation whose commit has no known outcome is repeated until it has") {
    for (const auto how : {Trouble::lost_after, Trouble::lost_before}) {
        Faults bench;
        bench.store.fail_next("grants.settle", how, 3);
        CHECK(bench.asked() == "generation 2");
        bench.pass(5s);
        CHECK(bench.row(bench.ada).state == State::active);
        CHECK(bench.row(bench.ada).grant_generation == GrantGeneration{2});
        CHECK(bench.row(bench.ada).generation == Generation{2});
        CHECK(bench.salesforce.token_requests == 1);
        CHECK(bench.unclosed_records() == 0);
    }
}

TEST_CASE_FIXTURE(Faults, "a journal without room keeps the request from being sent") {
    journal.fail_next("reserve", Trouble::unavailable);
    CHECK(asked() == "storage_unavailable");
    CHECK(salesforce.dials == 0);
    CHECK(row(ada).attempt.empty());
}

TEST_CASE_FIXTURE(Faults, "the journal's room is held while an answer may come, and then let go") {
    const auto hold = begin_slow_refresh();
    CHECK(journal.reserved() > 1024 * 1024);
    hold->set();
    settle();
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(journal.reserved() == 0);
}

TEST_CASE_FIXTURE(Faults,
                  "J23: a late answer of the old grant never overwrites the user's new one") {
    const auto hold = begin_slow_refresh();
    const auto old_key = row(ada).key;
    reconnect(ada);
    const auto fresh = stored_refresh_token(ada);
    hold->set();
    settle();
    CHECK(row(ada).key.epoch == Epoch{2});
    CHECK(row(ada).state == State::active);
    CHECK(stored_refresh_token(ada) == fresh);
    CHECK(served() == "00Dfirst.again");
    // The old grant keeps its newest token, so that it can be revoked.
    CHECK(row(old_key).state == State::revoking);
    CHECK(row(old_key).grant_generation == GrantGeneration{2});
}

TEST_CASE_FIXTURE(Faults,
                  "J24: a revocation during a refresh wins, and gets the new token to revoke") {
    const auto hold = begin_slow_refresh();
    run(store.grants().begin_revocation(ada, clock.in(5s))).value();
    refresher->forget(ada);
    hold->set();
    settle();
    CHECK(row(ada).state == State::revoking);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(served() == "connection_revoked");
}

TEST_CASE_FIXTURE(
    Faults, "J25: another column that changes during the attempt does not stop the rotation") {
    const auto hold = begin_slow_refresh();
    run(store.grants().quarantine(ada, "operator", clock.in(5s))).value();
    std::string left = "operator";
    SUBCASE("and is as before when the answer comes") {
        run(store.grants().quarantine(ada, "", clock.in(5s))).value();
        left.clear();
    }
    SUBCASE("and stays changed") {}
    hold->set();
    settle();
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).generation == Generation{2});
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(row(ada).quarantine == left);
}

TEST_CASE_FIXTURE(Faults, "J26: rotation may be switched on and off between refreshes") {
    for (int i = 0; i < 6; ++i) {
        salesforce.rotation = i % 2 == 0;
        const auto before = row(ada);
        REQUIRE(newer(ada).has_value());
        CHECK(row(ada).generation == before.generation.next());
        CHECK((row(ada).grant_generation > before.grant_generation) == salesforce.rotation);
        pass(61s);
    }
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(Faults,
                  "J30: two connections of one user that refresh at once both go on working") {
    const auto bob = connect("bob");
    const auto hold = begin_slow_refresh();
    salesforce.turns.push_back(
        test::refused_with(400, "invalid_grant", "token request is already being processed"));
    CHECK_FALSE(newer(bob).has_value());
    hold->set();
    begin_resolving();
    pass(62s);
    CHECK(row(ada).generation == Generation{2});
    CHECK(newer(bob).has_value());
    CHECK(newer(ada).has_value());
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(Faults, "J31: a server that closes on reading the request has seen exactly one") {
    salesforce.turns.push_back(lost(false));
    CHECK(asked() == "rotation_uncertain");
    CHECK(salesforce.methods == std::vector<std::string>{"POST /services/oauth2/token"});
}

TEST_CASE_FIXTURE(Faults,
                  "J32: a refresh that hangs for ever ends at its deadline, and later ones work") {
    begin_slow_refresh(false);
    pass(31s);
    CHECK(row(ada).state == State::in_flight);
    pass(2s);
    CHECK(row(ada).state == State::uncertain);
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "generation 2");
}

TEST_CASE_FIXTURE(Faults,
                  "K1: what cannot be reached is not claimed, and is left alone for a while") {
    salesforce.unreachable = unreachable;
    CHECK(asked() == "upstream_unavailable");
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).attempt.empty());
    const auto again = newer(ada);
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().retry_after.has_value());
    CHECK(salesforce.dials == 1);
    pass(1s);
    CHECK(asked() == "upstream_unavailable");
    CHECK(salesforce.dials == 2);
    salesforce.unreachable.reset();
    pass(3s);
    CHECK(asked() == "generation 2");
}

TEST_CASE_FIXTURE(
    Faults, "K8: whatever an egress proxy does, the grant is as it was until it lets us through") {
    const Error refuses{Fault::misconfigured, "egress_proxy_refused", "Status 407."};
    const Error fails{Fault::try_later, "egress_proxy_failed", "It made no way."};
    for (const auto& trouble : {refuses, fails}) {
        CAPTURE(trouble.code);
        salesforce.unreachable = trouble;
        const auto refused = newer(ada);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().fault == trouble.fault);
        CHECK(row(ada).state == State::active);
        CHECK(row(ada).attempt.empty());
        CHECK(stored_refresh_token(ada) == old_token);
        CHECK(served() == "00Dfirst.ada");
        pass(10s);
    }
    CHECK(salesforce.token_requests == 0);
    salesforce.unreachable.reset();
    CHECK(asked() == "generation 2");
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(Faults, "K2: a request of which nothing left spends nothing") {
    Turn unsent;
    unsent.processed = false;
    unsent.error = Error{Fault::try_later, "not_sent", "Too late. Nothing was sent."};
    salesforce.turns.push_back(std::move(unsent));
    CHECK(asked() == "upstream_unavailable");
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).reason == "not_sent");
    pass(2s);
    CHECK(asked() == "generation 2");
}

TEST_CASE_FIXTURE(Faults, "J20: a claim that took longer than the send deadline is not sent") {
    // Time passes between issuing the claim and having it, as on a node that was paused.
    at("CP6", [this] { clock.advance(2s); });
    CHECK(asked() == "upstream_unavailable");
    CHECK(salesforce.token_requests == 0);
    CHECK(row(ada).state == State::active);
}

TEST_CASE_FIXTURE(Faults, "J21: an answer that comes after others gave the grant up restores it") {
    const auto hold = begin_slow_refresh();
    auto given_up = row(ada);
    given_up.state = State::reauth_required;
    given_up.reason = "answer_lost";
    store.overwrite(given_up);
    hold->set();
    settle();
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    begin_resolving();
    pass(62s);
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "generation 3");
    CHECK(salesforce.reuses == 0);
}

TEST_CASE_FIXTURE(Faults, "J35: an address that one org refuses concerns that connection alone") {
    const auto bob = connect("bob");
    salesforce.turns.push_back(test::refused_with(400, "invalid_grant", "ip restricted"));
    CHECK(asked() == "ip_restricted");
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "ip_restricted");
    CHECK(salesforce.token_requests == 1);
    CHECK(newer(bob).has_value());
}

TEST_CASE_FIXTURE(Faults,
                  "J37: a history that changes between reading and claiming sends nothing") {
    at("CP3", [this] { store.new_timeline(); });
    CHECK(asked() == "rotation_uncertain");
    CHECK(salesforce.token_requests == 0);
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).reason == "suspect");
}
