#include <algorithm>

#include "emulator/data/data_bench.h"
#include "emulator/data/values.h"

namespace latchkey::emulator::rest::test {
namespace {

struct JobBench : DataBench {
    std::string open(const json::value& wish, const std::string& kind = "ingest") {
        const Reply reply = call("POST", "jobs/" + kind, json::serialize(wish));
        INFO(reply.body);
        REQUIRE(reply.status == 200);
        return std::string(parsed(reply).at("id").as_string());
    }
    Reply upload(const std::string& job, std::string csv) {
        headers = {{"Content-Type", "text/csv; charset=UTF-8"}};
        auto reply = call("PUT", "jobs/ingest/" + job + "/batches", std::move(csv));
        headers = {};
        return reply;
    }
    json::value state(const std::string& path) { return parsed(call("GET", path)).at("state"); }
    /// Uploads, closes and waits.
    json::value run(const std::string& job, std::string csv) {
        CHECK(upload(job, std::move(csv)).status == 201);
        const auto path = "jobs/ingest/" + job;
        CHECK(call("PATCH", path, R"({"state":"UploadComplete"})").status == 200);
        CHECK(state(path) == "InProgress");
        return parsed(call("GET", path));
    }
    std::string results(const std::string& job, const std::string& which) {
        const Reply reply = call("GET", "jobs/ingest/" + job + "/" + which);
        CHECK(reply.status == 200);
        CHECK(reply.headers.find("Content-Type") == "text/csv");
        return reply.body;
    }
};

TEST_CASE("a bulk insert goes through every state and answers line by line") {
    JobBench bench;
    const auto job = bench.open({{"object", "Account"}, {"operation", "insert"}});
    CHECK(job.starts_with("750"));
    // Quotes, a line end and a quote within quotes, a refused line, blank lines at the end.
    const auto info = bench.run(
        job,
        "Name,NumberOfEmployees,Active__c\n\"Big, \"\"the\"\"\nCompany\",7,true\n,1,false\n\n\n");
    CHECK(info.at("state") == "JobComplete");
    CHECK(info.at("numberRecordsProcessed") == 2);
    CHECK(info.at("numberRecordsFailed") == 1);
    CHECK(info.at("apiVersion").as_double() == 68.0);
    const auto good = bench.results(job, "successfulResults");
    CHECK(good.starts_with("\"sf__Id\",\"sf__Created\",\"Name\",\"NumberOfEmployees\""));
    CHECK(good.find("\"true\",\"Big, \"\"the\"\"\nCompany\",\"7\"") != good.npos);
    CHECK(bench.results(job, "failedResults").find("REQUIRED_FIELD_MISSING") != good.npos);
    CHECK(bench.total("SELECT COUNT() FROM Account WHERE NumberOfEmployees = 7 AND "
                      "Active__c = true AND Name LIKE 'Big%'") == 1);
}

TEST_CASE("records left unprocessed are told in both spellings") {
    JobBench bench;
    const auto job = bench.open({{"object", "Account"}, {"operation", "insert"}});
    bench.upload(job, "Name\nOne\n");
    CHECK(bench.call("PATCH", "jobs/ingest/" + job, R"({"state":"Aborted"})").status == 200);
    CHECK(bench.results(job, "unprocessedrecords") == "Name\nOne\n");
    CHECK(bench.results(job, "unprocessedRecords") == "Name\nOne\n");
    CHECK(bench.call("DELETE", "jobs/ingest/" + job).status == 204);
    CHECK(bench.call("GET", "jobs/ingest/" + job).status == 404);
}

TEST_CASE("a bulk upsert updates by external id and a bulk delete removes by id") {
    JobBench bench;
    auto job = bench.open({{"object", "Account"},
                           {"operation", "upsert"},
                           {"externalIdFieldName", "External_Id__c"},
                           {"columnDelimiter", "SEMICOLON"},
                           {"lineEnding", "CRLF"}});
    const auto info =
        bench.run(job, "External_Id__c;Name\r\nEXT-00001;Changed\r\nEXT-NEW;Made\r\n");
    CHECK(info.at("numberRecordsFailed") == 0);
    const auto good = bench.results(job, "successfulResults");
    CHECK(good.find("\"false\";\"EXT-00001\"") != good.npos);
    CHECK(good.find("\"true\";\"EXT-NEW\"") != good.npos);

    const auto id = bench.column("SELECT Id FROM Account WHERE Name = 'Made'", "Id");
    job = bench.open({{"object", "Account"}, {"operation", "delete"}});
    bench.run(job, "Id\n" + id + "\n");
    CHECK(bench.total("SELECT COUNT() FROM Account WHERE Name = 'Made'") == 0);
}

TEST_CASE("a bulk job fails whole for an unknown column and for the wrong line end") {
    JobBench bench;
    auto job = bench.open({{"object", "Account"}, {"operation", "insert"}});
    auto info = bench.run(job, "Nothing\nx\n");
    CHECK(info.at("state") == "Failed");
    CHECK(info.at("errorMessage") == "InvalidBatch : Field name not found : Nothing");
    job = bench.open({{"object", "Account"}, {"operation", "insert"}, {"lineEnding", "CRLF"}});
    info = bench.run(job, "Name\nx\n");
    CHECK(info.at("state") == "Failed");
}

TEST_CASE("a second upload, and one of another type, are refused") {
    JobBench bench;
    const auto job = bench.open({{"object", "Account"}, {"operation", "insert"}});
    CHECK(bench.outcome(bench.call("PUT", "jobs/ingest/" + job + "/batches", "Name\nx\n")) ==
          "415 UNSUPPORTED_MEDIA_TYPE");
    CHECK(bench.upload(job, "Name\nx\n").status == 201);
    CHECK(bench.outcome(bench.upload(job, "Name\nx\n")) == "400 INVALIDJOBSTATE");
}

TEST_CASE("uploads are kept up to 128 MiB in all, and the refusal says so") {
    JobBench bench;
    const std::string big = "Name\n" + std::string(30 * 1024 * 1024, 'x');
    for (int i = 0; i < 4; ++i) {
        const auto job = bench.open({{"object", "Account"}, {"operation", "insert"}});
        CHECK(bench.upload(job, big).status == 201);
    }
    const auto job = bench.open({{"object", "Account"}, {"operation", "insert"}});
    CHECK(bench.outcome(bench.upload(job, big)) == "400 LIMIT_EXCEEDED");
}

TEST_CASE("a bulk query gives its results in pages whose last locator is the word null") {
    JobBench bench;
    const auto job = bench.open(
        {{"operation", "query"},
         {"query", "SELECT Name, Owner.Username, CreatedDate FROM Account ORDER BY Name LIMIT 3"}},
        "query");
    const auto path = "jobs/query/" + job;
    CHECK(bench.outcome(bench.call("GET", path + "/results")) == "400 INVALIDJOBSTATE");
    CHECK(bench.state(path) == "InProgress");
    CHECK(bench.state(path) == "JobComplete");
    Reply page = bench.call("GET", path + "/results?maxRecords=2");
    CHECK(page.headers.find("Sforce-NumberOfRecords") == "2");
    CHECK(page.headers.find("Sforce-Locator") == "2");
    CHECK(page.body.starts_with("\"Name\",\"Owner.Username\",\"CreatedDate\"\n"));
    CHECK(page.body.find(".000Z\"\n") != page.body.npos);
    page = bench.call("GET", path + "/results?maxRecords=2&locator=2");
    CHECK(page.headers.find("Sforce-NumberOfRecords") == "1");
    CHECK(page.headers.find("Sforce-Locator") == "null");
    CHECK(page.body.starts_with("\"Name\",\"Owner.Username\",\"CreatedDate\"\n"));
    CHECK(bench.outcome(bench.send("GET", "/services/data/v67.0/" + path + "/results")) ==
          "409 API_ERROR");
}

TEST_CASE("a generated object has as many records as asked for, each always the same") {
    JobBench bench;
    bench.api.set_generated_rows(5'000'000);
    CHECK(bench.total("SELECT COUNT() FROM Measurement__c") == 5'000'000);
    const Reply first = bench.ask("SELECT Id, Name, Value__c, Taken_At__c FROM Measurement__c");
    const json::value page = DataBench::parsed(first);
    CHECK(page.at("totalSize") == 5'000'000);
    CHECK(page.at("records").as_array().size() == 2000);
    const auto next = std::string(page.at("nextRecordsUrl").as_string());
    const json::value more = DataBench::parsed(bench.send("GET", next));
    CHECK(more.at("records").at(0).at("Name") == "M-000002000");
    const auto id = std::string(more.at("records").at(0).at("Id").as_string());
    CHECK(full_id(id) == id);
    const json::value alone =
        DataBench::parsed(bench.call("GET", "sobjects/Measurement__c/" + id + "?fields=Name"));
    CHECK(alone.at("Name") == "M-000002000");
    CHECK(bench.total("SELECT Id FROM Measurement__c LIMIT 10 OFFSET 4") == 10);
    CHECK(bench.outcome(bench.ask("SELECT Id FROM Measurement__c WHERE Name = 'x'")) ==
          "400 MALFORMED_QUERY");
}

TEST_CASE("a bulk query of generated records comes in bounded pages") {
    JobBench bench;
    bench.api.set_generated_rows(120'000);
    const auto job = bench.open(
        {{"operation", "query"}, {"query", "SELECT Id, Value__c, Taken_At__c FROM Measurement__c"}},
        "query");
    const auto path = "jobs/query/" + job;
    bench.state(path);
    bench.state(path);
    std::string locator;
    std::size_t lines = 0;
    int pages = 0;
    while (locator != "null") {
        const Reply page =
            bench.call("GET", path + "/results" + (locator.empty() ? "" : "?locator=" + locator));
        REQUIRE(page.status == 200);
        lines += static_cast<std::size_t>(std::ranges::count(page.body, '\n')) - 1;
        locator = std::string(page.headers.find("Sforce-Locator").value());
        ++pages;
    }
    CHECK(lines == 120'000);
    CHECK(pages == 3);
}

}  // namespace
}  // namespace latchkey::emulator::rest::test
