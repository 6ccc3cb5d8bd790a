#include "rest/bulk_pages.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/async.h"

namespace latchkey::rest {
namespace {

using salesforce::JobKind;

constexpr std::size_t most_rows = 200'000;
constexpr std::size_t most_page_bytes = 16 * 1024 * 1024;
constexpr std::chrono::seconds patience_for_a_job{60};
constexpr std::chrono::seconds patience_for_a_page{120};
constexpr std::chrono::seconds patience_for_the_end{10};

/// A page that does not fit is asked for again with fewer rows; never told to a caller.
constexpr const char* page_too_large = "page_too_large";

Error unexpected(const std::string& what) {
    return unreadable_csv({Fault::try_later, "", what});
}

Error nobody_reads() {
    return {Fault::try_later, "cancelled",
            "Nobody reads the results any more. Ask the query again."};
}

}  // namespace

void BulkPages::interrupt() {
    if (watch_) watch_->interrupt();
}

void BulkPages::drop() {
    if (std::exchange(dropped_, true)) return;
    interrupt();
    if (done_ || !watch_ || !loop_) return;
    boost::asio::co_spawn(*loop_, end_job(place_, watch_->job()), boost::asio::detached);
}

Async<void> BulkPages::end_job(Place place, BulkJob job) {
    const Deadline soon = Deadline::in(patience_for_the_end);
    if (!job.ended()) {
        auto aborted =
            co_await set_job_state(place, JobKind::query, job.id, BulkState::aborted, soon);
        // It may have ended meanwhile; then its results are what is in the way.
        if (aborted) co_return;
    }
    if (job.state != BulkState::failed && job.state != BulkState::aborted) {
        co_await delete_job(place, JobKind::query, job.id, soon);
    }
}

Task<bool> BulkPages::make_job() {
    if (options_.page_size == 0 || options_.page_size > most_rows) {
        co_return Error{Fault::bad_input, "invalid_page_size",
                        "A page of a bulk query has 1 to 200,000 rows. Ask for as many."};
    }
    auto json = salesforce::query_job_json(soql_, options_.all_rows);
    if (!json) co_return json.error();
    auto job = co_await create_job(place_, JobKind::query, std::move(*json),
                                   Deadline::in(patience_for_a_job));
    if (!job) co_return job.error();
    watch_.emplace(place_, JobKind::query, std::move(*job), board_);
    co_return true;
}

Task<RowBatch> BulkPages::step(std::shared_ptr<RowSource> self, Deadline by) {
    loop_ = co_await boost::asio::this_coro::executor;
    if (!watch_) {
        auto made = co_await make_job();
        if (!made) co_return made.error();
        // Whoever dropped the stream meanwhile could not end a job that was not there yet.
        if (dropped_) co_await end_job(place_, watch_->job());
    }
    if (dropped_) co_return nobody_reads();
    auto job = co_await watch_->until_ended(by);
    if (!job) co_return job.error();
    if (!job->ended()) co_return RowBatch{};
    auto slip = std::make_shared<PageSlip<CsvPage>>();
    if (done_) co_return slip;
    if (job->state != BulkState::complete) co_return salesforce::job_problem(*job);
    auto page = co_await next_page(std::static_pointer_cast<BulkPages>(self));
    if (!page) co_return page.error();
    slip->page = std::move(*page);
    co_return slip;
}

Task<CsvPage> BulkPages::next_page(std::shared_ptr<BulkPages> self) {
    CsvPage rows;
    // A page without rows is not the end while there is a locator.
    while (!done_ && rows.empty()) {
        if (!ahead_ && !fetching_) {
            auto asked = co_await fetch(self, locator_);
            ahead_.emplace(std::move(asked));
        }
        while (!ahead_) {
            // fetch_ahead ends at its own deadline, so this wait has an end.
            arrived_.emplace(*loop_, std::chrono::steady_clock::time_point::max());
            boost::system::error_code woken;
            co_await arrived_->async_wait(boost::asio::redirect_error(use_task, woken));
        }
        arrived_.reset();
        auto page = std::move(*ahead_);
        ahead_.reset();
        if (!page) co_return page.error();

        rows = std::move(page->rows);
        locator_ = std::move(page->next);
        done_ = locator_.empty();
        if (!done_ && !dropped_) {
            fetching_ = true;
            boost::asio::co_spawn(*loop_, fetch_ahead(self, locator_), boost::asio::detached);
        }
    }
    co_return rows;
}

Async<void> BulkPages::fetch_ahead(std::shared_ptr<BulkPages> self, std::string locator) {
    auto page = co_await fetch(self, std::move(locator));
    self->ahead_.emplace(std::move(page));
    self->fetching_ = false;
    if (self->arrived_) self->arrived_->cancel();
}

Task<BulkPages::Page> BulkPages::fetch(std::shared_ptr<BulkPages> self, std::string locator) {
    // The same time for every page; a caller who comes late finds it there, or its error.
    const Deadline by = Deadline::in(patience_for_a_page);
    for (;;) {
        auto& rows = self->options_.page_size;
        auto target = salesforce::query_results_path(self->watch_->job().id, locator, rows);
        auto answer = co_await open_csv(self->place_, std::move(target), by);
        if (!answer) co_return answer.error();
        auto page = co_await self->read_page(std::move(*answer), by);
        if (page || page.error().code != page_too_large) co_return page;
        if (rows == 1) co_return unexpected("One row has more than 16 MiB.");
        rows /= 2;
    }
}

Task<BulkPages::Page> BulkPages::read_page(OpenedAnswer answer, Deadline by) {
    Page page;
    const auto next = answer.head.header("Sforce-Locator").value_or("null");
    if (next != "null") page.next = next;

    CsvReader reader;
    std::size_t read = 0;
    for (;;) {
        auto piece = co_await read_piece(*answer.body, by);
        if (!piece) co_return piece.error();
        if (piece->empty()) break;
        read += piece->size();
        if (read > most_page_bytes) co_return Error{Fault::internal, page_too_large, ""};
        if (dropped_) {
            co_return nobody_reads();
        }
        if (auto fits = reader.feed(*piece); !fits) co_return unreadable_csv(fits.error());
    }
    if (auto fits = reader.finish(); !fits) co_return unreadable_csv(fits.error());
    if (!reader.columns()) co_return page;  // nothing at all: no rows
    if (!columns_) columns_ = reader.columns();
    if (*columns_ != *reader.columns()) {
        co_return unexpected("A page has other columns than the first.");
    }
    page.rows = reader.take();
    co_return page;
}

}  // namespace latchkey::rest
