#pragma once

#include <memory>
#include <string>

#include <latchkey/bulk_jobs.h>

#include "rest/place.h"
#include "salesforce/bulk_calls.h"

/// The calls of Bulk API 2.0, each one call. `place.port` is held until it is done.
/// errors of all  what Salesforce's refusal means · those of ApiPort
namespace latchkey::rest {

/// json  what query_job_json or ingest_job_json made
Task<BulkJob> create_job(Place place, salesforce::JobKind kind, std::string json, Deadline by);
/// errors  bad_input invalid_id
Task<BulkJob> look_at_job(Place place, salesforce::JobKind kind, std::string id, Deadline by);
Task<BulkJob> set_job_state(Place place, salesforce::JobKind kind, std::string id, BulkState state,
                            Deadline by);
Task<bool> delete_job(Place place, salesforce::JobKind kind, std::string id, Deadline by);
/// All of an ingest job's data. Sent once: never repeated where it may have come.
Task<bool> upload(Place place, std::string id, std::shared_ptr<const std::string> csv, Deadline by);

/// Opens an answer that is CSV.
Task<OpenedAnswer> open_csv(Place place, std::string target, Deadline by);
/// The next piece of one, for which a minute is allowed, and no more than until `by`.
/// errors  try_later upstream_answer_lost: reading is safe to repeat
Task<std::string> read_piece(AnswerBody& body, Deadline by);
/// What Salesforce's CSV that is none means: try_later upstream_invalid_response.
Error unreadable_csv(const Error& found);

}  // namespace latchkey::rest
