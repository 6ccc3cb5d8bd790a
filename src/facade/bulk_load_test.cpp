#include <latchkey/bulk.h>

#include <doctest/doctest.h>

#include "facade/bulk_bench.h"

namespace latchkey {
namespace {

using test::BulkBench;
using test::ingest;

const std::string lost_before = R"("when": "before", "reset": true)";
const std::string lost_after = R"("when": "after", "reset": true)";

Task<std::vector<BulkJob>> load_three(BulkLoad* load) {
    const Deadline by = Deadline::in(std::chrono::seconds{30});
    for (int i = 0; i < 3; ++i) {
        std::vector<std::string> record{"Async " + std::to_string(i)};
        auto taken = co_await load->async_add(std::move(record), by);
        if (!taken) co_return taken.error();
    }
    auto jobs = co_await load->async_finish(by);
    co_return jobs;
}

}  // namespace

TEST_CASE("records are loaded by as many jobs as their bytes need") {
    BulkBench bench;
    BulkLoadOptions options;
    options.job_bytes = 20'000;
    auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name", "Description"}, options);
    for (int i = 0; i < 500; ++i) {
        const auto taken =
            load.add({"Loaded " + std::to_string(i), std::string(100, 'x') + ",\"\n"});
        REQUIRE_MESSAGE(taken.has_value(), taken.error().message);
    }
    const auto jobs = load.finish();
    REQUIRE_MESSAGE(jobs.has_value(), jobs.error().message);
    CHECK(load.added() == 500);
    CHECK(jobs->size() == 3);
    std::int64_t processed = 0;
    for (const auto& job : *jobs) {
        CHECK(job.state == BulkState::complete);
        CHECK(job.failed == 0);
        processed += job.processed;
    }
    CHECK(processed == 500);
    CHECK(bench.accounts("Name LIKE 'Loaded %'") == 500);
    // Asked again, nothing is sent again.
    REQUIRE(load.finish().has_value());
    CHECK(bench.jobs(ingest).size() == 3);

    std::int64_t listed = 0;
    for (const auto& job : *jobs) {
        auto rows = bench.bulk.results(job.id, BulkOutcome::successful);
        const auto taken = rows.for_each([&](const CsvRow& row) {
            CHECK(row.text("sf__Created") == "true");
            CHECK(row.text("sf__Id").value().starts_with("001"));
            return row.text("Name").value().starts_with("Loaded ");
        });
        listed += taken.value();
    }
    CHECK(listed == 500);
}

TEST_CASE("a load in a program's own loop does the same") {
    BulkBench bench;
    auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name"});
    const auto jobs = bench.await(load_three(&load));
    REQUIRE_MESSAGE(jobs.has_value(), jobs.error().message);
    CHECK(jobs->at(0).processed == 3);
    CHECK(bench.accounts("Name LIKE 'Async %'") == 3);
}

TEST_CASE("an upload may be larger than any call, and survives the end of its session") {
    BulkBench bench;
    auto load = bench.bulk.load("Account", BulkOperation::insert, {});
    std::string csv = "Name,Description\n";
    const std::string note(30'000, 'n');
    for (int i = 0; i < 200; ++i) csv += "Large " + std::to_string(i) + "," + note + "\n";
    for (std::size_t at = 0; at < csv.size(); at += 65'536) {
        REQUIRE(load.add_csv(std::string_view{csv}.substr(at, 65'536)).has_value());
    }
    bench.expire_sessions();
    const auto jobs = load.finish();
    REQUIRE_MESSAGE(jobs.has_value(), jobs.error().message);
    CHECK(jobs->size() == 1);
    CHECK(jobs->at(0).processed == 200);
    std::size_t bytes = 0;
    auto rows = bench.bulk.results(jobs->at(0).id, BulkOutcome::successful);
    REQUIRE(rows.for_each([&](const CsvRow& row) {
                    bytes += row.text("Description").value().size();
                    return true;
                })
                .has_value());
    CHECK(bytes == 200 * note.size());
}

TEST_CASE("records that Salesforce refuses are listed with its reasons") {
    BulkBench bench;
    auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name", "Industry"});
    REQUIRE(load.add({"Good", "Energy"}).has_value());
    REQUIRE(load.add({"", "Energy"}).has_value());
    const auto jobs = load.finish();
    REQUIRE(jobs.has_value());
    CHECK(jobs->at(0).failed == 1);
    const auto refused = bench.bulk.results(jobs->at(0).id, BulkOutcome::failed).next();
    REQUIRE_MESSAGE(refused.has_value(), refused.error().message);
    REQUIRE(refused->size() == 1);
    CHECK((*refused)[0].text("sf__Error").value().starts_with("REQUIRED_FIELD_MISSING"));
    CHECK((*refused)[0].text("Industry") == "Energy");
    CHECK(bench.bulk.results(jobs->at(0).id, BulkOutcome::unprocessed).next().value().empty());
    CHECK(bench.bulk.results("x/../y", BulkOutcome::failed).next().error().code == "invalid_id");
    CHECK(bench.bulk.job(jobs->at(0).id).value().processed == 2);
}

TEST_CASE("records are upserted, changed and deleted in bulk") {
    BulkBench bench;
    BulkLoadOptions keyed;
    keyed.external_id = "External_Id__c";
    for (const bool created : {true, false}) {
        auto load =
            bench.bulk.load("Account", BulkOperation::upsert, {"External_Id__c", "Name"}, keyed);
        REQUIRE(load.add({"K-1", "Keyed"}).has_value());
        const auto jobs = load.finish();
        REQUIRE_MESSAGE(jobs.has_value(), jobs.error().message);
        const auto done = bench.bulk.results(jobs->at(0).id, BulkOutcome::successful).next();
        CHECK((*done)[0].text("sf__Created") == (created ? "true" : "false"));
    }
    const auto found = bench.rest.query("SELECT Id FROM Account WHERE Name = 'Keyed'").next();
    const auto id = found->at(0).text("Id").value();
    auto update = bench.bulk.load("Account", BulkOperation::update, {"Id", "Name"});
    REQUIRE(update.add({id, "Changed"}).has_value());
    REQUIRE(update.finish().has_value());
    CHECK(bench.accounts("Name = 'Changed'") == 1);
    auto remove = bench.bulk.load("Account", BulkOperation::remove, {"Id"});
    REQUIRE(remove.add({id}).has_value());
    REQUIRE(remove.finish().has_value());
    CHECK(bench.accounts("Name = 'Changed'") == 0);
    CHECK(bench.bulk.load("Account", BulkOperation::upsert, {"Id"}).finish().value().empty());
}

TEST_CASE("a bulk job that fails as a whole says why, and nobody repeats it") {
    BulkBench bench;
    auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name", "Nonsense__c"});
    REQUIRE(load.add({"Lost", "x"}).has_value());
    const auto failed = load.finish();
    REQUIRE(failed.has_error());
    CHECK(failed.error().code == "bulk_job_failed");
    CHECK(failed.error().fault == Fault::bad_input);
    CHECK(failed.error().remote_text == "InvalidBatch : Field name not found : Nonsense__c");
    REQUIRE(load.jobs().size() == 1);
    CHECK(failed.error().message.find(load.jobs().at(0).id) != std::string::npos);
    CHECK(load.finish().error().code == "bulk_job_failed");
    CHECK(bench.jobs(ingest).size() == 1);
}

TEST_CASE("CSV that cannot be read is refused before a job is made") {
    BulkBench bench;
    auto load = bench.bulk.load("Account", BulkOperation::insert, {});
    REQUIRE(load.add_csv("Name\nAda\n").has_value());
    CHECK(load.add_csv("Ba\"d\n").error().code == "csv_stray_quote");
    CHECK(load.add_csv("Good\n").error().code == "csv_stray_quote");
    CHECK(load.finish().error().code == "csv_stray_quote");
    auto open_quote = bench.bulk.load("Account", BulkOperation::insert, {});
    REQUIRE(open_quote.add_csv("Name\n\"Ada\n").has_value());
    CHECK(open_quote.finish().error().code == "csv_quote_open");
    CHECK(bench.jobs(ingest).empty());
}

TEST_CASE(
    "a lost upload is not repeated: its job is aborted, named, and nothing of it was loaded") {
    BulkBench bench;
    for (const auto& lost : {lost_before, lost_after}) {
        bench.befall({"", lost});  // making the job, uploading
        auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name"});
        REQUIRE(load.add({"Once"}).has_value());
        const auto failed = load.finish();
        REQUIRE(failed.has_error());
        CHECK(failed.error().code == "bulk_upload_aborted");
        CHECK(failed.error().fault == Fault::try_later);
        const auto jobs = bench.jobs(ingest);
        const auto id = boost::json::value_to<std::string>(jobs.back().at("id"));
        CHECK(failed.error().message.find(id) != std::string::npos);
        CHECK(jobs.back().at("state") == "Aborted");
        CHECK(bench.accounts("Name = 'Once'") == 0);
        // The caller decides, and then it is one job more.
        const auto again = load.finish();
        REQUIRE_MESSAGE(again.has_value(), again.error().message);
        CHECK(bench.accounts("Name = 'Once'") == 1);
        REQUIRE(
            bench.rest
                .remove("Account", bench.rest.query("SELECT Id FROM Account WHERE Name = 'Once'")
                                       .next()
                                       ->at(0)
                                       .text("Id")
                                       .value())
                .has_value());
    }
}

TEST_CASE("an upload that is lost together with its abort has to be looked up") {
    BulkBench bench;
    bench.befall({"", lost_after, lost_before});  // making the job, uploading, aborting
    auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name"});
    REQUIRE(load.add({"Unknown"}).has_value());
    const auto failed = load.finish();
    REQUIRE(failed.has_error());
    CHECK(failed.error().code == "bulk_upload_unknown");
    CHECK(failed.error().fault == Fault::outcome_unknown);
    CHECK(load.add({"More"}).error().code == "bulk_upload_unknown");
    CHECK(load.finish().error().code == "bulk_upload_unknown");
    CHECK(bench.jobs(ingest).size() == 1);
    CHECK(bench.accounts("Name = 'Unknown'") == 0);
}

TEST_CASE("a job whose start was lost is looked at, and started again only if it is still open") {
    BulkBench bench;
    for (const auto& lost : {lost_before, lost_after}) {
        bench.befall({"", "", lost});  // making the job, uploading, starting
        auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name"});
        REQUIRE(load.add({"Started"}).has_value());
        const auto jobs = load.finish();
        REQUIRE_MESSAGE(jobs.has_value(), jobs.error().message);
    }
    CHECK(bench.jobs(ingest).size() == 2);
    CHECK(bench.accounts("Name = 'Started'") == 2);
}

TEST_CASE("too many bulk jobs are told as a matter of time") {
    BulkBench bench;
    for (int i = 0; i < 100; ++i) {
        bench.ask(ingest, "POST", R"({"object": "Account", "operation": "insert"})");
    }
    auto load = bench.bulk.load("Account", BulkOperation::insert, {"Name"});
    REQUIRE(load.add({"Late"}).has_value());
    const auto refused = load.finish();
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == "limit_exceeded");
    CHECK(refused.error().fault == Fault::try_later);
    bench.ask(ingest + "/" + boost::json::value_to<std::string>(bench.jobs(ingest).at(0).at("id")),
              "PATCH", R"({"state": "Aborted"})");
    CHECK(load.finish().has_value());
}

}  // namespace latchkey
