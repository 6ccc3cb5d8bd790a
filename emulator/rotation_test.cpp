#include <doctest/doctest.h>

#include "emulator/bench.h"

namespace latchkey::emulator::test {

using namespace std::chrono_literals;

constexpr auto dead = "invalid_grant: expired access/refresh token";
constexpr auto busy = "invalid_grant: token request is already being processed";

TEST_CASE("with rotation every refresh gives the next refresh token and spends the last") {
    Bench bench;
    const auto first = bench.connect();
    const auto second = Bench::tokens(bench.refresh(first.refresh));
    CHECK(second.refresh != first.refresh);
    CHECK(second.access != first.access);
    const auto third = Bench::tokens(bench.refresh(second.refresh));
    CHECK(third.refresh != second.refresh);
    CHECK(bench.data_status(first.access) == 200);  // an old session lives until its own end
    CHECK(bench.total("refreshes") == 2);
    CHECK(bench.total("reuses") == 0);
    CHECK(bench.total("max_in_flight") == 1);
    CHECK(bench.total("live_tokens") == 1);
}

TEST_CASE("without rotation a refresh answers no refresh token and the old one stays") {
    Bench bench{Options{.rotation = false}};
    const auto first = bench.connect();
    const auto reply = bench.refresh(first.refresh);
    CHECK(reply.status == 200);
    CHECK_FALSE(Bench::json(reply).as_object().contains("refresh_token"));
    CHECK(bench.refresh(first.refresh).status == 200);
    // It can be switched on at any time.
    bench.client(R"({"client_id":"latchkey-demo","rotation":true})");
    CHECK(Bench::tokens(bench.refresh(first.refresh)).refresh != first.refresh);
    CHECK(Bench::error(bench.refresh(first.refresh)) == dead);
}

TEST_CASE("presenting a spent token ends the grant with all its tokens") {
    Bench bench;
    const auto first = bench.connect();
    const auto second = Bench::tokens(bench.refresh(first.refresh));
    const auto reused = bench.refresh(first.refresh);
    CHECK(reused.status == 400);
    CHECK(Bench::error(reused) == dead);
    CHECK(Bench::error(bench.refresh(second.refresh)) == dead);
    CHECK(bench.data_status(first.access) == 401);
    CHECK(bench.data_status(second.access) == 401);
    CHECK(bench.total("reuses") == 1);
    CHECK(bench.total("revocations") == 1);
    CHECK(bench.total("live_tokens") == 0);
    CHECK(bench.total("live_access_tokens") == 0);
}

TEST_CASE("a token two generations old is still known as spent") {
    Bench bench;
    const auto first = bench.connect();
    const auto second = Bench::tokens(bench.refresh(first.refresh));
    const auto third = Bench::tokens(bench.refresh(second.refresh));
    CHECK(Bench::error(bench.refresh(first.refresh)) == dead);
    CHECK(Bench::error(bench.refresh(third.refresh)) == dead);
    CHECK(bench.total("reuses") == 1);
}

TEST_CASE("J36: reuse may be only rejected, or end every grant of the user and app") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","reuse":"reject_only"})");
    const auto first = bench.connect();
    const auto other = bench.connect();
    const auto graces = bench.connect({}, "grace@acme.example");
    const auto second = Bench::tokens(bench.refresh(first.refresh));
    CHECK(Bench::error(bench.refresh(first.refresh)) == dead);
    CHECK(bench.active(second.refresh));

    bench.client(R"({"client_id":"latchkey-demo","reuse":"revoke_user_app"})");
    CHECK(Bench::error(bench.refresh(first.refresh)) == dead);
    CHECK_FALSE(bench.active(second.refresh));
    CHECK_FALSE(bench.active(other.refresh));
    CHECK(bench.active(graces.refresh));
    CHECK(bench.total("reuses") == 2);
    CHECK(bench.total("revocations") == 2);
}

TEST_CASE("the old access token may die with the rotation") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","rtr_old_access_token":"dies"})");
    const auto first = bench.connect();
    const auto second = Bench::tokens(bench.refresh(first.refresh));
    CHECK(bench.data_status(first.access) == 401);
    CHECK(bench.data_status(second.access) == 200);
}

/// Sends a request without waiting for its answer, which lands in `answer`.
void start(Bench& bench, ServedRequest request, std::optional<Reply>& answer) {
    boost::asio::co_spawn(bench.loop, bench.emulator.handle(std::move(request)),
                          [&answer](std::exception_ptr, Reply reply) { answer = reply; });
    bench.loop.restart();
    bench.loop.poll();
}

TEST_CASE("a second refresh with the same token while the first is under way changes nothing") {
    Bench bench;
    const auto first = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","refresh_latency":2000})");
    std::optional<Reply> slow;
    start(bench, Bench::form("/services/oauth2/token", Bench::refresh_of(first.refresh)), slow);
    CHECK_FALSE(slow);
    CHECK(Bench::error(bench.refresh(first.refresh)) == busy);
    bench.client(R"({"client_id":"latchkey-demo","concurrent_refresh":"legacy_text"})");
    CHECK(Bench::error(bench.refresh(first.refresh)) ==
          "invalid_grant: expired authorization code");

    bench.clock.advance(2s);
    bench.loop.poll();
    REQUIRE(slow);
    CHECK(slow->status == 200);
    CHECK(bench.active(Bench::tokens(*slow).refresh));
    CHECK(bench.total("max_in_flight") == 2);
    CHECK(bench.total("reuses") == 0);
    CHECK(bench.total("refreshes") == 1);
}

TEST_CASE("J30: the block may reach every grant of the user and app, or none at all") {
    Bench bench;
    const auto one = bench.connect();
    const auto two = bench.connect();
    const auto graces = bench.connect({}, "grace@acme.example");
    bench.client(
        R"({"client_id":"latchkey-demo","refresh_latency":1000,"concurrent_refresh":"block_app"})");
    std::optional<Reply> slow;
    start(bench, Bench::form("/services/oauth2/token", Bench::refresh_of(one.refresh)), slow);
    CHECK(Bench::error(bench.refresh(two.refresh)) == busy);
    std::optional<Reply> hers;
    start(bench, Bench::form("/services/oauth2/token", Bench::refresh_of(graces.refresh)), hers);
    bench.clock.advance(1s);
    bench.loop.poll();
    REQUIRE(slow);
    REQUIRE(hers);
    CHECK(slow->status == 200);
    CHECK(hers->status == 200);

    bench.client(R"({"client_id":"latchkey-demo","rotation":false,"concurrent_refresh":"allow"})");
    std::optional<Reply> first;
    std::optional<Reply> second;
    start(bench, Bench::form("/services/oauth2/token", Bench::refresh_of(two.refresh)), first);
    start(bench, Bench::form("/services/oauth2/token", Bench::refresh_of(two.refresh)), second);
    bench.clock.advance(1s);
    bench.loop.poll();
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->status == 200);
    CHECK(second->status == 200);
}

TEST_CASE("a reset while a refresh is under way leaves it with nothing to find") {
    Bench bench;
    const auto mine = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","refresh_latency":1000})");
    std::optional<Reply> slow;
    start(bench, Bench::form("/services/oauth2/token", Bench::refresh_of(mine.refresh)), slow);
    bench.control("POST", "reset");
    bench.clock.advance(1s);
    bench.loop.poll();
    REQUIRE(slow);
    CHECK(Bench::error(*slow) == dead);
    CHECK(bench.total("refreshes") == 0);
    const auto next = bench.connect();
    CHECK(bench.refresh(next.refresh).status == 200);
}

TEST_CASE("a refresh is refused, and nothing spent, while the app's policies forbid it") {
    Bench bench;
    const auto mine = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","blocked":true})");
    CHECK(Bench::error(bench.refresh(mine.refresh)) == "app_blocked: this app is blocked by admin");
    bench.client(
        R"({"client_id":"latchkey-demo","blocked":false,"permitted_users":"admin_approved"})");
    CHECK(Bench::error(bench.refresh(mine.refresh)) ==
          "invalid_app_access: user is not admin approved to access this app");
    bench.client(R"({"client_id":"latchkey-demo","permitted_users":"self_authorize"})");
    CHECK(bench.refresh(mine.refresh).status == 200);
}

TEST_CASE("a request that was dropped while it waited does not block its token for ever") {
    Bench bench;
    const auto first = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","refresh_latency":2000})");
    {
        std::optional<Reply> slow;
        boost::asio::io_context other;
        FormFields fields = Bench::refresh_of(first.refresh);
        boost::asio::co_spawn(
            other, bench.emulator.handle(Bench::form("/services/oauth2/token", std::move(fields))),
            [](std::exception_ptr, Reply) {});
        other.poll();
        CHECK(Bench::error(bench.refresh(first.refresh)) == busy);
        bench.clock.advance(2s);  // it could go on now, but its loop never runs again
    }
    bench.client(R"({"client_id":"latchkey-demo","refresh_latency":0})");
    CHECK(bench.refresh(first.refresh).status == 200);
}

TEST_CASE("J28: the sixth approval of one user and app ends the oldest") {
    Bench bench;
    const auto oldest = bench.connect();
    std::vector<Bench::Tokens> others;
    for (int i = 0; i < 4; ++i) others.push_back(bench.connect());
    const auto graces = bench.connect({}, "grace@acme.example");
    CHECK(bench.active(oldest.refresh));
    const auto sixth = bench.connect();
    CHECK_FALSE(bench.active(oldest.refresh));
    CHECK(bench.data_status(oldest.access) == 401);
    for (const auto& other : others) CHECK(bench.active(other.refresh));
    CHECK(bench.active(graces.refresh));
    CHECK(bench.active(sixth.refresh));
    CHECK(bench.total("revocations") == 1);
}

TEST_CASE("J29: a refresh token ends by its app's policy, idle or fixed") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","refresh_policy":"idle:1000"})");
    auto kept = bench.connect();
    for (int i = 0; i < 3; ++i) {
        bench.pass(999s);
        kept = Bench::tokens(bench.refresh(kept.refresh));
    }
    bench.pass(1000s);
    CHECK_FALSE(bench.active(kept.refresh));
    CHECK(Bench::error(bench.refresh(kept.refresh)) == dead);

    bench.client(R"({"client_id":"latchkey-demo","refresh_policy":"fixed:1000"})");
    kept = bench.connect();
    bench.pass(999s);
    kept = Bench::tokens(bench.refresh(kept.refresh));
    bench.pass(1s);
    CHECK(Bench::error(bench.refresh(kept.refresh)) == dead);

    bench.client(R"({"client_id":"latchkey-demo","refresh_policy":"immediate"})");
    CHECK(bench.connect().refresh.empty());

    bench.client(
        R"({"client_id":"latchkey-demo","refresh_policy":"until_revoked","idle_ttl_30d":true})");
    kept = bench.connect();
    bench.pass(24h * 30);
    CHECK_FALSE(bench.active(kept.refresh));
}

TEST_CASE("J35: an address that is not listed cannot refresh, and nothing is spent") {
    Bench bench;
    const auto first = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","ip_allowlist":["10.0.0.0/8","2001:db8::/32"]})");
    CHECK(Bench::error(bench.refresh(first.refresh)) == "invalid_grant: ip restricted");
    auto listed = Bench::form("/services/oauth2/token", Bench::refresh_of(first.refresh));
    listed.peer = "10.1.2.3";
    CHECK(bench.send(std::move(listed)).status == 200);
    CHECK(bench.total("reuses") == 0);
}

}  // namespace latchkey::emulator::test
