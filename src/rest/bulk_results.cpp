#include "rest/bulk_results.h"

#include <utility>

#include "salesforce/rest_names.h"

namespace latchkey::rest {
namespace {

using salesforce::JobKind;

constexpr std::size_t rows_a_page = 2000;

}  // namespace

Task<bool> BulkResults::open(Deadline by) {
    if (auto fits = salesforce::check_id(job_); !fits) co_return fits.error();
    auto target = salesforce::job_path(JobKind::ingest, job_, salesforce::results_name(outcome_));
    auto answer = co_await open_csv(place_, std::move(target), by);
    if (!answer) co_return answer.error();
    body_ = std::move(answer->body);
    co_return true;
}

/// Reads until there is a page, or all has come.
Task<bool> BulkResults::fill(Deadline by) {
    while (!done_ && reader_.ready() < rows_a_page) {
        auto piece = co_await read_piece(*body_, by);
        if (!piece) co_return piece.error();
        done_ = piece->empty();
        const auto fits = done_ ? reader_.finish() : reader_.feed(*piece);
        if (!fits) co_return unreadable_csv(fits.error());
    }
    co_return true;
}

Task<RowBatch> BulkResults::step(std::shared_ptr<RowSource> self, Deadline by) {
    const auto held = std::move(self);
    RowBatch batch;
    batch.job.id = job_;
    if (broken_) co_return *broken_;
    if (done_) co_return batch;
    if (!body_) {
        auto opened = co_await open(by);
        if (!opened) co_return opened.error();
    }
    auto filled = co_await fill(by);
    if (!filled) {
        body_.reset();
        broken_ = filled.error();
        co_return filled.error();
    }
    batch.page = reader_.take();
    if (done_) body_.reset();
    co_return batch;
}

}  // namespace latchkey::rest
