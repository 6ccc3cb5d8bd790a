#include <set>

#include "emulator/data/data_bench.h"

namespace latchkey::emulator::rest::test {
namespace {

struct CompositeBench : DataBench {
    json::value ask_all(const std::string& method, const std::string& path,
                        const json::value& body) {
        const Reply reply = call(method, path, json::serialize(body));
        INFO(reply.body);
        REQUIRE(reply.status == 200);
        return parsed(reply);
    }
    static json::object account(std::string_view name) {
        return {{"attributes", {{"type", "Account"}}}, {"Name", name}};
    }
    static json::object nameless() { return {{"attributes", {{"type", "Account"}}}}; }
    static std::string code(const json::value& result) {
        return std::string(result.at("errors").at(0).at("statusCode").as_string());
    }
};

TEST_CASE("a collection creates each record and tells of each refused one by itself") {
    CompositeBench bench;
    const auto before = bench.total("SELECT COUNT() FROM Account");
    const auto results = bench.ask_all(
        "POST", "composite/sobjects",
        {{"allOrNone", false},
         {"records", json::array{bench.account("One"), bench.nameless(), bench.account("Two")}}});
    CHECK(results.at(0).at("success").as_bool());
    CHECK(bench.code(results.at(1)) == "REQUIRED_FIELD_MISSING");
    CHECK(results.at(1).at("errors").at(0).at("fields").at(0) == "Name");
    CHECK(results.at(2).at("success").as_bool());
    CHECK(bench.total("SELECT COUNT() FROM Account") == before + 2);
}

TEST_CASE("with allOrNone one refused record takes the others back") {
    CompositeBench bench;
    const auto before = bench.total("SELECT COUNT() FROM Account");
    const std::string kept = bench.create("Account", {{"Name", "Kept"}});
    json::object renamed = bench.account("Renamed");
    renamed["id"] = kept;
    auto results = bench.ask_all(
        "PATCH", "composite/sobjects",
        {{"allOrNone", true}, {"records", json::array{renamed, bench.account("No id")}}});
    CHECK(bench.code(results.at(0)) == "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    CHECK(bench.code(results.at(1)) == "MISSING_ARGUMENT");
    CHECK(bench.column("SELECT Name FROM Account WHERE Id = '" + kept + "'", "Name") == "Kept");

    results = bench.ask_all(
        "POST", "composite/sobjects",
        {{"allOrNone", true}, {"records", json::array{bench.account("One"), bench.nameless()}}});
    CHECK(bench.code(results.at(0)) == "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    CHECK(bench.total("SELECT COUNT() FROM Account") == before + 1);
    // The place that was given back is free again.
    CHECK(bench.create("Account", {{"Name", "Next"}}) != kept);
}

TEST_CASE("a collection is deleted by ids, and allOrNone brings all back") {
    CompositeBench bench;
    const std::string one = bench.create("Account", {{"Name", "One"}});
    const std::string two = bench.create("Account", {{"Name", "Two"}});
    auto gone = DataBench::parsed(
        bench.call("DELETE", "composite/sobjects?ids=" + one + ",001nonsense&allOrNone=true"));
    CHECK(bench.code(gone.at(0)) == "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    CHECK(bench.total("SELECT COUNT() FROM Account WHERE Name = 'One'") == 1);
    gone = DataBench::parsed(bench.call("DELETE", "composite/sobjects?ids=" + one + "," + two));
    CHECK(gone.at(0).at("success").as_bool());
    CHECK(gone.at(1).at("id").as_string() == two);
    CHECK(bench.total("SELECT COUNT() FROM Account WHERE Name IN ('One', 'Two')") == 0);
}

TEST_CASE("a collection is upserted by an external id and says what it created") {
    CompositeBench bench;
    json::object first = bench.account("First");
    first["External_Id__c"] = "EXT-NEW";
    const json::value body{{"records", json::array{first}}};
    auto results = bench.ask_all("PATCH", "composite/sobjects/Account/External_Id__c", body);
    CHECK(results.at(0).at("created").as_bool());
    results = bench.ask_all("PATCH", "composite/sobjects/Account/External_Id__c", body);
    CHECK_FALSE(results.at(0).at("created").as_bool());
}

TEST_CASE("several records are read in the order of their ids, null for the unknown") {
    CompositeBench bench;
    const std::string one = bench.create("Account", {{"Name", "One"}});
    const std::string two = bench.create("Account", {{"Name", "Two"}});
    const auto records =
        bench.ask_all("POST", "composite/sobjects/Account",
                      {{"ids", {two, "001000000000000AAA", one}}, {"fields", {"Name"}}});
    CHECK(records.at(0).at("Name") == "Two");
    CHECK(records.at(1).is_null());
    CHECK(records.at(2).at("Id").as_string() == one);
    CHECK(DataBench::outcome(bench.call("GET", "composite/sobjects/Account?ids=" + one +
                                                   "&fields=Nothing")) == "400 INVALID_FIELD");
}

TEST_CASE("a collection of more than 200 records is refused whole") {
    CompositeBench bench;
    json::array many(201, bench.account("Many"));
    CHECK(DataBench::outcome(bench.call("POST", "composite/sobjects",
                                        json::serialize(json::object{{"records", many}}))) ==
          "400 EXCEEDED_ID_LIMIT");
}

json::object part(std::string_view method, std::string_view path, std::string_view reference,
                  json::value body = nullptr) {
    json::object one{{"method", method},
                     {"url", "/services/data/v68.0/" + std::string(path)},
                     {"referenceId", reference}};
    if (!body.is_null()) one["body"] = std::move(body);
    return one;
}

TEST_CASE("a composite call puts values of earlier answers into later requests") {
    CompositeBench bench;
    const auto answer = bench.ask_all(
        "POST", "composite",
        {{"compositeRequest",
          json::array{part("POST", "sobjects/Account", "made", {{"Name", "Parent"}}),
                      part("POST", "sobjects/Contact", "child",
                           {{"LastName", "Of @{made.id}"}, {"AccountId", "@{made.id}"}}),
                      part("GET", "sobjects/Account/@{made.id}?fields=Name", "read")}}});
    const auto& parts = answer.at("compositeResponse");
    CHECK(parts.at(0).at("httpStatusCode") == 201);
    const auto id = parts.at(0).at("body").at("id");
    CHECK(parts.at(0).at("httpHeaders").at("Location").as_string().ends_with(id.as_string()));
    CHECK(parts.at(1).at("httpStatusCode") == 201);
    CHECK(parts.at(2).at("body").at("Name") == "Parent");
    CHECK(parts.at(2).at("referenceId") == "read");
}

TEST_CASE("a request that leans on a failed one is not done") {
    CompositeBench bench;
    const auto answer = bench.ask_all(
        "POST", "composite",
        {{"compositeRequest",
          json::array{part("POST", "sobjects/Account", "made", json::object{}),
                      part("PATCH", "sobjects/Account/@{made.id}", "changed", {{"Name", "X"}}),
                      part("GET", "limits", "limits")}}});
    const auto& parts = answer.at("compositeResponse");
    CHECK(parts.at(0).at("httpStatusCode") == 400);
    CHECK(parts.at(1).at("body").at(0).at("errorCode") == "PROCESSING_HALTED");
    CHECK(parts.at(2).at("httpStatusCode") == 200);
}

TEST_CASE("a composite call with allOrNone leaves nothing behind when one part fails") {
    CompositeBench bench;
    const auto before = bench.total("SELECT COUNT() FROM Account");
    const auto answer =
        bench.ask_all("POST", "composite",
                      {{"allOrNone", true},
                       {"compositeRequest",
                        json::array{part("POST", "sobjects/Account", "a", {{"Name", "A"}}),
                                    part("POST", "sobjects/Account", "b", json::object{}),
                                    part("POST", "sobjects/Account", "c", {{"Name", "C"}})}}});
    const auto& parts = answer.at("compositeResponse");
    CHECK(parts.at(0).at("body").at(0).at("errorCode") == "PROCESSING_HALTED");
    CHECK(parts.at(1).at("body").at(0).at("errorCode") == "REQUIRED_FIELD_MISSING");
    CHECK(parts.at(2).at("body").at(0).at("errorCode") == "PROCESSING_HALTED");
    CHECK(bench.total("SELECT COUNT() FROM Account") == before);
}

TEST_CASE("a composite call within a composite call is refused") {
    CompositeBench bench;
    const auto answer = bench.ask_all(
        "POST", "composite",
        {{"compositeRequest", json::array{part("POST", "composite", "again", json::object{})}}});
    CHECK(answer.at("compositeResponse").at(0).at("httpStatusCode") == 400);
    json::array many;
    for (int i = 0; i < 26; ++i) many.push_back(part("GET", "limits", "n" + std::to_string(i)));
    CHECK(DataBench::outcome(bench.call(
              "POST", "composite", json::serialize(json::object{{"compositeRequest", many}}))) ==
          "400 LIMIT_EXCEEDED");
}

TEST_CASE("a batch answers each request, and stops at an error only if told to") {
    CompositeBench bench;
    const json::array requests{json::object{{"method", "GET"}, {"url", "v68.0/limits"}},
                               json::object{{"method", "GET"}, {"url", "v68.0/sobjects/Nothing"}},
                               json::object{{"method", "POST"},
                                            {"url", "v68.0/sobjects/Account"},
                                            {"richInput", json::object{{"Name", "In a batch"}}}}};
    auto answer = bench.ask_all("POST", "composite/batch", {{"batchRequests", requests}});
    CHECK(answer.at("hasErrors").as_bool());
    CHECK(answer.at("results").at(1).at("statusCode") == 404);
    CHECK(answer.at("results").at(2).at("statusCode") == 201);
    answer = bench.ask_all("POST", "composite/batch",
                           {{"batchRequests", requests}, {"haltOnError", true}});
    CHECK(answer.at("results").at(2).at("statusCode") == 412);
}

TEST_CASE("a composite call counts as one request of the day") {
    CompositeBench bench;
    bench.api.set_daily_limit(2);
    const auto reply = bench.call(
        "POST", "composite",
        json::serialize(json::object{
            {"compositeRequest", json::array{part("GET", "limits", "a"), part("GET", "limits", "b"),
                                             part("GET", "limits", "c")}}}));
    CHECK(reply.headers.find("Sforce-Limit-Info") == "api-usage=1/2");
}

}  // namespace
}  // namespace latchkey::emulator::rest::test
