#include "facade/hop.h"
#include "facade/house.h"

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "tests/support/run.h"

namespace latchkey {

using namespace std::chrono_literals;

namespace {

/// A house on memory whose loop runs in a thread of its own.
class Bench {
public:
    Bench() {
        auto ground = std::make_unique<Ground>(Options{});
        ground->store = std::make_unique<MemoryStore>(ground->clock, ground->random);
        ground->journal = std::make_shared<MemoryJournal>(NodeId{"node"}, ground->clock);
        house = std::make_shared<House>(std::move(ground), house_loop);
        thread_ = std::thread{[this] { house_loop.run(); }};
    }
    ~Bench() {
        open = true;
        guard_.reset();
        thread_.join();
    }

    boost::asio::io_context house_loop;
    boost::asio::io_context callers_loop;
    std::shared_ptr<House> house;
    std::atomic<bool> open{false};  ///< lets `gated` work go on
    std::atomic<bool> done{false};

private:
    boost::asio::executor_work_guard<Executor> guard_{house_loop.get_executor()};
    std::thread thread_;
};

/// Work that ends when the test opens the gate, at the latest after 30 s.
Task<int> gated(Bench& bench) {
    SystemClock clock;
    const auto latest = clock.in(30s);
    while (!bench.open && !latest.passed(clock.steady())) {
        co_await clock.sleep_until(clock.steady() + 1ms);
    }
    bench.done = true;
    co_return 7;
}

Task<std::thread::id> whereabouts() {
    co_return std::this_thread::get_id();
}

Task<int> broken() {
    throw std::runtime_error{"a bug"};
    co_return 0;
}

bool soon(const std::function<bool()>& holds) {
    const auto latest = Deadline::in(30s);
    while (!holds()) {
        if (latest.passed(BootClock::now())) return false;
        std::this_thread::yield();
    }
    return true;
}

}  // namespace

TEST_CASE("work runs on the library's loop and its caller goes on where it was") {
    Bench bench;
    const auto there =
        test::run(bench.callers_loop, on_loop(bench.house, whereabouts(), Deadline::in(30s)));
    REQUIRE(there.has_value());
    CHECK(*there != std::this_thread::get_id());
    const auto blocking = wait_for(bench.house, whereabouts(), Deadline::in(30s));
    REQUIRE(blocking.has_value());
    CHECK(*blocking == *there);
}

TEST_CASE("a deadline ends the waiting and not the work") {
    Bench bench;
    const auto given_up =
        test::run(bench.callers_loop, on_loop(bench.house, gated(bench), Deadline::in(5ms)));
    REQUIRE(given_up.has_error());
    CHECK(given_up.error().fault == Fault::try_later);
    CHECK(given_up.error().code == "deadline_passed");
    CHECK_FALSE(bench.done);
    bench.open = true;
    CHECK(soon([&] { return bench.done.load(); }));
}

TEST_CASE("a thread that waited long enough goes on, and so does the work") {
    Bench bench;
    const auto given_up = wait_for(bench.house, gated(bench), Deadline::in(5ms));
    REQUIRE(given_up.has_error());
    CHECK(given_up.error().code == "deadline_passed");
    bench.open = true;
    CHECK(soon([&] { return bench.done.load(); }));
}

TEST_CASE("J3: work survives its caller's loop") {
    Bench bench;
    {
        boost::asio::io_context gone;
        boost::asio::co_spawn(gone, on_loop(bench.house, gated(bench), Deadline::in(30s)),
                              boost::asio::detached);
        gone.poll();
    }
    CHECK_FALSE(bench.done);
    bench.open = true;
    CHECK(soon([&] { return bench.done.load(); }));
}

TEST_CASE("an exception out of the work is told as a bug and not thrown at the caller") {
    Bench bench;
    const auto awaited =
        test::run(bench.callers_loop, on_loop(bench.house, broken(), Deadline::in(30s)));
    REQUIRE(awaited.has_error());
    CHECK(awaited.error().code == "unexpected_exception");
    const auto blocking = wait_for(bench.house, broken(), Deadline::in(30s));
    REQUIRE(blocking.has_error());
    CHECK(blocking.error().fault == Fault::internal);
}

}  // namespace latchkey
