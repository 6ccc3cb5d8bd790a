#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/basic_waitable_timer.hpp>

#include "rest/job_watch.h"
#include "rest/row_source.h"

namespace latchkey::rest {

/// The results of one bulk query: makes the job, waits for it, and reads its pages, at most one ahead
/// of the caller.
class BulkPages final : public RowSource {
public:
    BulkPages(Place place, std::string soql, BulkQueryOptions options)
        : place_(std::move(place)), soql_(std::move(soql)), options_(std::move(options)) {}

    void interrupt() override;
    /// A job that has not ended is aborted; results that were not read to their end are deleted.
    void drop() override;

protected:
    /// errors  bad_input invalid_soql, invalid_page_size · those of job_problem and of the calls
    Task<RowBatch> step(std::shared_ptr<RowSource> self, Deadline by) override;

private:
    struct Page {
        CsvPage rows;
        std::string next;  ///< locator; empty: this was the last
        Page() = default;
    };
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

    Task<bool> make_job();
    Task<CsvPage> next_page(std::shared_ptr<BulkPages> self);
    static Task<Page> fetch(std::shared_ptr<BulkPages> self, std::string locator);
    Task<Page> read_page(OpenedAnswer answer, Deadline by);
    static Async<void> fetch_ahead(std::shared_ptr<BulkPages> self, std::string locator);
    static Async<void> end_job(Place place, BulkJob job);

    Place place_;
    std::string soql_;
    BulkQueryOptions options_;
    std::optional<JobWatch> watch_;  ///< once the job is made
    std::shared_ptr<const CsvPage::Names> columns_;
    std::optional<Executor> loop_;

    std::string locator_;  ///< of the page that comes next
    bool done_ = false;
    bool dropped_ = false;
    bool fetching_ = false;  ///< that page is on its way
    std::optional<Result<Page>> ahead_;
    std::optional<Timer> arrived_;  ///< cancelled when it is there
};

}  // namespace latchkey::rest
