#include <array>
#include <thread>

#include "tests/postgres/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

std::string refused_open(Faults& bench, const std::string& dsn) {
    const auto made = bench.open(dsn);
    return made.has_value() ? std::string{} : made.error().code;
}

}  // namespace

TEST_CASE("I15: a schema of a later program is refused, and one that was half made is made again") {
    Faults bench;
    bench.direct();
    bench.database.run("UPDATE latchkey.installation SET schema_version = 99");
    CHECK(refused_open(bench, bench.database.direct()) == "store_too_new");

    Faults killed;
    killed.database.run("BEGIN; CREATE SCHEMA latchkey; CREATE TABLE latchkey.grants (); ROLLBACK");
    auto store = killed.direct();
    killed.connect(*store);
}

TEST_CASE("I15: nodes that start together make one schema") {
    Faults bench;
    std::array<std::string, 4> ids;
    std::array<std::thread, 4> nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i)
        nodes[i] = std::thread{[&, i] {
            const auto store = bench.open(bench.database.direct());
            if (!store) return;
            boost::asio::io_context loop{1};
            const auto found = run(loop, (*store)->keys().installation(bench.in(5s)));
            if (found) ids[i] = found->id;
        }};
    for (auto& node : nodes) node.join();
    CHECK(!ids[0].empty());
    for (const auto& id : ids) CHECK(id == ids[0]);
}

TEST_CASE("M6: a database that takes no changes is not taken for the primary") {
    Faults bench;
    auto store = bench.direct();
    bench.connect(*store);
    bench.database.run(
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
        " current_database()); END$$");
    CHECK(refused_open(bench, bench.database.direct()) == "storage_read_only");
}

TEST_CASE(
    "M6: another system than the one the installation began on is refused until it is marked") {
    Faults bench;
    auto store = bench.direct();
    bench.connect(*store);
    bench.database.run("UPDATE latchkey.installation SET system = '42'");
    CHECK(bench.refusal(bench.claim(*store, "a", bench.in(5s))) == "storage_unknown");
    CHECK(bench.refusal(store->grants().find(Faults::key(), bench.in(5s))) == "storage_unknown");
    REQUIRE(bench.get(store->grants().mark_restored(0, bench.in(5s))).has_value());
    CHECK(bench.refusal(bench.claim(*store, "a", bench.in(5s))) == "claim_conflict");
}

TEST_CASE("M6: a database without our tables is not ours") {
    Faults bench;
    auto store = bench.direct();
    bench.database.run("DROP SCHEMA latchkey CASCADE");
    CHECK(bench.refusal(store->grants().find(Faults::key(), bench.in(5s))) == "storage_unknown");
}

TEST_CASE("several hosts demand a standby that commits wait for") {
    Faults bench;
    const auto twice = std::to_string(Faults::server_port());
    PostgresOptions options{
        Secret{bench.database.direct() + " host=127.0.0.1,127.0.0.1 port=" + twice + "," + twice}};
    const auto made = PostgresStore::open(options, bench.clock, bench.random, bench.log);
    REQUIRE(made.has_error());
    CHECK(made.error().code == "store_not_synchronous");
    options.accept_async_replication = true;
    CHECK(PostgresStore::open(options, bench.clock, bench.random, bench.log).has_value());
}

TEST_CASE("J37: where the role may not ask for the timeline, the server's start stands in for it") {
    Faults bench;
    bench.database.run(
        "REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_walfile_name(pg_lsn) FROM PUBLIC;"
        "DROP ROLE IF EXISTS modest; CREATE ROLE modest LOGIN;"
        "DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO modest', current_database());"
        " END$$");
    auto store = bench.opened(bench.database.direct() + " user=modest");
    const auto line = bench.get(store->grants().timeline(bench.in(5s)));
    REQUIRE(line.has_value());
    CHECK(line->text.starts_with("untold/"));
    CHECK(line->text.size() == std::string{"untold/0123456789abcdef.1"}.size());
    bench.connect(*store);
    CHECK(bench.get(bench.claim(*store, "a", bench.in(5s))).has_value());
}

TEST_CASE("a connection string that cannot work is refused without being shown") {
    Faults bench;
    for (const char* dsn :
         {"password=hush dbname", "dbname=x password=hush", "host=a password=hush",
          "host=a service=b dbname=x", "host=a,b port=1,2,3 dbname=x",
          "host=a dbname=x options='-c synchronous_commit=off'"}) {
        const auto made = bench.open(dsn);
        REQUIRE(made.has_error());
        CHECK(made.error().code == "store_dsn");
        CHECK(made.error().message.find("hush") == std::string::npos);
    }
}

TEST_CASE("one node hears what another has changed, and nothing of its own") {
    Faults bench;
    bench.connect(*bench.direct());  // of another one, so that there is nothing left to tell
    auto one = bench.direct();
    auto two = bench.direct();
    // From the moment it listens anything may have changed.
    auto first = bench.get(one->changes().next(0, bench.in(10s)));
    REQUIRE(first.has_value());
    CHECK(first->anything);
    REQUIRE(bench.get(two->grants().quarantine(ConnectionId{"cn_1"}, "operator", bench.in(5s)))
                .has_value());
    const auto heard = bench.get(one->changes().next(first->mark, bench.in(10s)));
    REQUIRE(heard.has_value());
    CHECK(heard->connections == std::vector<ConnectionId>{ConnectionId{"cn_1"}});
    REQUIRE(
        bench.get(one->grants().quarantine(ConnectionId{"cn_1"}, "", bench.in(5s))).has_value());
    const auto own = bench.get(one->changes().next(heard->mark, bench.in(200ms)));
    REQUIRE(own.has_value());
    CHECK(own->empty());
}

TEST_CASE("a node that is to be quiet waits for no more changes") {
    Faults bench;
    auto store = bench.direct();
    boost::asio::io_context other{1};
    bool answered = false;
    boost::asio::co_spawn(other, store->changes().next(0, bench.in(1h)),
                          [&](std::exception_ptr, Result<ChangeBatch>) { answered = true; });
    other.poll();
    REQUIRE(bench.get(store->quiet(bench.in(5s))).has_value());
    other.restart();
    other.poll();
    CHECK(answered);
}

TEST_CASE("J25: what others write of the connection does not keep a rotation from being stored") {
    Faults bench;
    auto store = bench.direct();
    bench.connect(*store);
    const auto claimed = bench.get(bench.claim(*store, "a", bench.in(5s)));
    REQUIRE(claimed.has_value());
    bench.database.run("UPDATE latchkey.connections SET username = 'x', refreshed_at = 1");
    REQUIRE(bench.get(store->grants().quarantine(ConnectionId{"cn_1"}, "operator", bench.in(5s)))
                .has_value());
    const auto row = bench.get(store->grants().settle(Faults::rotated(*claimed), bench.in(5s)));
    REQUIRE(row.has_value());
    CHECK(row->state == State::active);
    CHECK(row->quarantine == "operator");
}

TEST_CASE("of many who claim one generation from two nodes at once, one gets it") {
    Faults bench;
    auto one = bench.direct();
    auto two = bench.direct();
    bench.connect(*one);
    int won = 0;
    int lost = 0;
    for (int i = 0; i < 40; ++i)
        boost::asio::co_spawn(
            bench.loop,
            bench.claim(i % 2 == 0 ? *one : *two, "a" + std::to_string(i), bench.in(20s)),
            [&](std::exception_ptr, Result<GrantRow> row) {
                if (row.has_value()) ++won;
                if (row.has_error() && row.error().code == "claim_conflict") ++lost;
            });
    bench.loop.restart();
    bench.loop.run();
    CHECK(won == 1);
    CHECK(lost == 39);
}
