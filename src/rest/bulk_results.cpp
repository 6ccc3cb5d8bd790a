#include "rest/bulk_results.h"

#include <utility>

#include "salesforce/rest_names.h"

namespace latchkey::rest {
namespace {

using salesforce::JobKind;

constexpr std::size_t rows_a_page = 2000;
constexpr std::chrono::seconds patience{120};  // whether the caller still waits or not

}  // namespace

Task<bool> BulkResults::open() {
    if (auto fits = salesforce::check_id(job_); !fits) co_return fits.error();
    auto target = salesforce::job_path(JobKind::ingest, job_, salesforce::results_name(outcome_));
    auto answer = co_await open_csv(place_, std::move(target), Deadline::in(patience));
    if (!answer) co_return answer.error();
    body_ = std::move(answer->body);
    co_return true;
}

/// Reads until there is a page, or all has come.
Task<bool> BulkResults::fill() {
    const Deadline by = Deadline::in(patience);
    while (!done_ && reader_.ready() < rows_a_page) {
        auto piece = co_await read_piece(*body_, by);
        if (!piece) co_return piece.error();
        done_ = piece->empty();
        const auto fits = done_ ? reader_.finish() : reader_.feed(*piece);
        if (!fits) co_return unreadable_csv(fits.error());
    }
    co_return true;
}

Task<RowBatch> BulkResults::step(std::shared_ptr<RowSource> self, Deadline) {
    const auto held = std::move(self);
    auto slip = std::make_shared<PageSlip<CsvPage>>();
    if (broken_) co_return *broken_;
    if (done_) co_return slip;
    if (!body_) {
        auto opened = co_await open();
        if (!opened) co_return opened.error();
    }
    auto filled = co_await fill();
    if (!filled) {
        body_.reset();
        broken_ = filled.error();
        co_return filled.error();
    }
    slip->page = reader_.take();
    if (done_) body_.reset();
    co_return slip;
}

}  // namespace latchkey::rest
