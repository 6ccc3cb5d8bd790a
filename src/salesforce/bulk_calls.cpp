#include "salesforce/bulk_calls.h"

#include <array>
#include <utility>

#include <boost/json.hpp>

#include "base/text.h"
#include "salesforce/errors.h"
#include "salesforce/rest_names.h"

namespace latchkey {
namespace {

constexpr std::array<std::pair<BulkState, const char*>, 6> states{{
    {BulkState::open, "Open"},
    {BulkState::upload_complete, "UploadComplete"},
    {BulkState::in_progress, "InProgress"},
    {BulkState::complete, "JobComplete"},
    {BulkState::failed, "Failed"},
    {BulkState::aborted, "Aborted"},
}};

}  // namespace

const char* name(BulkState state) noexcept {
    for (const auto& [one, text] : states) {
        if (one == state) return text;
    }
    return "Failed";
}

namespace salesforce {
namespace json = boost::json;
namespace {

constexpr std::size_t most_soql_bytes = 100000;

std::string_view name(BulkOperation operation) {
    switch (operation) {
        case BulkOperation::insert:
            return "insert";
        case BulkOperation::update:
            return "update";
        case BulkOperation::upsert:
            return "upsert";
        case BulkOperation::remove:
            return "delete";
        case BulkOperation::hard_remove:
            return "hardDelete";
    }
    return "insert";
}

std::string text_of(const json::object& from, std::string_view member) {
    const auto* value = from.if_contains(member);
    if (value == nullptr || !value->is_string()) return "";
    return {value->get_string().data(), value->get_string().size()};
}

std::int64_t number_of(const json::object& from, std::string_view member) {
    const auto* value = from.if_contains(member);
    if (value == nullptr || !value->is_number()) return 0;
    boost::system::error_code inexact;
    const auto number = value->to_number<std::int64_t>(inexact);
    return inexact ? 0 : number;
}

Error unreadable() {
    return {Fault::outcome_unknown, "upstream_invalid_response",
            "Salesforce's answer is not a bulk job. The call may have been done; look at Bulk Data "
            "Load Jobs in Setup before repeating it."};
}

}  // namespace

std::string jobs_path(JobKind kind) {
    return std::string{data_root} + (kind == JobKind::query ? "/jobs/query" : "/jobs/ingest");
}

std::string job_path(JobKind kind, std::string_view id, std::string_view below) {
    std::string path = jobs_path(kind);
    path.append("/").append(id);
    if (!below.empty()) path.append("/").append(below);
    return path;
}

std::string query_results_path(std::string_view id, std::string_view locator, std::size_t rows) {
    std::string path = job_path(JobKind::query, id, "results?maxRecords=") + std::to_string(rows);
    if (!locator.empty()) path += "&locator=" + percent_encode(locator);
    return path;
}

std::string_view results_name(BulkOutcome outcome) {
    switch (outcome) {
        case BulkOutcome::successful:
            return "successfulResults";
        case BulkOutcome::failed:
            return "failedResults";
        case BulkOutcome::unprocessed:
            return "unprocessedrecords";
    }
    return "successfulResults";
}

Result<std::string> query_job_json(std::string_view soql, bool all_rows) {
    if (soql.empty() || soql.size() > most_soql_bytes) {
        return Error{Fault::bad_input, "invalid_soql",
                     "A SOQL query has 1 to 100,000 characters. Give one, such as SELECT Id FROM "
                     "Account."};
    }
    return json::serialize(json::object{{"operation", all_rows ? "queryAll" : "query"},
                                        {"query", soql},
                                        {"contentType", "CSV"},
                                        {"columnDelimiter", "COMMA"},
                                        {"lineEnding", "LF"}});
}

Result<std::string> ingest_job_json(std::string_view object, BulkOperation operation,
                                    std::string_view external_id) {
    if (auto fits = check_name(object); !fits) return fits.error();
    json::object wish{{"object", object},
                      {"operation", name(operation)},
                      {"contentType", "CSV"},
                      {"columnDelimiter", "COMMA"},
                      {"lineEnding", "LF"}};
    const bool keyed = operation == BulkOperation::upsert;
    if (keyed && external_id.empty()) {
        return Error{Fault::bad_input, "external_id_required",
                     "An upsert finds its records by an external id field. Name it; Id is one."};
    }
    if (!keyed && !external_id.empty()) {
        return Error{Fault::bad_input, "external_id_not_wanted",
                     "Only an upsert takes an external id field. Leave it out, or upsert."};
    }
    if (keyed) {
        if (auto fits = check_name(external_id); !fits) return fits.error();
        wish["externalIdFieldName"] = external_id;
    }
    return json::serialize(wish);
}

std::string state_json(BulkState state) {
    return json::serialize(json::object{{"state", latchkey::name(state)}});
}

Result<BulkJob> read_job(const ApiResponse& answer) {
    if (answer.status < 200 || answer.status >= 300) {
        return rest_problem(answer.status, answer.header("Content-Type").value_or(""), answer.body);
    }
    boost::system::error_code failed;
    const auto value = json::parse(answer.body, failed);
    if (failed || !value.is_object()) return unreadable();
    const auto& told = value.get_object();
    BulkJob job;
    job.id = text_of(told, "id");
    if (!check_id(job.id)) return unreadable();
    job.object = text_of(told, "object");
    job.processed = number_of(told, "numberRecordsProcessed");
    job.failed = number_of(told, "numberRecordsFailed");
    job.error_message = printable(text_of(told, "errorMessage"));
    const auto state = text_of(told, "state");
    for (const auto& [one, text] : states) {
        if (state != text) continue;
        job.state = one;
        return job;
    }
    return unreadable();
}

Error job_problem(const BulkJob& job) {
    if (job.state == BulkState::aborted) {
        return {Fault::conflict, "bulk_job_aborted",
                "The bulk job " + job.id +
                    " was aborted by somebody. What it had not reached is among its unprocessed "
                    "records; start another job for it.",
                job.error_message};
    }
    return {Fault::bad_input, "bulk_job_failed",
            "Salesforce could not do the bulk job " + job.id +
                ". Correct what its message names; what was not reached is among the job's "
                "unprocessed records.",
            job.error_message};
}

}  // namespace salesforce
}  // namespace latchkey
