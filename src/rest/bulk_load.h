#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rest/job_watch.h"
#include "rest/turn.h"

namespace latchkey::rest {

/// The ingest jobs of one load: each gets its data in one upload and is then watched. Lives on one
/// loop.
///
/// Salesforce does nothing with a job's data before it is told that they are complete, so a job whose
/// upload failed, or may have come, is aborted and nothing of it is loaded.
class BulkLoadJobs {
public:
    BulkLoadJobs(Place place, std::string object, BulkOperation operation, std::string external_id)
        : place_(std::move(place)),
          object_(std::move(object)),
          operation_(operation),
          external_id_(std::move(external_id)) {}

    /// Makes a job for `csv`, uploads it and tells Salesforce to begin.
    /// returns  the job
    /// errors   those of ingest_job_json and of the calls; the message names the job there is
    ///          try_later        bulk_upload_aborted: nothing was loaded; the same may be sent again
    ///          outcome_unknown  bulk_upload_unknown: the upload was lost, and so was the wish to
    ///                           abort the job · bulk_start_unknown: the job may have begun
    static Task<BulkJob> send(std::shared_ptr<BulkLoadJobs> self,
                              std::shared_ptr<const std::string> csv, Deadline by);

    /// returns  true when all jobs have ended; false at `by`, or after `interrupt`
    /// errors   those of JobWatch::until_ended
    static Task<bool> wait(std::shared_ptr<BulkLoadJobs> self, Deadline by);
    void interrupt();

    /// In the order in which they were sent. From any thread.
    std::vector<BulkJob> jobs() const { return board_->all(); }

private:
    Task<BulkJob> start(std::string id, Deadline by);
    /// True if Salesforce says that it will do nothing with the job's data.
    Task<bool> abort(std::string id);

    Place place_;
    std::string object_;
    BulkOperation operation_;
    std::string external_id_;
    std::vector<std::unique_ptr<JobWatch>> watches_;
    std::shared_ptr<JobBoard> board_ = std::make_shared<JobBoard>();
    Turn turn_;  ///< of waiting
    bool interrupted_ = false;
};

}  // namespace latchkey::rest
