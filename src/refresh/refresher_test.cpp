#include <doctest/doctest.h>

#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;

// What callers see.

namespace {

std::string text(const Result<AccessToken>& token) {
    return token ? std::string{token->token.reveal()} : "(" + token.error().code + ")";
}

}  // namespace

TEST_CASE_FIXTURE(Bench, "a token that is good enough is handed out without asking Salesforce") {
    const auto ada = connect();
    const auto token = this->token(ada);
    REQUIRE(token.has_value());
    CHECK(text(token) == "00Dfirst.ada");
    CHECK(token->generation == Generation{1});
    CHECK(token->instance_url == "https://acme.my.salesforce.com");
    CHECK(salesforce.dials == 0);
}

TEST_CASE_FIXTURE(Bench, "a refused token is replaced by the next generation, durably") {
    const auto ada = connect();
    const auto before = stored_refresh_token(ada);
    const auto token = newer(ada);
    REQUIRE(token.has_value());
    CHECK(token->generation == Generation{2});
    const auto kept = row(ada);
    CHECK(kept.state == State::active);
    CHECK(kept.grant_generation == GrantGeneration{2});
    CHECK(kept.generation == Generation{2});
    CHECK(kept.rotation_seen);
    CHECK(stored_refresh_token(ada) != before);
    CHECK(salesforce.alive(stored_refresh_token(ada)));
    CHECK(unclosed_records() == 0);
}

TEST_CASE_FIXTURE(Bench, "J1: a hundred callers with the same refused token cause one refresh") {
    const auto ada = connect();
    std::vector<std::shared_ptr<std::optional<Result<AccessToken>>>> answers;
    for (int i = 0; i < 100; ++i)
        answers.push_back(begin(refresher->token(ada, TokenDemand::newer(Generation{1}),
                                                 clock.in(std::chrono::seconds{30}))));
    settle();
    CHECK(salesforce.token_requests == 1);
    for (const auto& answer : answers) {
        REQUIRE(answer->has_value());
        REQUIRE((*answer)->has_value());
        CHECK((**answer)->generation == Generation{2});
    }
}

TEST_CASE_FIXTURE(Bench, "fifty calls with a dead token, some while the answer is under way") {
    const auto ada = connect();
    auto hold = std::make_shared<Event>(loop);
    test::Turn slow;
    slow.hold = hold;
    salesforce.turns.push_back(std::move(slow));
    std::vector<std::shared_ptr<std::optional<Result<AccessToken>>>> answers;
    for (int i = 0; i < 50; ++i) {
        answers.push_back(begin(refresher->token(ada, TokenDemand::newer(Generation{1}),
                                                 clock.in(std::chrono::seconds{30}))));
        if (i % 5 == 0) pass(100ms);
    }
    hold->set();
    settle();
    CHECK(salesforce.token_requests == 1);
    CHECK(salesforce.most_in_flight == 1);
    for (const auto& answer : answers) {
        REQUIRE(answer->has_value());
        REQUIRE((*answer)->has_value());
        CHECK((**answer)->generation == Generation{2});
    }
}

TEST_CASE_FIXTURE(
    Bench, "while a refresh is under way, the last token serves who has not seen it refused") {
    const auto ada = connect();
    test::Turn slow;
    slow.hold = std::make_shared<Event>(loop);
    const auto hold = slow.hold;
    salesforce.turns.push_back(std::move(slow));
    auto waiting = begin(refresher->token(ada, TokenDemand::newer(Generation{1}),
                                          clock.in(std::chrono::seconds{30})));
    settle();
    refresher->forget(ada);
    CHECK(text(token(ada)) == "00Dfirst.ada");
    CHECK_FALSE(waiting->has_value());
    hold->set();
    settle();
    CHECK(waiting->has_value());
}

TEST_CASE_FIXTURE(Bench,
                  "J3: when all callers have gone away the refresh still completes and is stored") {
    const auto ada = connect();
    test::Turn slow;
    slow.hold = std::make_shared<Event>(loop);
    const auto hold = slow.hold;
    salesforce.turns.push_back(std::move(slow));
    const auto gone = newer(ada, 1s);
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code == "refresh_in_progress");
    hold->set();
    settle();
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).generation == Generation{2});
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Bench, "B18: an answer after every waiter's deadline is stored and used") {
    const auto ada = connect();
    test::Turn slow;
    slow.hold = std::make_shared<Event>(loop);
    const auto hold = slow.hold;
    salesforce.turns.push_back(std::move(slow));
    CHECK_FALSE(newer(ada, 1s).has_value());
    pass(1s);
    hold->set();
    settle();
    const auto token = this->token(ada, TokenDemand::newer(Generation{1}));
    REQUIRE(token.has_value());
    CHECK(token->generation == Generation{2});
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Bench, "J4: a refusal reported for an older access token sends nothing") {
    const auto ada = connect();
    REQUIRE(newer(ada).has_value());
    pass(10s);
    const auto late = token(ada, TokenDemand::newer(Generation{1}));
    REQUIRE(late.has_value());
    CHECK(late->generation == Generation{2});
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Bench, "a token that is nearly over is refreshed, and serves if that fails") {
    const auto ada = connect("ada", 90s);
    CHECK(text(token(ada, TokenDemand{60s})) == "00Dfirst.ada");
    salesforce.unreachable = Error{Fault::try_later, "upstream_unreachable", "No way. Wait."};
    CHECK(text(token(ada, TokenDemand{120s})) == "00Dfirst.ada");
    CHECK(salesforce.dials == 1);
    salesforce.unreachable.reset();
    pass(5s);
    const auto fresh = token(ada, TokenDemand{120s});
    REQUIRE(fresh.has_value());
    CHECK(fresh->generation == Generation{2});
}

TEST_CASE_FIXTURE(Bench,
                  "one rotation a minute, one more for a refused newer token, then a pause") {
    const auto ada = connect();
    REQUIRE(newer(ada).has_value());
    REQUIRE(newer(ada).has_value());
    const auto third = newer(ada);
    REQUIRE_FALSE(third.has_value());
    CHECK(third.error().code == "rate_limited");
    CHECK(third.error().retry_after.has_value());
    CHECK(salesforce.token_requests == 2);
    pass(61s);
    CHECK(newer(ada).has_value());
}

TEST_CASE_FIXTURE(Bench, "an operator's refresh is one of the budget") {
    const auto ada = connect();
    const auto shown = run(refresher->refresh(ada, clock.in(30s)));
    REQUIRE(shown.has_value());
    CHECK(shown->generation == Generation{2});
    CHECK(shown->standing == Standing::active);
    const auto again = run(refresher->refresh(ada, clock.in(30s)));
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().code == "rotated_recently");
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Bench,
                  "an operator's refresh does not end a connection that has no refresh token") {
    const auto ada = connect();
    auto bare = row(ada);
    bare.refresh_token.reset();
    store.overwrite(bare);
    const auto shown = run(refresher->refresh(ada, clock.in(30s)));
    REQUIRE_FALSE(shown.has_value());
    CHECK(shown.error().code == "reauth_required");
    CHECK(row(ada).state == State::active);
    CHECK(text(token(ada)) == "00Dfirst.ada");
}

TEST_CASE_FIXTURE(Bench, "unknown, revoked and quarantined connections say what they are") {
    const auto nobody = token(ConnectionId{"cn_nobody"});
    REQUIRE_FALSE(nobody.has_value());
    CHECK(nobody.error().code == "connection_not_found");

    const auto ada = connect();
    run(store.grants().quarantine(ada, "operator", clock.in(5s))).value();
    CHECK(text(token(ada)) == "(quarantined)");
    const auto bob = connect("bob");
    run(store.grants().begin_revocation(bob, clock.in(5s))).value();
    CHECK(text(token(bob)) == "(connection_revoked)");
    CHECK(salesforce.dials == 0);
}

TEST_CASE_FIXTURE(Bench, "a value that does not open quarantines its connection and no other") {
    const auto ada = connect();
    const auto bob = connect("bob");
    auto damaged = row(ada);
    damaged.access_token->bytes.back() ^= 1;
    store.overwrite(damaged);
    CHECK(text(token(ada)) == "(quarantined)");
    CHECK(row(ada).quarantine == "corrupt");
    CHECK(text(token(bob)) == "00Dfirst.bob");
}

TEST_CASE_FIXTURE(Bench, "without a refresh token a refused access token ends the connection") {
    const auto ada = connect();
    auto bare = row(ada);
    bare.refresh_token.reset();
    store.overwrite(bare);
    CHECK(text(token(ada)) == "00Dfirst.ada");
    CHECK(text(newer(ada)) == "(reauth_required)");
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "no_refresh_token");
    CHECK(salesforce.dials == 0);
}

TEST_CASE_FIXTURE(Bench, "stopping waits for the refresh under way and begins no other") {
    const auto ada = connect();
    const auto bob = connect("bob");
    test::Turn slow;
    slow.hold = std::make_shared<Event>(loop);
    const auto hold = slow.hold;
    salesforce.turns.push_back(std::move(slow));
    auto waiting = begin(refresher->token(ada, TokenDemand::newer(Generation{1}),
                                          clock.in(std::chrono::seconds{30})));
    settle();
    bool stopped = false;
    boost::asio::co_spawn(loop, refresher->stop(clock.in(20s)),
                          [&](std::exception_ptr) { stopped = true; });
    pass(1s);
    CHECK_FALSE(stopped);
    CHECK(text(token(bob, TokenDemand::newer(Generation{1}), 1s)) == "(refresh_in_progress)");
    hold->set();
    settle();
    CHECK(stopped);
    CHECK(row(ada).generation == Generation{2});
    CHECK(salesforce.token_requests == 1);
}
