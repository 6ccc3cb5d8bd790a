#include <set>

#include "emulator/data/data_bench.h"
#include "emulator/data/query.h"

namespace latchkey::emulator::rest::test {
namespace {

std::string next_url(const json::value& page) {
    return std::string(page.at("nextRecordsUrl").as_string());
}

}  // namespace

TEST_CASE("a long answer comes in pages of 2,000, each naming the next") {
    DataBench org;
    const json::value first = org.parsed(org.ask("SELECT Id FROM Contact"));
    CHECK(first.at("totalSize") == 3000);
    CHECK(first.at("done") == false);
    CHECK(first.at("records").as_array().size() == 2000);
    CHECK(next_url(first).starts_with("/services/data/v68.0/query/01g"));
    CHECK(next_url(first).ends_with("-2000"));

    const json::value second = org.parsed(org.send("GET", next_url(first)));
    CHECK(second.at("totalSize") == 3000);
    CHECK(second.at("done") == true);
    CHECK(second.at("records").as_array().size() == 1000);
    CHECK(!second.as_object().contains("nextRecordsUrl"));

    std::set<std::string> ids;
    for (const auto* page : {&first, &second}) {
        for (const json::value& record : page->at("records").as_array()) {
            ids.emplace(record.at("Id").as_string());
        }
    }
    CHECK(ids.size() == 3000);
}

TEST_CASE("batchSize makes pages of 200 to 2,000") {
    DataBench org;
    const auto size_with = [&](const char* options) {
        org.headers = {{"Sforce-Query-Options", options}};
        return org.parsed(org.ask("SELECT Id FROM Contact")).at("records").as_array().size();
    };
    CHECK(size_with("batchSize=500") == 500);
    CHECK(size_with("other=1, BATCHSIZE=300") == 300);
    CHECK(size_with("batchSize=1") == 200);
    CHECK(size_with("batchSize=90000") == 2000);
    CHECK(size_with("batchSize=x") == 2000);
    CHECK(size_with(",,;") == 2000);

    org.headers = {{"Sforce-Query-Options", "batchSize=200"}};
    std::string url = next_url(org.parsed(org.ask("SELECT Id FROM Contact")));
    int pages = 1;
    for (bool done = false; !done; ++pages) {
        const json::value page = org.parsed(org.send("GET", url));
        done = page.at("done").as_bool();
        if (!done) url = next_url(page);
        REQUIRE(pages < 20);
    }
    CHECK(pages == 15);
}

TEST_CASE("a locator that is unknown, old, pushed out or somebody else's is refused") {
    DataBench org;
    const std::string url = next_url(org.parsed(org.ask("SELECT Id FROM Contact")));
    const std::string refused = "400 INVALID_QUERY_LOCATOR";
    CHECK(org.send("GET", url).status == 200);

    CHECK(org.outcome(org.call("GET", "query/01gLk0000000zzzAAA-2000")) == refused);
    CHECK(org.outcome(org.call("GET", "query/nonsense")) == refused);
    CHECK(org.outcome(org.send("GET", url.substr(0, url.find('-')))) == refused);
    CHECK(org.outcome(org.send("GET", url + "0")) == refused);
    CHECK(org.outcome(org.send("GET", url.substr(0, url.size() - 4) + "-1")) == refused);

    SUBCASE("two days without use") {
        org.now += Cursors::idle - std::chrono::seconds{1};
        CHECK(org.send("GET", url).status == 200);
        org.now += Cursors::idle;
        CHECK(org.outcome(org.send("GET", url)) == refused);
    }
    SUBCASE("a hundred newer ones") {
        for (std::size_t i = 1; i < Cursors::most; ++i) org.ask("SELECT Id FROM Contact");
        CHECK(org.send("GET", url).status == 200);
        org.ask("SELECT Id FROM Contact");
        CHECK(org.outcome(org.send("GET", url)) == refused);
    }
    SUBCASE("another user") {
        org.ada.user_id = "005Lk0000000002IAA";
        CHECK(org.outcome(org.send("GET", url)) == refused);
    }
}

TEST_CASE("queryAll finds what is in the recycle bin, and query does not") {
    DataBench org;
    const std::string id = org.create("Lead", {{"LastName", "Gone"}, {"Company", "Nowhere"}});
    CHECK(org.call("DELETE", "sobjects/Lead/" + id).status == 204);
    const std::string query = "SELECT Id, IsDeleted FROM Lead WHERE Company = 'Nowhere'";
    CHECK(org.records(query).empty());
    const auto found = org.records(query, "queryAll");
    REQUIRE(found.size() == 1);
    CHECK(found[0].at("IsDeleted") == true);
    CHECK(next_url(org.parsed(org.ask("SELECT Id FROM Contact", "queryAll")))
              .starts_with("/services/data/v68.0/query/"));
}

TEST_CASE("columns=true tells the columns, as sf prints them") {
    DataBench org;
    const Reply reply =
        org.call("GET", "query?q=SELECT+id,+Name,+Owner.Name+FROM+Account&columns=true");
    const json::value body = org.parsed(reply);
    CHECK(body.at("entityName") == "Account");
    CHECK(body.at("idSelected") == true);
    const json::array columns = body.at("columnMetadata").as_array();
    REQUIRE(columns.size() == 3);
    CHECK(columns[0].at("columnName") == "Id");
    CHECK(columns[0].at("aggregate") == false);
    CHECK(columns[0].at("joinColumns").as_array().empty());
    CHECK(columns[2].at("columnName") == "Owner");
    CHECK(columns[2].at("joinColumns").at(0).at("columnName") == "Name");
}

TEST_CASE("a page is written in the version it is asked for in") {
    DataBench org;
    const json::value page =
        org.parsed(org.send("GET", "/services/data/v50.0/query?q=SELECT%20Id%20FROM%20Contact"));
    CHECK(next_url(page).starts_with("/services/data/v50.0/query/01g"));
    CHECK(page.at("records")
              .at(0)
              .at("attributes")
              .at("url")
              .as_string()
              .starts_with("/services/data/v50.0/sobjects/Contact/003"));
}

TEST_CASE("a missing query is refused") {
    DataBench org;
    CHECK(org.outcome(org.call("GET", "query")) == "400 MALFORMED_QUERY");
    CHECK(org.outcome(org.call("GET", "query/?q=")) == "400 MALFORMED_QUERY");
    CHECK(org.outcome(org.call("GET", "query/a/b")) == "404 NOT_FOUND");
}

}  // namespace latchkey::emulator::rest::test
