#pragma once

#include <memory>
#include <utility>

#include <latchkey/bulk_jobs.h>
#include <latchkey/csv.h>
#include <latchkey/task.h>
#include <latchkey/time.h>

#include "rest/job_board.h"
#include "rest/page_slip.h"
#include "rest/turn.h"

namespace latchkey::rest {

/// What one step of a stream of rows came to: a page, which has no rows after the last; or null while
/// the job has not ended yet.
using RowBatch = std::shared_ptr<PageSlip<CsvPage>>;

/// Rows of a bulk job, page after page. Lives on one loop, and is let go there.
class RowSource : public std::enable_shared_from_this<RowSource> {
public:
    virtual ~RowSource() = default;

    /// A step that has begun goes on where its caller gives up, up to two minutes after `by`; the
    /// next one waits for it and gets its page. After an error the same page can be asked for again.
    Task<RowBatch> next(Deadline by) { return one_at_a_time(shared_from_this(), by); }
    /// Ends a wait for the job; what is being read is read to its end.
    virtual void interrupt() {}
    /// Nobody wants more. What Salesforce still does or keeps for it is ended where that can be done
    /// within seconds.
    virtual void drop() {}

    /// The job, if there is one yet. From any thread.
    std::vector<BulkJob> jobs() const { return board_->all(); }

protected:
    virtual Task<RowBatch> step(std::shared_ptr<RowSource> self, Deadline by) = 0;
    std::shared_ptr<JobBoard> board_ = std::make_shared<JobBoard>();

private:
    static Task<RowBatch> one_at_a_time(std::shared_ptr<RowSource> self, Deadline by) {
        auto turn = co_await self->turn_.take(by);
        if (!turn) co_return turn.error();
        if (!self->given_ || self->given_->claimed) {
            auto batch = co_await self->step(self, by);
            self->turn_.give_back();
            if (batch) self->given_ = *batch;
            co_return batch;
        }
        self->turn_.give_back();
        co_return self->given_;
    }

    Turn turn_;
    RowBatch given_;
};

}  // namespace latchkey::rest
