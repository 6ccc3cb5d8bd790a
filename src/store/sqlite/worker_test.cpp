#include "store/sqlite/worker.h"

#include <future>
#include <map>
#include <stdexcept>

#include "store/sqlite/sqlite_bench.h"

using namespace latchkey;
using namespace latchkey::test;
using sqlite::Database;

namespace {

/// A worker over an empty database, which a job of the test's can hold up.
struct Bench {
    boost::asio::io_context loop{1};
    FakeClock clock;
    NoLog log;
    TempDir dir;
    sqlite::Worker worker{std::make_unique<Database>(":memory:", ""), clock, log};
    std::promise<void> started;
    std::promise<void> gate;

    Deadline by() const { return clock.in(std::chrono::seconds{5}); }

    /// Returns when the worker is busy, until `gate` is opened.
    void hold_up() {
        start([this](Database&) -> Result<int> {
            started.set_value();
            gate.get_future().wait();
            return 0;
        });
        loop.poll();
        started.get_future().wait();
    }
    void start(std::function<Result<int>(Database&)> work) {
        boost::asio::co_spawn(loop, worker.read<int>(std::move(work), by()),
                              [this](std::exception_ptr, Result<int> done) {
                                  outcomes[done.has_value() ? "done" : done.error().code]++;
                              });
    }
    void finish() {
        loop.restart();
        loop.run();
    }
    std::map<std::string, int> outcomes;
};

}  // namespace

TEST_CASE("callers beyond the queue's bound are turned away and the others are served") {
    Bench bench;
    bench.hold_up();
    const int room = static_cast<int>(sqlite::Worker::longest_queue);
    for (int i = 0; i < room + 10; ++i) bench.start([](Database&) -> Result<int> { return 1; });
    bench.loop.poll();
    CHECK(bench.outcomes["storage_unavailable"] == 10);
    bench.gate.set_value();
    bench.finish();
    CHECK(bench.outcomes["done"] == room + 1);
    CHECK(bench.outcomes["storage_unavailable"] == 10);
}

TEST_CASE("work whose deadline passes in the queue is not done") {
    Bench bench;
    bench.hold_up();
    bool ran = false;
    bench.start([&](Database&) -> Result<int> {
        ran = true;
        return 1;
    });
    bench.loop.poll();
    bench.clock.advance(std::chrono::seconds{5});
    bench.gate.set_value();
    bench.finish();
    CHECK_FALSE(ran);
    CHECK(bench.outcomes["storage_unavailable"] == 1);
}

TEST_CASE("an error inside a transaction takes back what it had written") {
    Bench bench;
    const auto write = [&](bool good) {
        return run(bench.loop, bench.worker.write<int>(
                                   [good](Database& database) -> Result<int> {
                                       database.execute("INSERT INTO t VALUES (1)");
                                       if (!good) return store_error::settle_conflict();
                                       return 1;
                                   },
                                   bench.by()));
    };
    const auto rows = [&] {
        return run(bench.loop, bench.worker.read<std::int64_t>(
                                   [](Database& database) -> Result<std::int64_t> {
                                       return database.number("SELECT COUNT(*) FROM t");
                                   },
                                   bench.by()))
            .value();
    };
    REQUIRE(run(bench.loop, bench.worker.write<void>(
                                [](Database& database) -> Result<void> {
                                    database.execute("CREATE TABLE t (a)");
                                    return {};
                                },
                                bench.by()))
                .has_value());
    CHECK(write(false).error().code == "settle_conflict");
    CHECK(rows() == 0);
    CHECK(write(true).has_value());
    CHECK(rows() == 1);
}

TEST_CASE("an exception in the work is an error of its caller, and the worker goes on") {
    Bench bench;
    bench.start([](Database&) -> Result<int> { throw std::runtime_error("a bug"); });
    bench.start([](Database& database) -> Result<int> {
        database.execute("not SQL");
        return 1;
    });
    bench.start([](Database&) -> Result<int> { return 1; });
    bench.finish();
    CHECK(bench.outcomes["storage_failed"] == 2);
    CHECK(bench.outcomes["done"] == 1);
}
