#include "store/sqlite/sqlite_store.h"

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "store/sqlite/database.h"
#include "store/sqlite/sqlite_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

using Bench = SqliteFileBench;

}  // namespace

TEST_CASE("what was stored is there after the store was closed and opened again") {
    Bench bench;
    REQUIRE(bench.open().empty());
    const auto installation = bench.ok(bench.store->keys().installation(bench.by()));
    const auto node = bench.store->node();
    const auto key = bench.connect("cn_1");
    bench.ok(bench.claim(key, "a1"));

    bench.reopen();
    CHECK(bench.row(key).state == State::in_flight);
    CHECK(bench.row(key).attempt == AttemptId{"a1"});
    const auto again = bench.ok(bench.store->keys().installation(bench.by()));
    CHECK(again.id == installation.id);
    CHECK(bench.store->node() == node);
    CHECK(again.incarnation == 1);
}

TEST_CASE("a new incarnation outlives the process that began it") {
    Bench bench;
    REQUIRE(bench.open().empty());
    const auto key = bench.connect("cn_1");
    CHECK(bench.ok(bench.store->grants().mark_restored(0, bench.by())) == Timeline{"2"});
    bench.reopen();
    CHECK(bench.ok(bench.store->grants().timeline(bench.by())) == Timeline{"2"});
    CHECK(bench.refusal(bench.claim(key, "a1")) == "claim_conflict");
}

TEST_CASE("work that was handed over is done even if its caller is cancelled") {
    Bench bench;
    REQUIRE(bench.open().empty());
    boost::asio::cancellation_signal cancel;
    const auto key = bench.connect("cn_1");
    bool came_back = false;
    boost::asio::co_spawn(
        bench.loop, bench.claim(key, "kept all the same"),
        boost::asio::bind_cancellation_slot(
            cancel.slot(), [&](std::exception_ptr, Result<GrantRow>) { came_back = true; }));
    bench.loop.restart();
    bench.loop.poll();
    cancel.emit(boost::asio::cancellation_type::all);
    bench.loop.restart();
    bench.loop.run();
    CHECK(came_back);
    CHECK(bench.row(key).attempt == AttemptId{"kept all the same"});
}

TEST_CASE("closing the store does what is queued first") {
    Bench bench;
    REQUIRE(bench.open().empty());
    std::vector<GrantKey> keys;
    for (int i = 0; i < 20; ++i) keys.push_back(bench.connect("cn_" + std::to_string(i)));
    int stored = 0;
    for (const auto& key : keys)
        boost::asio::co_spawn(
            bench.loop, bench.claim(key, "a1"),
            [&](std::exception_ptr, Result<GrantRow> row) { stored += row.has_value(); });
    bench.loop.restart();
    bench.loop.poll();
    bench.store.reset();
    bench.loop.restart();
    bench.loop.run();
    CHECK(stored == 20);
    REQUIRE(bench.open().empty());
    for (const auto& key : keys) CHECK(bench.row(key).state == State::in_flight);
}

TEST_CASE("of claims from two loops on two threads exactly one wins for each grant") {
    Bench bench;
    REQUIRE(bench.open().empty());
    constexpr int connections = 25;
    std::vector<GrantKey> keys;
    for (int i = 0; i < connections; ++i) keys.push_back(bench.connect("cn_" + std::to_string(i)));
    std::atomic<int> won{0};
    std::atomic<int> lost{0};
    const auto claim_all = [&](const std::string& who) {
        boost::asio::io_context loop{1};
        for (const auto& key : keys)
            boost::asio::co_spawn(loop, bench.claim(key, who),
                                  [&](std::exception_ptr, Result<GrantRow> row) {
                                      ++(row.has_value() ? won : lost);
                                  });
        loop.run();
    };
    std::thread first{[&] { claim_all("first"); }};
    std::thread second{[&] { claim_all("second"); }};
    first.join();
    second.join();
    CHECK(won == connections);
    CHECK(lost == connections);
}

TEST_CASE("the settings that durability stands on are in force") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.connect("cn_1");
    sqlite::Database seen{bench.options.path, ""};
    CHECK(seen.prepare("PRAGMA journal_mode").first_text() == "wal");
    // synchronous belongs to a connection; what the store's own does is shown by the test of a
    // failing sync, which only fails a commit if there is one.
    CHECK(std::ifstream{bench.options.path + "-wal"}.good());
}
