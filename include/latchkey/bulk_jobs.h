#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

namespace latchkey {

/// What a bulk job does with the records that it is given.
enum class BulkOperation {
    insert,
    update,       ///< by the column Id
    upsert,       ///< by an external id field
    remove,       ///< "delete"; by the column Id. Records go to the recycle bin
    hard_remove,  ///< "hardDelete"; needs a permission of its own
};

enum class BulkState {
    open,             ///< waits for its data
    upload_complete,  ///< waits for its turn
    in_progress,
    complete,
    failed,
    aborted,
};
/// As Salesforce writes it: "JobComplete", ...
const char* name(BulkState state) noexcept;

/// A job of Bulk API 2.0, as Salesforce last told. It keeps jobs and their results for seven days.
struct BulkJob {
    std::string id;  ///< begins with 750
    std::string object;
    BulkState state = BulkState::open;
    std::int64_t processed = 0;  ///< records so far
    std::int64_t failed = 0;     ///< of these; only of jobs that write
    std::string error_message;   ///< Salesforce's words where the whole job failed
    BulkJob() = default;
    bool ended() const {
        return state == BulkState::complete || state == BulkState::failed ||
               state == BulkState::aborted;
    }
};

/// Whose records a stream of results has.
enum class BulkOutcome {
    successful,   ///< first columns sf__Id and sf__Created, then those that were sent
    failed,       ///< first columns sf__Id and sf__Error, then those that were sent
    unprocessed,  ///< the columns that were sent
};

/// How to ask a bulk query.
struct BulkQueryOptions {
    bool all_rows = false;          ///< deleted and archived records too
    std::size_t page_size = 20000;  ///< rows a page at most; a page over 16 MiB is asked for again
                                    ///< with half as many
    std::chrono::milliseconds patience = std::chrono::hours{1};  ///< of each blocking call
    std::stop_token stop;  ///< ends a blocking wait with code cancelled
    BulkQueryOptions() = default;
};

/// How to load records.
struct BulkLoadOptions {
    std::string external_id;  ///< the field by which an upsert finds its records
    std::size_t job_bytes =
        100'000'000;  ///< of one job's CSV, 1,000 to 100,000,000. So much is held
                      ///< in memory until it is sent
    std::chrono::milliseconds patience = std::chrono::hours{1};  ///< of each blocking call
    std::stop_token stop;  ///< ends a blocking wait with code cancelled
    BulkLoadOptions() = default;
};

}  // namespace latchkey
