#include "tests/postgres/bench.h"

#include <exception>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>

using namespace latchkey;
using namespace latchkey::test;

TEST_CASE("J13: a database that does not answer ends a call at its deadline, and nothing changed") {
    Faults bench;
    auto store = bench.relayed();
    bench.connect(*store);
    bench.relay.set(TcpRelay::Mode::freeze);
    const auto begun = bench.clock.steady();
    CHECK(bench.refusal(store->grants().find(Faults::key(), bench.in(300ms))) ==
          "storage_unavailable");
    CHECK(bench.clock.steady() - begun < 2s);
    bench.relay.set(TcpRelay::Mode::pass);
    CHECK(bench.found(*store).state == State::active);
}

TEST_CASE("J14: a claim whose answer is lost is of unknown outcome, and may have been committed") {
    Faults bench;
    auto store = bench.relayed_and_connected();
    bench.claim_in_vain(*store);
    bench.relay.set(TcpRelay::Mode::lose_answers);
    CHECK(bench.refusal(bench.claim(*store, "a", bench.in(500ms))) == "storage_outcome_unknown");
    bench.relay.set(TcpRelay::Mode::pass);
    CHECK(bench.found(*store).state == State::in_flight);
}

TEST_CASE("J14: a claim that is cut before the commit is of unknown outcome, and did not happen") {
    Faults bench;
    auto store = bench.relayed_and_connected();
    bench.claim_in_vain(*store);
    bench.relay.set(TcpRelay::Mode::lose_requests);
    CHECK(bench.refusal(bench.claim(*store, "a", bench.in(300ms))) == "storage_outcome_unknown");
    bench.relay.cut();
    bench.relay.set(TcpRelay::Mode::pass);
    CHECK(bench.found(*store).state == State::active);
}

TEST_CASE(
    "J14: a rotation whose answer is lost is repeated until it is known, and is stored once") {
    Faults bench;
    auto store = bench.relayed_and_connected();
    const auto before = bench.get(bench.claim(*store, "a", bench.in(5s)));
    REQUIRE(before.has_value());
    REQUIRE(bench.get(store->grants().settle(Faults::rotated(*before), bench.in(5s))).has_value());
    // Its statement is known to the server now: what is lost from here on is lost of itself.
    const auto claimed = bench.get(store->grants().claim(
        Faults::key(), GrantGeneration{2}, AttemptId{"b"}, NodeId{"node"}, bench.in(5s)));
    REQUIRE(claimed.has_value());
    auto outcome = Faults::rotated(*claimed);
    outcome.refresh_token = Sealed{"refresh 3"};
    bench.relay.set(TcpRelay::Mode::lose_answers);
    const auto first = bench.refusal(store->grants().settle(outcome, bench.in(500ms)));
    CHECK(!first.empty());
    bench.relay.set(TcpRelay::Mode::pass);
    for (int repeated = 0; repeated < 2; ++repeated) {
        const auto row = bench.get(store->grants().settle(outcome, bench.in(5s)));
        REQUIRE(row.has_value());
        CHECK(row->state == State::active);
        CHECK(row->grant_generation == GrantGeneration{3});
        CHECK(row->refresh_token == Sealed{"refresh 3"});
    }
}

TEST_CASE("a connection that was reset while nobody used it costs its next caller nothing") {
    Faults bench;
    auto store = bench.relayed(1);
    bench.connect(*store);
    bench.relay.cut();
    CHECK(bench.get(bench.claim(*store, "a", bench.in(5s))).has_value());
}

TEST_CASE(
    "J19, M7: a commit that waits for a standby in vain is unknown, whatever the role's setting") {
    for (const char* mode : {"on", "off", "local", "remote_write"}) {
        Faults bench;
        bench.database.run(
            "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = " +
            std::string{mode} + "', current_database()); END$$");
        auto store = bench.direct();
        bench.connect(*store);
        const NoStandby alone;
        CAPTURE(mode);
        CHECK(bench.refusal(bench.claim(*store, "a", bench.in(500ms))) ==
              "storage_outcome_unknown");
    }
}

TEST_CASE("J15: a wait for the standby that was cancelled leaves the outcome unknown") {
    Faults bench;
    auto store = bench.direct();
    bench.connect(*store);
    const NoStandby alone;
    std::thread operators_hand{[&] {
        while (bench.database.run("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
                                  " WHERE wait_event = 'SyncRep'") == "0")
            std::this_thread::yield();
    }};
    CHECK(bench.refusal(bench.claim(*store, "a", bench.in(5s))) == "storage_outcome_unknown");
    operators_hand.join();
    CHECK(bench.found(*store).state == State::in_flight);
}

TEST_CASE("L6: while all connections are stuck, nobody waits longer than he wanted to") {
    Faults bench;
    auto store = bench.relayed(2);
    bench.connect(*store);
    bench.relay.set(TcpRelay::Mode::freeze);
    std::vector<std::string> codes;
    const auto begun = bench.clock.steady();
    for (int i = 0; i < 20; ++i)
        boost::asio::co_spawn(bench.loop, store->grants().find(Faults::key(), bench.in(400ms)),
                              [&](std::exception_ptr, Result<GrantRow> row) {
                                  codes.push_back(row.has_value() ? "" : row.error().code);
                              });
    bench.loop.restart();
    bench.loop.run();
    CHECK(bench.clock.steady() - begun < 3s);
    CHECK(codes == std::vector<std::string>(20, "storage_unavailable"));
    bench.relay.set(TcpRelay::Mode::pass);
}

TEST_CASE("K9: a frozen first host is passed over, and the good one is asked first from then on") {
    Faults bench;
    bench.direct();
    bench.relay.set(TcpRelay::Mode::freeze);
    const auto dsn = bench.database.direct() +
                     " host=127.0.0.1,127.0.0.1 port=" + std::to_string(bench.relay.port()) + "," +
                     std::to_string(Faults::server_port());
    auto begun = bench.clock.steady();
    auto store = bench.opened(dsn, 1);
    CHECK(bench.clock.steady() - begun < 5s);
    bench.connect(*store);
    bench.database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
        " 'latchkey' AND datname = current_database()");
    begun = bench.clock.steady();
    bench.found(*store);
    CHECK(bench.clock.steady() - begun < 450ms);
}
