#pragma once

#include <string>
#include <string_view>

#include <latchkey/api.h>
#include <latchkey/bulk_jobs.h>
#include <latchkey/error.h>

/// Bulk API 2.0 as text: what its calls say, and what their answers mean.
/// source  Bulk API 2.0 and Bulk API Developer Guide; tests against the emulator
namespace latchkey::salesforce {

enum class JobKind { query, ingest };

/// Salesforce takes 150 MB in base64, which is so much before it.
inline constexpr std::size_t most_job_bytes = 100'000'000;

/// "/services/data/v68.0/jobs/query" and what is below one job of it. `id` is one that Salesforce
/// gave and `check_id` took.
std::string jobs_path(JobKind kind);
std::string job_path(JobKind kind, std::string_view id, std::string_view below = {});
/// Where a page of a query's results is; `locator` is empty for the first.
std::string query_results_path(std::string_view id, std::string_view locator, std::size_t rows);
std::string_view results_name(BulkOutcome outcome);

/// errors  bad_input invalid_soql: empty, or over 100,000 characters
Result<std::string> query_job_json(std::string_view soql, bool all_rows);
/// errors  bad_input invalid_name · external_id_required, external_id_not_wanted
Result<std::string> ingest_job_json(std::string_view object, BulkOperation operation,
                                    std::string_view external_id);
std::string state_json(BulkState state);

/// errors  what an answer that is no 2xx means · outcome_unknown upstream_invalid_response
Result<BulkJob> read_job(const ApiResponse& answer);

/// What a job that did not come to a good end means to its caller; its words are Salesforce's.
/// errors of it  bad_input bulk_job_failed · conflict bulk_job_aborted
Error job_problem(const BulkJob& job);

}  // namespace latchkey::salesforce
