#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/basic_waitable_timer.hpp>

#include "rest/bulk_calls.h"
#include "rest/job_board.h"

namespace latchkey::rest {

/// Looks at a bulk job until it has ended, with pauses that double from a quarter of a second to
/// eight, because each look is one of the org's API calls. Lives on one loop.
class JobWatch {
public:
    /// `job` goes on the board, and so does what becomes of it.
    JobWatch(Place place, salesforce::JobKind kind, BulkJob job, std::shared_ptr<JobBoard> board)
        : place_(std::move(place)),
          kind_(kind),
          job_(std::move(job)),
          board_(std::move(board)),
          number_(board_->add(job_)) {}

    /// The object must live until this is done.
    ///
    /// returns  the job when it has ended, however; or as it was seen last, if `by` came before or
    ///          `interrupt` was called. A look that has begun is waited for
    /// errors   those of look_at_job. Up to five lost or refused looks in a row are repeated first,
    ///          where waiting may help
    Task<BulkJob> until_ended(Deadline by);
    void interrupt();
    const BulkJob& job() const { return job_; }

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

    Place place_;
    salesforce::JobKind kind_;
    BulkJob job_;
    std::shared_ptr<JobBoard> board_;
    std::size_t number_;
    std::chrono::milliseconds pause_{250};
    std::optional<SteadyTime> next_look_;  ///< kept between calls, so that short ones get there too
    int failures_ = 0;
    bool interrupted_ = false;
    std::optional<Timer> timer_;  ///< while it waits
};

}  // namespace latchkey::rest
