#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/generated.h"
#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

enum class JobState { open, upload_complete, in_progress, complete, aborted, failed };

/// One Bulk API 2.0 job, of either kind.
struct Job {
    std::string id;  ///< key prefix 750
    std::string user_id;
    int version = 0;
    WallTime created, changed;
    bool query = false;
    std::string operation;
    const ObjectDef* object = nullptr;
    std::optional<std::size_t> external_id;  ///< of upsert
    char delimiter = ',';
    std::string delimiter_name = "COMMA", line_ending = "LF";
    JobState state = JobState::open;
    std::string error_message;
    std::int64_t processed = 0, refused = 0;

    // Ingest: what was uploaded, and the lines of the three results without their header lines.
    std::string upload, header, successful, failed, unprocessed;

    // Query.
    std::vector<Selected> selected;
    std::vector<std::size_t> rows;
    std::optional<Span> generated;
};

/// All jobs of the org. What they hold is bounded: 100 jobs, 32 MiB an upload, 128 MiB in all; a new
/// one pushes out the oldest that has ended.
class Jobs {
public:
    static constexpr std::size_t most = 100;
    static constexpr std::size_t most_bytes = 128 * 1024 * 1024;

    /// errors  400 LIMIT_EXCEEDED: 100 jobs wait
    Outcome<Job*> add(Job job);
    /// nullptr if the user has none of that id and kind.
    Job* find(std::string_view id, bool query, const std::string& user_id);
    void erase(const Job& job);
    std::size_t bytes() const;
    const std::deque<Job>& all() const { return jobs_; }

private:
    std::deque<Job> jobs_;
    std::uint64_t made_ = 0;
};

/// Everything below jobs/ingest and jobs/query. A job's state moves when it is asked for: the first
/// look after the upload finds it in progress, the next one finds it done. So nobody needs a clock,
/// and each client meets every state.
/// source  Bulk API 2.0 and Bulk API Developer Guide
Reply answer_jobs(const Call& call, Org& org, Jobs& jobs);

/// Does what the upload asks for. Leaves the job complete, or failed with a message.
void run_ingest(const Call& call, Org& org, Job& job);

/// POST jobs/query, and the results of one.
Reply open_query_job(const Call& call, Org& org, Jobs& jobs);
Reply query_results(const Call& call, Org& org, const Job& job);

/// Sets delimiter and line ending as the request wishes.
/// errors  400 INVALIDJOB
std::optional<ApiError> read_csv_form(const boost::json::object& wish, Job& job);
boost::json::object show_job(const Job& job);

}  // namespace latchkey::emulator::rest
