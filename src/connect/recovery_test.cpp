#include <string>

#include <doctest/doctest.h>

#include "connect/flow_bench.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;
using test::Crash;
using test::FlowBench;
using test::TokenJson;

template <class T>
std::string code_of(const Result<T>& result) {
    return result.has_value() ? "" : result.error().code;
}

/// Completes a flow in a process that ends at `point`.
void crash(FlowBench& bench, const FlowBench::Journey& journey, const std::string& point) {
    bench.stops.at = point;
    CHECK_THROWS_AS(bench.complete(journey.id, journey.ticket), Crash);
}

std::size_t open_records(FlowBench& bench) {
    const auto records = test::run(bench.loop, bench.journal.read(0, 1000, bench.soon())).value();
    return static_cast<std::size_t>(std::count_if(
        records.begin(), records.end(), [](const JournalRecord& r) { return !r.closed; }));
}

TEST_CASE(
    "A26, CP36, CP37: a crash before the answer is journalled ends the flow; the code stays "
    "spent") {
    for (const char* point : {"CP36", "CP37"}) {
        CAPTURE(point);
        FlowBench bench;
        const auto ada = bench.arrive();
        bench.will_issue({});
        crash(bench, ada, point);
        CHECK(bench.row(ada.id).state == FlowState::exchanging);
        const int sent = bench.exchanges();
        bench.restart();
        CHECK(bench.row(ada.id).state == FlowState::failed);
        CHECK(bench.row(ada.id).failure == "exchange_unknown");
        CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "flow_failed");
        CHECK(bench.exchanges() == sent);
        CHECK(bench.store.all_grants().empty());
    }
}

TEST_CASE(
    "A26, CP38 to CP40: an answer that reached the journal becomes a connection after a crash") {
    for (const char* point : {"CP38", "CP39", "CP40"}) {
        CAPTURE(point);
        FlowBench bench;
        const auto ada = bench.arrive();
        bench.will_issue({});
        crash(bench, ada, point);
        CHECK(bench.row(ada.id).state == FlowState::exchanging);
        bench.restart();
        const auto row = bench.row(ada.id);
        CHECK(row.state == FlowState::done);
        const auto completion = bench.complete(ada.id, ada.ticket);
        REQUIRE(completion.has_value());
        CHECK(completion->connection.standing == Standing::active);
        CHECK(completion->connection.generation == Generation{1});
        CHECK(bench.store.all_grants().size() == 1);
        CHECK(bench.exchanges() == 1);
        CHECK(open_records(bench) == 0);
        CHECK(test::run(bench.loop, bench.vault.open(completion->connection.id, bench.soon()))
                  .value()
                  .refresh_token->reveal() == "5Aep861.refresh-1");
    }
}

TEST_CASE("CP38, CP39: the checks run after a crash too, before anything is handed out") {
    for (const char* point : {"CP38", "CP39"}) {
        CAPTURE(point);
        FlowBench bench;
        const auto ada = bench.arrive();
        TokenJson evil;
        evil.instance = "https://evil.example";
        bench.will_issue(evil);
        crash(bench, ada, point);
        bench.restart();
        CHECK(bench.row(ada.id).failure == "host_rejected");
        const auto grants = bench.store.all_grants();
        REQUIRE(grants.size() == 1);
        CHECK(grants.front().role == Role::former);
        CHECK(grants.front().state == State::revoking);
    }
}

TEST_CASE("CP40: after a crash a reconnect's new grant is used and the old one given back") {
    for (const char* point : {"CP38", "CP39", "CP40"}) {
        CAPTURE(point);
        FlowBench bench;
        const auto ada = bench.connect("ada");
        const auto again = bench.arrive(bench.reconnect_of(ada));
        TokenJson fresh;
        fresh.access = "00Dxx!access-2";
        fresh.refresh = "5Aep861.refresh-2";
        bench.will_issue(fresh);
        crash(bench, again, point);
        bench.restart();
        CHECK(bench.row(again.id).state == FlowState::done);
        const auto rows = bench.grants_of(ada.id);
        REQUIRE(rows.size() == 2);
        CHECK(rows[0].state == State::revoking);
        CHECK(rows[1].role == Role::current);
        CHECK(rows[1].generation == Generation{2});
        CHECK(test::run(bench.loop, bench.vault.open(ada.id, bench.soon()))
                  .value()
                  .access_token.reveal() == "00Dxx!access-2");
    }
}

TEST_CASE("A26, A27: a crash while two consents compete loses neither and mixes them up never") {
    FlowBench bench;
    const auto ada = bench.connect("ada");
    const auto first = bench.arrive(bench.reconnect_of(ada));
    const auto second = bench.arrive(bench.reconnect_of(ada));
    TokenJson two;
    two.access = "00Dxx!access-2";
    two.refresh = "5Aep861.refresh-2";
    bench.server.answer(200, two.text(), FlowBench::json());
    crash(bench, first, "CP38");  // its answer waits in the journal for epoch 2
    bench.stops.at.clear();
    TokenJson three;
    three.access = "00Dxx!access-3";
    three.refresh = "5Aep861.refresh-3";
    bench.will_issue(three);
    REQUIRE(bench.complete(second.id, second.ticket).has_value());  // takes epoch 2
    bench.restart();
    CHECK(bench.row(first.id).state == FlowState::done);
    const auto rows = bench.grants_of(ada.id);
    REQUIRE(rows.size() == 3);
    CHECK(rows[2].role == Role::current);
    CHECK(test::run(bench.loop, bench.vault.open(ada.id, bench.soon()))
              .value()
              .access_token.reveal() == "00Dxx!access-2");
    CHECK(rows[1].state == State::revoking);
    CHECK(open_records(bench) == 0);
}

TEST_CASE("a second recovery finds nothing to do") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    crash(bench, ada, "CP39");
    bench.restart();
    const auto version = bench.row(ada.id).version;
    bench.restart();
    CHECK(bench.row(ada.id).version == version);
    CHECK(bench.store.all_grants().size() == 1);
}

TEST_CASE("while the store is away an answer is kept, and applied when it is back") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    bench.store.fail_next("grants.add_candidate", MemoryStore::Trouble::unavailable);
    const auto delayed = bench.complete(ada.id, ada.ticket);
    CHECK(code_of(delayed) == "completion_under_way");
    CHECK(delayed.error().fault == Fault::try_later);
    CHECK(bench.row(ada.id).state == FlowState::exchanging);

    boost::asio::co_spawn(bench.loop, bench.flow->run(), [](std::exception_ptr) {});
    bench.settle();
    const auto completion = bench.complete(ada.id, ada.ticket);
    REQUIRE(completion.has_value());
    CHECK(completion->connection.standing == Standing::active);
    CHECK(bench.exchanges() == 1);
    CHECK(open_records(bench) == 0);
    bench.flow->stop();
    bench.settle();
}

TEST_CASE("a promotion whose commit nobody confirmed is looked up, not repeated blindly") {
    for (const auto trouble :
         {MemoryStore::Trouble::lost_before, MemoryStore::Trouble::lost_after}) {
        FlowBench bench;
        const auto ada = bench.arrive();
        bench.will_issue({});
        bench.store.fail_next("grants.promote", trouble);
        CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "completion_under_way");
        boost::asio::co_spawn(bench.loop, bench.flow->run(), [](std::exception_ptr) {});
        bench.settle();
        CHECK(bench.complete(ada.id, ada.ticket).has_value());
        CHECK(bench.store.all_grants().size() == 1);
        bench.flow->stop();
        bench.settle();
    }
}

TEST_CASE("a connection whose flow could not be marked done is there all the same") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    bench.stops.at = "CP40";
    bench.stops.instead = [&] {
        bench.store.fail_next("flows.replace", MemoryStore::Trouble::unavailable);
    };
    const auto completion = bench.complete(ada.id, ada.ticket);
    REQUIRE(completion.has_value());
    CHECK(bench.row(ada.id).state == FlowState::exchanging);

    boost::asio::co_spawn(bench.loop, bench.flow->run(), [](std::exception_ptr) {});
    bench.settle();
    CHECK(bench.row(ada.id).state == FlowState::done);
    const auto again = bench.complete(ada.id, ada.ticket).value();
    CHECK(again.connection.id == completion->connection.id);
    CHECK_FALSE(again.created);
    bench.flow->stop();
    bench.settle();
}

TEST_CASE("an answer that could not be journalled is stored all the same") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    bench.journal.fail_next("append", MemoryStore::Trouble::unavailable);
    CHECK(bench.complete(ada.id, ada.ticket).has_value());
    CHECK(bench.log.count("exchange_not_journalled") == 1);
}

TEST_CASE("the connect of a flow leaves its journal record closed") {
    FlowBench bench;
    bench.connect("ada");
    CHECK(open_records(bench) == 0);
    CHECK(test::run(bench.loop, bench.journal.read(0, 10, bench.soon())).value().size() == 1);
}

}  // namespace
}  // namespace latchkey
