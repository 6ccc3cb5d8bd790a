#include <latchkey/rest.h>

#include <set>

#include <doctest/doctest.h>

#include "facade/facade_bench.h"

namespace latchkey {
namespace {

struct RestBench : test::FacadeBench {
    std::unique_ptr<Latchkey> latchkey = open();
    Connection ada = connect(*latchkey).value();
    Rest rest{*latchkey, ada.id};

    std::int64_t calls_today() {
        return control("GET", "data").at("used_today").to_number<std::int64_t>();
    }
};

Task<std::int64_t> count_all(RecordStream* stream) {
    std::int64_t all = 0;
    for (;;) {
        auto records = co_await stream->async_next(Deadline::in(std::chrono::seconds{30}));
        if (!records) co_return records.error();
        if (records->empty()) co_return all;
        all += static_cast<std::int64_t>(records->size());
    }
}

}  // namespace

TEST_CASE("a stream brings every record once, page after page") {
    RestBench bench;
    bench.control("POST", "data", R"({"generated_records": 10001})");
    auto stream = bench.rest.query("SELECT Id, Name FROM Measurement__c");
    std::set<std::string> seen;
    std::vector<Record> kept;
    const auto taken = stream.for_each([&](const Record& record) {
        seen.insert(record.text("Id").value());
        if (seen.size() % 2500 == 1) kept.push_back(record);
        return true;
    });
    REQUIRE_MESSAGE(taken.has_value(), taken.error().message);
    CHECK(*taken == 10001);
    CHECK(seen.size() == 10001);
    CHECK(stream.total_size() == 10001);
    // A record owns its bytes: those of the first page are still right after the last.
    CHECK(kept.front().text("Name") == "M-000000000");
    CHECK(kept.back().text("Name") == "M-000010000");
    CHECK(stream.next().value().empty());
}

TEST_CASE("a stream in a program's own loop brings the same") {
    RestBench bench;
    bench.control("POST", "data", R"({"generated_records": 4500})");
    auto stream = bench.rest.query("SELECT Id FROM Measurement__c");
    const auto all = bench.await(count_all(&stream));
    REQUIRE_MESSAGE(all.has_value(), all.error().message);
    CHECK(*all == 4500);
}

TEST_CASE("at most one page is fetched ahead of the caller") {
    RestBench bench;
    bench.control("POST", "data", R"({"generated_records": 1000000, "daily_limit": 100000})");
    auto stream = bench.rest.query("SELECT Id FROM Measurement__c");
    REQUIRE(stream.next().has_value());
    REQUIRE(stream.next().has_value());
    // The third page may be on its way; nothing asks for a fourth.
    for (int i = 0; i < 5; ++i) CHECK(bench.calls_today() <= 3);
}

TEST_CASE("after an error the same page of a stream can be asked for again") {
    RestBench bench;
    bench.control("POST", "data", R"({"generated_records": 5000})");
    bench.control("POST", "faults",
                  R"({"path": "/services/data/v68.0/query", "count": 1, "status": 503})");
    auto stream = bench.rest.query("SELECT Id FROM Measurement__c");
    const auto refused = stream.next();
    REQUIRE(refused.has_error());
    CHECK(refused.error().fault == Fault::try_later);
    std::int64_t all = 0;
    for (auto page = stream.next(); page.has_value() && !page->empty(); page = stream.next()) {
        all += static_cast<std::int64_t>(page->size());
    }
    CHECK(all == 5000);
}

TEST_CASE("a stop token ends a blocking wait at once") {
    RestBench bench;
    bench.control("POST", "faults", R"({"path": "/services/data/v68.0/query", "delay_ms": 20000})");
    std::stop_source stop;
    QueryOptions options;
    options.stop = stop.get_token();
    auto stream = bench.rest.query("SELECT Id FROM Account", options);
    std::thread other{[&] { stop.request_stop(); }};
    const auto page = stream.next();
    other.join();
    REQUIRE(page.has_error());
    CHECK(page.error().code == "cancelled");
    CHECK(page.error().fault == Fault::try_later);
}

TEST_CASE("a page that comes after its caller gave up is there at the next call") {
    RestBench bench;
    bench.control("POST", "data", R"({"generated_records": 4500})");
    bench.control("POST", "faults",
                  R"({"path": "/services/data/v68.0/query", "when": "after", "delay_ms": 300})");
    std::stop_source stop;
    QueryOptions options;
    options.stop = stop.get_token();
    auto stream = bench.rest.query("SELECT Id FROM Measurement__c", options);
    std::thread other{[&] { stop.request_stop(); }};
    CHECK(stream.next().error().code == "cancelled");
    other.join();
    CHECK(bench.await(count_all(&stream)).value() == 4500);
    CHECK(stream.total_size() == 4500);
}

TEST_CASE("what Salesforce refuses of a query says who must act") {
    RestBench bench;
    auto stream = bench.rest.query("SELECT Nothing FROM Account");
    CHECK(stream.next().error().code == "invalid_field");
    bench.control("POST", "data", R"({"daily_limit": 0})");
    const auto used_up = bench.rest.query("SELECT Id FROM Account").next();
    CHECK(used_up.error().code == "request_limit_exceeded");
    CHECK(used_up.error().fault == Fault::try_later);
    QueryOptions small;
    small.page_size = 10;
    CHECK(bench.rest.query("SELECT Id FROM Account", small).next().error().code ==
          "invalid_page_size");
}

TEST_CASE("deleted records are found by a query that asks for all rows") {
    RestBench bench;
    const auto id = bench.rest.create("Account", Fields{}.set("Name", "Gone")).value();
    REQUIRE(bench.rest.remove("Account", id).has_value());
    const std::string soql = "SELECT Id FROM Account WHERE Name = 'Gone'";
    CHECK(bench.rest.query(soql).next().value().empty());
    QueryOptions all;
    all.all_rows = true;
    CHECK(bench.rest.query(soql, all).next().value().size() == 1);
}

TEST_CASE("a record is created, read, changed, upserted and removed") {
    RestBench bench;
    const auto id = bench.rest.create("Account", Fields{}
                                                     .set("Name", "O'Neill \"&\" Søn")
                                                     .set("NumberOfEmployees", 7)
                                                     .set("Active__c", true));
    REQUIRE_MESSAGE(id.has_value(), id.error().message);
    REQUIRE(bench.rest.update("Account", *id, Fields{}.set("Industry", "Energy")).has_value());
    const auto read = bench.rest.read("Account", *id, {"Name", "Industry", "Owner.Username"});
    REQUIRE_MESSAGE(read.has_value(), read.error().message);
    CHECK(read->text("Name") == "O'Neill \"&\" Søn");
    CHECK(read->text("Industry") == "Energy");
    CHECK(read->text("Owner.Username") == "ada@acme.example");

    const auto made =
        bench.rest.upsert("Account", "External_Id__c", "a/b ?", Fields{}.set("Name", "Keyed"));
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    CHECK(made->created);
    const auto again =
        bench.rest.upsert("Account", "External_Id__c", "a/b ?", Fields{}.set("Name", "Again"));
    REQUIRE(again.has_value());
    CHECK_FALSE(again->created);
    CHECK(again->id == made->id);

    REQUIRE(bench.rest.remove("Account", *id).has_value());
    CHECK(bench.rest.read("Account", *id).error().fault == Fault::not_found);
    CHECK(bench.rest.create("Account", Fields{}).error().code == "required_field_missing");
}

TEST_CASE("names and ids that would change a call's path are refused before anything is sent") {
    RestBench bench;
    const auto before = bench.calls_today();
    CHECK(bench.rest.read("Account/../x", "001000000000001AAA").error().code == "invalid_name");
    CHECK(bench.rest.read("Account", "../../limits").error().code == "invalid_id");
    CHECK(bench.rest.read("Account", "001000000000001AAA", {"Name&x=y"}).error().code ==
          "invalid_name");
    CHECK(bench.rest.upsert("Account", "External_Id__c", "", Fields{}).error().code ==
          "invalid_key");
    CHECK(bench.rest.create_many("Account", std::vector<Fields>(201)).error().code ==
          "too_many_records");
    CHECK(bench.calls_today() == before);
}

TEST_CASE("many records are written in one call, each with its own result") {
    RestBench bench;
    const auto before = bench.calls_today();
    const auto made = bench.rest.create_many(
        "Account", {Fields{}.set("Name", "One"), Fields{}, Fields{}.set("Name", "Two")});
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    CHECK(bench.calls_today() == before + 1);
    CHECK(made->at(0).success);
    CHECK_FALSE(made->at(1).success);
    CHECK(made->at(1).problems.at(0).code == "REQUIRED_FIELD_MISSING");
    CHECK(made->at(1).problems.at(0).fields == std::vector<std::string>{"Name"});
    const auto one = made->at(0).id;
    const auto two = made->at(2).id;

    const auto changed = bench.rest.update_many(
        "Account", {{one, Fields{}.set("Name", "First")}, {two, Fields{}.set("Name", "Second")}});
    REQUIRE(changed.has_value());
    CHECK(changed->at(1).success);
    const auto read = bench.rest.read_many("Account", {two, "001000000000001AAA", one}, {"Name"});
    REQUIRE(read.has_value());
    CHECK(read->at(0)->text("Name") == "Second");
    CHECK_FALSE(read->at(1).has_value());
    CHECK(read->at(2)->text("Name") == "First");

    const auto keyed = bench.rest.upsert_many("Account", "External_Id__c",
                                              {{"K1", Fields{}.set("Name", "Keyed")}});
    REQUIRE(keyed.has_value());
    CHECK(keyed->at(0).created);
    const auto gone = bench.rest.remove_many({one, "001000000000001AAA"}, true);
    REQUIRE(gone.has_value());
    CHECK(gone->at(0).problems.at(0).code == "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    CHECK(bench.rest.read("Account", one).has_value());
}

TEST_CASE("a composite call's later parts use what earlier ones answered") {
    RestBench bench;
    const std::string root = "/services/data/v68.0/sobjects/";
    const auto answers = bench.rest.composite(
        {{"made", "POST", root + "Account", Fields{}.set("Name", "Parent").json()},
         {"child", "POST", root + "Contact",
          Fields{}.set("LastName", "Of").set("AccountId", "@{made.id}").json()},
         {"read", "GET", root + "Account/@{made.id}?fields=Name"}});
    REQUIRE_MESSAGE(answers.has_value(), answers.error().message);
    CHECK(answers->at(1).status == 201);
    CHECK(Record{answers->at(2).body_json}.text("Name") == "Parent");
}

TEST_CASE("an object is described and the org's limits are read") {
    RestBench bench;
    CHECK(bench.rest.describe("Account").value().text("keyPrefix") == "001");
    CHECK(bench.rest.describe("Nothing").error().fault == Fault::not_found);
    const auto limits = bench.rest.limits();
    REQUIRE(limits.has_value());
    CHECK(limits->find("DailyApiRequests")->second.most == 15000);
}

}  // namespace latchkey
