#include <latchkey/bulk.h>

#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "facade/bulk_bench.h"

namespace latchkey {
namespace {

using test::BulkBench;
using test::queries;

/// Looks again until it is so; what is waited for is a round trip away.
template <class Question>
bool soon(Question so) {
    for (int look = 0; look < 500; ++look) {
        if (so()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return false;
}

/// Begins a job and gives its rows too little time: what is said then. A busy machine may need some of
/// it for the making alone.
Error seen_running(BulkRows& rows) {
    auto early = rows.next(Deadline::in(std::chrono::milliseconds{150}));
    for (int more = 0; !early && early.error().code == "deadline_passed" && more < 100; ++more) {
        early = rows.next(Deadline::in(std::chrono::milliseconds{20}));
    }
    REQUIRE(early.has_error());
    return early.error();
}

Task<std::int64_t> count_all(BulkRows* rows) {
    std::int64_t all = 0;
    for (;;) {
        auto page = co_await rows->async_next(Deadline::in(std::chrono::seconds{30}));
        if (!page) co_return page.error();
        if (page->empty()) co_return all;
        all += static_cast<std::int64_t>(page->size());
    }
}

}  // namespace

TEST_CASE("a bulk query brings every row once, page after page") {
    BulkBench bench;
    bench.generate(10001);
    BulkQueryOptions options;
    options.page_size = 3000;
    auto rows = bench.bulk.query("SELECT Id, Name FROM Measurement__c", options);
    std::set<std::string> seen;
    std::string last;
    const auto taken = rows.for_each([&](const CsvRow& row) {
        seen.emplace(row[0]);
        last = row.text("name").value();
        return true;
    });
    REQUIRE_MESSAGE(taken.has_value(), taken.error().message);
    CHECK(*taken == 10001);
    CHECK(seen.size() == 10001);
    CHECK(last == "M-000010000");
    CHECK(rows.job().state == BulkState::complete);
    CHECK(rows.job().processed == 10001);
    CHECK(rows.next().value().empty());
    // What was read to its end stays at Salesforce, for whoever audits the org.
    {
        const BulkRows gone = std::move(rows);
    }
    CHECK(bench.jobs(queries).size() == 1);
}

TEST_CASE("a bulk query in a program's own loop brings the same") {
    BulkBench bench;
    bench.generate(4500);
    BulkQueryOptions options;
    options.page_size = 2000;
    auto rows = bench.bulk.query("SELECT Id FROM Measurement__c", options);
    const auto all = bench.await(count_all(&rows));
    REQUIRE_MESSAGE(all.has_value(), all.error().message);
    CHECK(*all == 4500);
}

TEST_CASE(
    "a bulk query reads at most one page ahead, and none of a session that has ended is lost") {
    BulkBench bench;
    bench.generate(1000000);
    BulkQueryOptions options;
    options.page_size = 1000;
    auto rows = bench.bulk.query("SELECT Id FROM Measurement__c", options);
    REQUIRE(rows.next().has_value());
    const auto first = bench.calls_today();
    for (int i = 0; i < 5; ++i) CHECK(bench.calls_today() <= first + 1);
    bench.expire_sessions();
    for (int page = 0; page < 3; ++page) {
        const auto next = rows.next();
        REQUIRE_MESSAGE(next.has_value(), next.error().message);
        CHECK(next->size() == 1000);
    }
}

TEST_CASE("values that CSV has to quote come as they are, and deleted rows if they are asked for") {
    BulkBench bench;
    const std::string odd = "a,\"b\"\nc";
    const auto id =
        bench.rest.create("Account", Fields{}.set("Name", "Odd").set("Description", odd));
    REQUIRE(id.has_value());
    const std::string soql = "SELECT Description, Owner.Username FROM Account WHERE Name = 'Odd'";
    const auto page = bench.bulk.query(soql).next();
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    REQUIRE(page->size() == 1);
    CHECK((*page)[0].text("Description") == odd);
    CHECK((*page)[0].text("Owner.Username") == "ada@acme.example");
    REQUIRE(bench.rest.remove("Account", *id).has_value());
    CHECK(bench.bulk.query(soql).next().value().empty());
    BulkQueryOptions all;
    all.all_rows = true;
    CHECK(bench.bulk.query(soql, all).next().value().size() == 1);
}

TEST_CASE("a bulk query that is dropped before its end leaves nothing at Salesforce") {
    BulkBench bench;
    bench.generate(50000);
    BulkQueryOptions options;
    options.page_size = 1000;
    {
        auto rows = bench.bulk.query("SELECT Id FROM Measurement__c", options);
        REQUIRE(rows.next().has_value());
        CHECK(bench.jobs(queries).size() == 1);
    }
    CHECK(soon([&] { return bench.jobs(queries).empty(); }));
}

TEST_CASE("a bulk query that is dropped while its job runs aborts the job") {
    BulkBench bench;
    {
        auto rows = bench.bulk.query("SELECT Id FROM Account");
        const auto early = seen_running(rows);
        CHECK(early.code == "bulk_job_running");
        CHECK(early.fault == Fault::try_later);
        CHECK(rows.job().state == BulkState::upload_complete);
    }
    CHECK(soon([&] { return bench.jobs(queries).at(0).at("state") == "Aborted"; }));
}

TEST_CASE("a bulk job that has not ended in time is waited for by asking again") {
    BulkBench bench;
    auto rows = bench.bulk.query("SELECT Id FROM Account LIMIT 3");
    int asked = 0;
    auto page = rows.next(Deadline::in(std::chrono::milliseconds{100}));
    for (; !page && page.error().fault == Fault::try_later && asked < 100; ++asked) {
        page = rows.next(Deadline::in(std::chrono::milliseconds{100}));
    }
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    CHECK(asked > 0);
    CHECK(page->size() == 3);
    CHECK(bench.jobs(queries).size() == 1);
}

TEST_CASE("a page that comes after the caller's time is there at the next call") {
    BulkBench bench;
    auto rows = bench.bulk.query("SELECT Id FROM Account LIMIT 3");
    CHECK(seen_running(rows).code == "bulk_job_running");
    bench.control("POST", "faults",
                  R"({"path": ")" + queries + "/" + rows.job().id +
                      R"(/results", "when": "after", "delay_ms": 1500})");
    auto early = rows.next(Deadline::in(std::chrono::milliseconds{100}));
    for (int more = 0; !early && early.error().code == "bulk_job_running" && more < 100; ++more) {
        early = rows.next(Deadline::in(std::chrono::milliseconds{100}));
    }
    REQUIRE(early.has_error());
    CHECK(early.error().code == "deadline_passed");
    const auto page = rows.next();
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    CHECK(page->size() == 3);
    CHECK(rows.next().value().empty());
}

TEST_CASE("a stop token ends the wait for a bulk job at once") {
    BulkBench bench;
    std::stop_source stop;
    BulkQueryOptions options;
    options.stop = stop.get_token();
    auto rows = bench.bulk.query("SELECT Id FROM Account", options);
    std::thread other{[&] { stop.request_stop(); }};
    const auto page = rows.next();
    other.join();
    REQUIRE(page.has_error());
    CHECK(page.error().code == "cancelled");
}

TEST_CASE("what Salesforce refuses of a bulk query says who must act") {
    BulkBench bench;
    CHECK(bench.bulk.query("SELECT Nothing FROM Account").next().error().code == "invalid_field");
    CHECK(bench.bulk.query("").next().error().code == "invalid_soql");
    BulkQueryOptions none;
    none.page_size = 0;
    CHECK(bench.bulk.query("SELECT Id FROM Account", none).next().error().code ==
          "invalid_page_size");
}

}  // namespace latchkey
