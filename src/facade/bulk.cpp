#include <latchkey/bulk.h>

#include <utility>

#include "facade/rest_impl.h"
#include "facade/stoppable_wait.h"
#include "rest/bulk_pages.h"
#include "rest/bulk_results.h"

// The face of the bulk API but for loading: jobs and their rows, in two forms each.
namespace latchkey {
namespace {

constexpr std::chrono::seconds patience{60};

Error still_running(const BulkJob& job) {
    return {Fault::try_later, "bulk_job_running",
            "The bulk job " + job.id + " has not ended yet. Ask again to go on waiting."};
}

}  // namespace

struct BulkRows::Impl {
    std::shared_ptr<ApiHost> host;
    std::shared_ptr<rest::RowSource> source;
    std::chrono::milliseconds patience;
    std::stop_token stop;

    Impl(std::shared_ptr<ApiHost> h, std::shared_ptr<rest::RowSource> s,
         std::chrono::milliseconds p, std::stop_token stopping)
        : host(std::move(h)), source(std::move(s)), patience(p), stop(std::move(stopping)) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        // What the source holds belongs to the loop.
        boost::asio::post(host->loop(), [source = std::move(source)] { source->drop(); });
    }

    BulkJob job() const {
        const auto jobs = source->jobs();
        return jobs.empty() ? BulkJob{} : jobs.front();
    }
    Result<CsvPage> taken(Result<rest::RowBatch> batch) const {
        if (!batch) return batch.error();
        if (!*batch) return still_running(job());
        return (*batch)->claim();
    }
};

BulkRows::BulkRows(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BulkRows::BulkRows(BulkRows&&) noexcept = default;
BulkRows& BulkRows::operator=(BulkRows&&) noexcept = default;
BulkRows::~BulkRows() = default;

Task<CsvPage> BulkRows::async_next(Deadline by) {
    auto work = on_loop(impl_->host, impl_->source->next(by), by);
    auto batch = co_await std::move(work);
    co_return impl_->taken(std::move(batch));
}

Result<CsvPage> BulkRows::next() {
    return next(Deadline::in(impl_->patience));
}

Result<CsvPage> BulkRows::next(Deadline by) {
    return impl_->taken(wait_or_stop(impl_->host, impl_->source->next(by), by, impl_->stop,
                                     [source = impl_->source] { source->interrupt(); }));
}

Result<std::int64_t> BulkRows::for_each(const std::function<bool(const CsvRow&)>& take) {
    std::int64_t taken = 0;
    for (;;) {
        const auto page = next();
        if (!page) return page.error();
        if (page->empty()) return taken;
        for (std::size_t i = 0; i < page->size(); ++i) {
            ++taken;
            if (!take((*page)[i])) return taken;
        }
    }
}

BulkJob BulkRows::job() const {
    return impl_->job();
}

Bulk::Bulk(const Rest& rest) : impl_(rest.impl_) {}

BulkRows Bulk::query(std::string soql, BulkQueryOptions options) const {
    const auto waits = options.patience;
    auto stop = options.stop;
    auto pages =
        std::make_shared<rest::BulkPages>(impl_->place, std::move(soql), std::move(options));
    return BulkRows{
        std::make_unique<BulkRows::Impl>(impl_->host, std::move(pages), waits, std::move(stop))};
}

BulkRows Bulk::results(std::string job_id, BulkOutcome outcome, std::stop_token stop) const {
    auto list = std::make_shared<rest::BulkResults>(impl_->place, std::move(job_id), outcome);
    return BulkRows{
        std::make_unique<BulkRows::Impl>(impl_->host, std::move(list), patience, std::move(stop))};
}

Task<BulkJob> Bulk::async_job(std::string id, Deadline by) const {
    return impl_->hop(
        rest::look_at_job(impl_->place, salesforce::JobKind::ingest, std::move(id), by), by);
}

Result<BulkJob> Bulk::job(std::string id) const {
    const auto by = Deadline::in(patience);
    return impl_->wait(
        rest::look_at_job(impl_->place, salesforce::JobKind::ingest, std::move(id), by), by);
}

}  // namespace latchkey
