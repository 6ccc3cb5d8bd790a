#include "rest/bulk_load.h"

#include <utility>

namespace latchkey::rest {
namespace {

using salesforce::JobKind;

constexpr std::chrono::seconds patience_for_the_abort{10};

Error upload_failed(const std::string& id, Error why, bool aborted) {
    if (why.fault != Fault::outcome_unknown) {
        why.message +=
            aborted ? " The bulk job " + id + " was aborted; nothing of it was loaded."
                    : " The bulk job " + id + " stays open and loads nothing; delete it in Setup.";
        return why;
    }
    if (aborted) {
        return {Fault::try_later, "bulk_upload_aborted",
                "The upload to the bulk job " + id +
                    " was lost on its way, so the job was aborted and nothing of it was loaded. "
                    "Send the same records again.",
                std::move(why.remote_text)};
    }
    return {Fault::outcome_unknown, "bulk_upload_unknown",
            "The upload to the bulk job " + id +
                " was lost on its way, and the job could not be aborted. Look at it in Setup, and "
                "abort it there before the same records are sent again.",
            std::move(why.remote_text)};
}

}  // namespace

Task<bool> BulkLoadJobs::abort(std::string id) {
    const Deadline soon = Deadline::in(patience_for_the_abort);
    auto job =
        co_await set_job_state(place_, JobKind::ingest, std::move(id), BulkState::aborted, soon);
    co_return job && job->state == BulkState::aborted;
}

/// Telling that the data are complete may be repeated while the job is seen to be open.
Task<BulkJob> BulkLoadJobs::start(std::string id, Deadline by) {
    auto begun =
        co_await set_job_state(place_, JobKind::ingest, id, BulkState::upload_complete, by);
    if (begun) co_return begun;
    auto seen = co_await look_at_job(place_, JobKind::ingest, id, by);
    if (seen && seen->state != BulkState::open) co_return seen;
    if (seen && begun.error().fault == Fault::outcome_unknown) {
        begun = co_await set_job_state(place_, JobKind::ingest, id, BulkState::upload_complete, by);
        if (begun) co_return begun;
    }
    co_return begun.error();
}

Task<BulkJob> BulkLoadJobs::send(std::shared_ptr<BulkLoadJobs> self,
                                 std::shared_ptr<const std::string> csv, Deadline by) {
    auto json = salesforce::ingest_job_json(self->object_, self->operation_, self->external_id_);
    if (!json) co_return json.error();
    auto made = co_await create_job(self->place_, JobKind::ingest, std::move(*json), by);
    if (!made) co_return made.error();
    const std::string id = made->id;

    auto taken = co_await upload(self->place_, id, std::move(csv), by);
    if (!taken) {
        auto aborted = co_await self->abort(id);
        co_return upload_failed(id, taken.error(), aborted && *aborted);
    }
    auto begun = co_await self->start(id, by);
    if (!begun && begun.error().fault != Fault::outcome_unknown) {
        auto aborted = co_await self->abort(id);
        co_return upload_failed(id, begun.error(), aborted && *aborted);
    }
    if (!begun) {
        co_return Error{Fault::outcome_unknown, "bulk_start_unknown",
                        "The bulk job " + id +
                            " has its data, but it is not known whether it has begun. Look at it "
                            "in Setup before the same records are sent again.",
                        begun.error().remote_text};
    }
    self->watches_.push_back(
        std::make_unique<JobWatch>(self->place_, JobKind::ingest, *begun, self->board_));
    co_return std::move(*begun);
}

Task<bool> BulkLoadJobs::wait(std::shared_ptr<BulkLoadJobs> self, Deadline by) {
    auto turn = co_await self->turn_.take(by);
    if (!turn) co_return turn.error();
    self->interrupted_ = false;
    bool all = true;
    std::optional<Error> failed;
    // By number: more may be sent while this waits for an earlier caller's sake.
    for (std::size_t i = 0; i < self->watches_.size() && all && !failed; ++i) {
        auto seen = co_await self->watches_[i]->until_ended(by);
        if (!seen) failed = seen.error();
        all = seen && seen->ended() && !self->interrupted_;
    }
    self->turn_.give_back();
    if (failed) co_return std::move(*failed);
    co_return all;
}

void BulkLoadJobs::interrupt() {
    interrupted_ = true;
    for (const auto& watch : watches_) watch->interrupt();
}

}  // namespace latchkey::rest
