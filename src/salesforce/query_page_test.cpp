#include "salesforce/query_page.h"

#include <doctest/doctest.h>

namespace latchkey {

namespace {

ApiResponse answer(int status, std::string body) {
    ApiResponse response;
    response.status = status;
    response.headers.emplace_back("content-type", "application/json;charset=UTF-8");
    response.body = std::move(body);
    return response;
}

}  // namespace

TEST_CASE("a page keeps the bytes of its records and the way to the next page") {
    const auto page = read_query_page(
        answer(
            200,
            R"({"totalSize":2001, "done":false,"nextRecordsUrl":"/services/data/v68.0/query/01g-2000",)"
            R"( "records": [ {"Id":"001","Name":"A \"],[ B","N":1.50} , {"Id":"002","N":[{}]}]})"),
        true);
    REQUIRE(page.has_value());
    CHECK(page->total_size == 2001);
    CHECK(page->next == "/services/data/v68.0/query/01g-2000");
    REQUIRE(page->records.size() == 2);
    CHECK(page->records[0].json() == R"({"Id":"001","Name":"A \"],[ B","N":1.50})");
    CHECK(page->records[1].json() == R"({"Id":"002","N":[{}]})");
}

TEST_CASE("the last page and an empty one have nothing after them") {
    const auto page =
        read_query_page(answer(200, R"({"totalSize":0,"done":true,"records":[]})"), true);
    REQUIRE(page.has_value());
    CHECK(page->records.empty());
    CHECK(page->next.empty());
}

TEST_CASE("a cut or foreign answer is not taken for a page") {
    const std::string good = R"({"totalSize":0,"done":true,"records":[]})";
    CHECK(read_query_page(answer(200, good), false).error().code == "upstream_invalid_response");
    for (const char* body :
         {"", "[]", "{}", R"({"totalSize":1,"records":{}})", R"({"totalSize":"1","records":[]})",
          R"({"totalSize":1,"records":[1]})", R"({"totalSize":1,"records":[{})",
          R"({"totalSize":1,"records":[],"nextRecordsUrl":"https://elsewhere.example/"})"}) {
        CAPTURE(body);
        const auto page = read_query_page(answer(200, body), true);
        REQUIRE(page.has_error());
        CHECK(page.error().fault == Fault::try_later);
    }
}

TEST_CASE("an error of Salesforce says who must act") {
    const auto page = read_query_page(
        answer(400, R"([{"message":"unexpected token: FORM","errorCode":"MALFORMED_QUERY"}])"),
        true);
    REQUIRE(page.has_error());
    CHECK(page.error().fault == Fault::bad_input);
    CHECK(page.error().code == "malformed_query");
}

TEST_CASE("a query is put into its target wholly escaped") {
    CHECK(
        query_target("SELECT Id FROM Account WHERE Name = 'A&B+#'").value() ==
        "/services/data/v68.0/query?q=SELECT%20Id%20FROM%20Account%20WHERE%20Name%20%3D%20%27A%26B"
        "%2B%23%27");
    CHECK(query_target("").error().code == "invalid_soql");
    CHECK(query_target(std::string(100001, 'x')).error().code == "invalid_soql");
}

TEST_CASE("query_more reaches nothing but the rest of a query") {
    CHECK(query_more_target("/services/data/v68.0/query/01gRM-2000").has_value());
    for (const char* next :
         {"", "/services/data/v68.0/sobjects/Account", "https://evil.example/services/data/query/",
          "/services/oauth2/revoke", "/services/data/v68.0/query/../sobjects"}) {
        CAPTURE(next);
        CHECK(query_more_target(next).error().code == "invalid_cursor");
    }
}

TEST_CASE("a record gives its fields as text, through relationships and without regard to case") {
    const Record record{
        R"({"Name":"Ada","Amount":10000000.0,"Small":0.25,"Count":3,"Won":true,"Lost":null,)"
        R"("Owner":{"Name":"Grace"},"Address":{"city":"Bonn"}})"};
    CHECK(record.text("name") == "Ada");
    CHECK(record.text("Amount") == "10000000");
    CHECK(record.text("Small") == "0.25");
    CHECK(record.text("Count") == "3");
    CHECK(record.text("Won") == "true");
    CHECK(record.text("owner.NAME") == "Grace");
    CHECK(record.text("Address") == R"({"city":"Bonn"})");
    CHECK_FALSE(record.text("Lost").has_value());
    CHECK_FALSE(record.text("Absent").has_value());
    CHECK_FALSE(record.text("Name.First").has_value());
}

TEST_CASE("an answer's header lines are found without regard to case") {
    CHECK(answer(200, "").header("Content-Type") == "application/json;charset=UTF-8");
    CHECK_FALSE(answer(200, "").header("Location").has_value());
}

}  // namespace latchkey
