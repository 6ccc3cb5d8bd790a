#pragma once

#include <memory>
#include <utility>

#include <latchkey/bulk_jobs.h>
#include <latchkey/csv.h>
#include <latchkey/task.h>
#include <latchkey/time.h>

namespace latchkey::rest {

/// What one step of a stream of rows came to.
struct RowBatch {
    CsvPage page;          ///< without rows: that was all, unless `waiting`
    BulkJob job;           ///< as last seen; its id is empty if nothing was asked of it
    bool waiting = false;  ///< the job has not ended yet
    RowBatch() = default;
};

/// Rows of a bulk job, page after page. Lives on one loop, and is let go there.
class RowSource : public std::enable_shared_from_this<RowSource> {
public:
    virtual ~RowSource() = default;
    /// After an error the same page can be asked for again.
    /// errors  conflict stream_busy: the page before is still on its way
    Task<RowBatch> next(Deadline by) { return one_at_a_time(shared_from_this(), by); }
    /// Ends a wait for the job; what is being read is read to its end.
    virtual void interrupt() {}
    /// Nobody wants more. What Salesforce still does or keeps for it is ended where that can be done
    /// within seconds.
    virtual void drop() {}

protected:
    virtual Task<RowBatch> step(std::shared_ptr<RowSource> self, Deadline by) = 0;

private:
    static Task<RowBatch> one_at_a_time(std::shared_ptr<RowSource> self, Deadline by) {
        if (self->busy_) {
            co_return Error{Fault::conflict, "stream_busy",
                            "The page that was asked for before is still on its way. Wait for it."};
        }
        self->busy_ = true;
        auto batch = co_await self->step(self, by);
        self->busy_ = false;
        co_return batch;
    }
    bool busy_ = false;
};

}  // namespace latchkey::rest
