#include "salesforce/bulk_calls.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "salesforce/job_data.h"

namespace latchkey::salesforce {
namespace {

ApiResponse answer(int status, std::string body) {
    ApiResponse answer;
    answer.status = status;
    answer.headers.emplace_back("Content-Type", "application/json");
    answer.body = std::move(body);
    return answer;
}

}  // namespace

TEST_CASE("a bulk job is read from what Salesforce tells of it") {
    const auto job = read_job(answer(
        200,
        R"({"id":"750R0000000zlh9IAA","operation":"insert","object":"Account","state":"Failed",
            "apiVersion":68.0,"numberRecordsProcessed":7,"numberRecordsFailed":2,
            "errorMessage":"InvalidBatch : Field name not found : Foo"})"));
    REQUIRE_MESSAGE(job.has_value(), job.error().message);
    CHECK(job->id == "750R0000000zlh9IAA");
    CHECK(job->state == BulkState::failed);
    CHECK(job->ended());
    CHECK(job->processed == 7);
    CHECK(job->failed == 2);
    CHECK(job_problem(*job).code == "bulk_job_failed");
    CHECK(job_problem(*job).remote_text == "InvalidBatch : Field name not found : Foo");
}

TEST_CASE("what is not a bulk job leaves open whether the call was done") {
    for (const char* body : {"", "[]", "{}", R"({"id":"../limits","state":"Open"})",
                             R"({"id":"750R0000000zlh9IAA","state":"Sleeping"})"}) {
        CAPTURE(body);
        const auto job = read_job(answer(200, body));
        REQUIRE(job.has_error());
        CHECK(job.error().fault == Fault::outcome_unknown);
    }
}

TEST_CASE("too many bulk jobs are a matter of time, a wrong job is the caller's") {
    const auto said = [](const char* code) {
        const std::string body = R"([{"errorCode":")" + std::string{code} + R"(","message":"m"}])";
        return read_job(answer(400, body)).error();
    };
    CHECK(said("LIMIT_EXCEEDED").fault == Fault::try_later);
    CHECK(said("EXCEEDEDQUOTA").fault == Fault::try_later);
    CHECK(said("INVALIDJOB").fault == Fault::bad_input);
    CHECK(said("INVALIDJOBSTATE").fault == Fault::conflict);
    CHECK(said("FEATURENOTENABLED").fault == Fault::misconfigured);
}

TEST_CASE("only an upsert takes an external id, and it needs one") {
    CHECK(ingest_job_json("Account", BulkOperation::upsert, "").error().code ==
          "external_id_required");
    CHECK(ingest_job_json("Account", BulkOperation::insert, "Key__c").error().code ==
          "external_id_not_wanted");
    CHECK(ingest_job_json("Account/x", BulkOperation::insert, "").error().code == "invalid_name");
    const auto json = ingest_job_json("Account", BulkOperation::remove, "");
    CHECK(json->find(R"("operation":"delete")") != std::string::npos);
}

TEST_CASE("a locator goes into the path encoded") {
    CHECK(query_results_path("750R0000000zlh9IAA", "a&b=/", 5) ==
          "/services/data/v68.0/jobs/query/750R0000000zlh9IAA/"
          "results?maxRecords=5&locator=a%26b%3D%2F");
}

TEST_CASE("records are cut into jobs that each have the header and no more bytes than allowed") {
    JobData data({"Name", "Note"}, 1000);
    std::vector<std::string> jobs;
    const std::vector<std::string> record{"Ada", std::string(90, 'x')};
    for (int i = 0; i < 25; ++i) {
        auto taken = data.add(record);
        REQUIRE(taken.has_value());
        if (*taken) continue;
        jobs.push_back(*data.job());
        data.begin_next_job();
        REQUIRE(data.add(record).value());
    }
    jobs.push_back(*data.job());
    CHECK(data.added() == 25);
    REQUIRE(jobs.size() == 3);
    std::size_t records = 0;
    for (const auto& job : jobs) {
        CHECK(job.size() <= 1000);
        CHECK(job.starts_with("Name,Note\n"));
        records += static_cast<std::size_t>(std::ranges::count(job, '\n')) - 1;
    }
    CHECK(records == 25);
}

TEST_CASE("CSV in pieces becomes the same records, and what cannot be loaded is refused") {
    JobData data({}, 1000);
    for (const char* piece : {"Na", "me,No", "te\r\n\"A,\"", "\"da\",x\r", "\nB,y"}) {
        REQUIRE(data.feed(piece).has_value());
        REQUIRE(data.move_on().value());
    }
    REQUIRE(data.finish().has_value());
    REQUIRE(data.finish().has_value());
    REQUIRE(data.move_on().value());
    CHECK(*data.job() == "Name,Note\n\"A,\"\"da\",x\nB,y\n");
    CHECK(data.added() == 2);

    CHECK(JobData({}, 1000).add(std::vector<std::string>{"x"}).error().code == "columns_required");
    CHECK(JobData({"A"}, 1000).add(std::vector<std::string>{"x", "y"}).error().code ==
          "csv_row_length");
    CHECK(JobData({"A"}, 1000).add(std::vector<std::string>{std::string(1000, 'x')}).error().code ==
          "csv_row_too_long");
    CHECK(JobData({"A"}, 1000).feed("B\n1\n").error().code == "csv_columns_differ");
    CHECK(JobData({"A"}, 999).check().error().code == "invalid_job_bytes");
    CHECK(JobData({"A"}, most_job_bytes + 1).check().error().code == "invalid_job_bytes");
}

}  // namespace latchkey::salesforce
