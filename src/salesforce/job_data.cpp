#include "salesforce/job_data.h"

#include <utility>

#include "salesforce/bulk_calls.h"

namespace latchkey::salesforce {
namespace {

constexpr std::size_t least_job_bytes = 1000;

Error wrong_length(std::size_t fields, std::size_t columns) {
    if (columns == 0) {
        return {Fault::bad_input, "columns_required",
                "The load has no columns, so a record says nothing. Name them when it is made."};
    }
    return {Fault::bad_input, "csv_row_length",
            "A record has " + std::to_string(fields) + " fields, and the load has " +
                std::to_string(columns) +
                " columns. Give one for each; an empty one changes "
                "nothing."};
}

}  // namespace

JobData::JobData(std::vector<std::string> columns, std::size_t job_bytes) : job_bytes_(job_bytes) {
    if (!columns.empty()) name_columns(std::move(columns));
}

Result<void> JobData::check() const {
    if (job_bytes_ >= least_job_bytes && job_bytes_ <= most_job_bytes) return {};
    return Error{Fault::bad_input, "invalid_job_bytes",
                 "A job has 1,000 to 100,000,000 bytes of CSV. Choose a number of these."};
}

void JobData::name_columns(std::vector<std::string> names) {
    columns_ = std::move(names);
    put_csv_row(header_, columns_);
    begin_next_job();
}

void JobData::begin_next_job() {
    job_ = std::make_shared<std::string>(header_);
}

Result<bool> JobData::fit(const std::string& line) {
    if (header_.size() + line.size() > job_bytes_) {
        return Error{Fault::bad_input, "csv_row_too_long",
                     "A record has more bytes than a whole job may have. Shorten it, or allow more "
                     "for a job."};
    }
    if (job_->size() + line.size() > job_bytes_) return false;
    job_->append(line);
    ++added_;
    return true;
}

Result<bool> JobData::add(std::span<const std::string> record) {
    if (columns_.empty() || record.size() != columns_.size()) {
        return wrong_length(record.size(), columns_.size());
    }
    line_.clear();
    put_csv_row(line_, record);
    return fit(line_);
}

Result<void> JobData::take_page() {
    if (!reader_.columns()) return {};
    if (columns_.empty()) name_columns(*reader_.columns());
    if (columns_ != *reader_.columns()) {
        return Error{Fault::bad_input, "csv_columns_differ",
                     "The first line of the CSV names other columns than the load. Give the same, "
                     "or none to the load."};
    }
    page_ = reader_.take();
    moved_ = 0;
    return {};
}

Result<void> JobData::feed(std::string_view piece) {
    if (piece.empty()) return {};
    fed_ = true;
    if (auto taken = reader_.feed(piece); !taken) return taken;
    return take_page();
}

Result<void> JobData::finish() {
    if (!fed_ || std::exchange(finished_, true)) return {};
    if (auto ended = reader_.finish(); !ended) return ended;
    return take_page();
}

Result<bool> JobData::move_on() {
    for (; moved_ < page_.size(); ++moved_) {
        line_.clear();
        put_csv_row(line_, page_[moved_]);
        auto fits = fit(line_);
        if (!fits || !*fits) return fits;
    }
    return true;
}

}  // namespace latchkey::salesforce
