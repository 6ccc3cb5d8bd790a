#include "facade/operating.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "facade/facade_bench.h"
#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

using Part = Hindrance::Part;

/// A house whose store and journal can be told to fail.
struct Operated {
    boost::asio::io_context loop{1};
    SystemClock clock;
    SystemRandom random;
    MemoryStore* store = nullptr;
    std::shared_ptr<MemoryJournal> journal;
    std::shared_ptr<House> house = build();

    std::shared_ptr<House> build() {
        auto ground = std::make_unique<Ground>(Options{});
        auto rows = std::make_unique<MemoryStore>(clock, random);
        store = rows.get();
        ground->store = std::move(rows);
        journal = std::make_shared<MemoryJournal>(NodeId{"node-a"}, clock);
        ground->journal = journal;
        return std::make_shared<House>(std::move(ground), loop);
    }
    Status status() { return test::run(loop, acts::status(*house, clock.in(5s))).value(); }
    EventList events(std::int64_t after, std::size_t limit) {
        return test::run(loop, acts::events(*house, after, limit, clock.in(5s))).value();
    }
    std::string refused(std::int64_t after, std::size_t limit) {
        auto list = test::run(loop, acts::events(*house, after, limit, clock.in(5s)));
        return list ? "read" : list.error().code;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Operated, "a house in order is ready and has nothing to say") {
    const auto now = status();
    CHECK(now.ready());
    CHECK(now.refreshes_under_way == 0);
    CHECK(now.connections_in_doubt == 0);
    CHECK(now.open_circuits.empty());
    REQUIRE(now.connections);
    CHECK(now.connections->empty());
    CHECK(now.connections_suspect == 0);
    CHECK_FALSE(now.forecast);
}

TEST_CASE_FIXTURE(Operated, "a store that does not answer is named, and who must act") {
    store->fail_next("grants.timeline", MemoryStore::Trouble::unavailable);
    const auto now = status();
    REQUIRE(now.hindrances.size() == 1);
    CHECK(now.hindrances[0].part == Part::store);
    CHECK(now.hindrances[0].why.code == "storage_unavailable");
    CHECK(now.hindrances[0].why.fault == Fault::try_later);
    CHECK_FALSE(now.ready());
    CHECK_FALSE(now.connections);
    CHECK(status().ready());
}

TEST_CASE_FIXTURE(Operated, "a journal without room is named, and looking leaves its room alone") {
    journal->fail_next("reserve", MemoryStore::Trouble::unavailable);
    const auto now = status();
    REQUIRE(now.hindrances.size() == 1);
    CHECK(now.hindrances[0].part == Part::journal);
    CHECK(now.connections);
    for (int i = 0; i < 10; ++i) CHECK(status().ready());
    CHECK(journal->reserved() == 0);
}

TEST_CASE_FIXTURE(Operated, "a process that may refresh nothing says why") {
    house->rooms().refresher.stand_down(
        Error{Fault::misconfigured, "node_replaced", "Another process has this node's name."});
    const auto now = status();
    REQUIRE(now.hindrances.size() == 1);
    CHECK(now.hindrances[0].part == Part::refreshing);
    CHECK(now.hindrances[0].why.code == "node_replaced");
}

TEST_CASE_FIXTURE(Operated, "however often somebody asks, connections are counted once a minute") {
    test::FakeClock minutes;
    Census census;
    const auto take = [&] {
        return test::run(loop, census.take(store->connections(), minutes, minutes.in(1s)));
    };
    for (int i = 0; i < 60; ++i) {
        CHECK(take());
        minutes.advance(999ms);
    }
    CHECK(store->calls("connections.counts") == 1);
    minutes.advance(1s);
    CHECK(take());
    CHECK(store->calls("connections.counts") == 2);
}

TEST_CASE_FIXTURE(Operated, "what cannot be counted is not shown, and counted anew soon") {
    std::string call;
    SUBCASE("by standing") {
        call = "connections.counts";
    }
    SUBCASE("of a former history") {
        call = "connections.suspect_count";
    }
    test::FakeClock minutes;
    Census census;
    const auto take = [&] {
        return test::run(loop, census.take(store->connections(), minutes, minutes.in(1s)));
    };
    CHECK(take());
    minutes.advance(60s);
    store->fail_next(call, MemoryStore::Trouble::unavailable);
    CHECK_FALSE(take());
    minutes.advance(9s);
    CHECK_FALSE(take());
    CHECK(store->calls("connections.counts") == 2);
    minutes.advance(1s);
    CHECK(take());
}

TEST_CASE_FIXTURE(Operated, "events are read from a number on, within the bounds of a page") {
    CHECK(events(0, 100).items.empty());
    CHECK(events(7, 100).last == 7);
    CHECK(refused(0, 0) == "invalid_limit");
    CHECK(refused(0, 501) == "invalid_limit");
    CHECK(refused(-1, 1) == "invalid_after");
    CHECK(refused(0, 500) == "read");
}

TEST_CASE("what becomes of a connection is counted and told") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE(ada.has_value());
    REQUIRE(latchkey->events()->items.empty());
    const auto before = latchkey->status();
    REQUIRE(before.has_value());
    REQUIRE(before->connections);
    REQUIRE(before->connections->size() == 1);
    CHECK((*before->connections)[0].standing == Standing::active);
    CHECK((*before->connections)[0].connections == 1);

    bench.control("POST", "faults", R"({"path": "/services/oauth2/token", "status": 400, "body":
        {"error": "invalid_grant", "error_description": "expired access/refresh token"}})");
    REQUIRE(latchkey->refresh(ada->id).has_error());
    const auto lost = latchkey->events();
    REQUIRE(lost.has_value());
    REQUIRE(lost->items.size() == 1);
    CHECK(lost->items[0].type == "connection.reauth_required");
    CHECK(lost->items[0].connection == ada->id);
    CHECK(lost->items[0].generation == Generation{1});
    CHECK_FALSE(lost->items[0].reason.empty());
    CHECK(lost->last == lost->items[0].number);
    CHECK(latchkey->events(lost->last)->items.empty());
}
