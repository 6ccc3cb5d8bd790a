#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/csv.h>

namespace latchkey::salesforce {

/// Cuts records into the CSV of bulk jobs, each with the header line and at most so many bytes.
/// Records come alone or as CSV in pieces; they stay in order and are never cut.
class JobData {
public:
    /// columns    of each record; empty: the first line of the CSV names them
    /// job_bytes  1,000 to most_job_bytes
    JobData(std::vector<std::string> columns, std::size_t job_bytes);

    /// errors  bad_input invalid_job_bytes
    Result<void> check() const;

    /// returns  false: not taken, because the job that comes next is full; send it first
    /// errors   bad_input csv_row_length, csv_row_too_long, columns_required
    Result<bool> add(std::span<const std::string> record);

    /// Takes a piece of CSV of any size, which `move_on` then puts into jobs.
    /// errors  those of CsvReader · bad_input csv_columns_differ
    Result<void> feed(std::string_view piece);
    /// No more comes. May be called again. errors  those of CsvReader::finish
    Result<void> finish();
    /// returns  false: the job that comes next is full, send it first
    /// errors   bad_input csv_row_too_long
    Result<bool> move_on();

    /// The job that comes next has a record.
    bool has_records() const { return job_->size() > header_.size(); }
    /// Its CSV, not to be changed until it was sent or given up.
    std::shared_ptr<const std::string> job() const { return job_; }
    void begin_next_job();
    std::int64_t added() const { return added_; }

private:
    void name_columns(std::vector<std::string> names);
    Result<bool> fit(const std::string& line);
    Result<void> take_page();

    std::size_t job_bytes_;
    std::vector<std::string> columns_;
    std::string header_;
    std::shared_ptr<std::string> job_ = std::make_shared<std::string>();
    std::string line_;
    CsvReader reader_;
    CsvPage page_;  ///< was read, and is in jobs up to moved_
    std::size_t moved_ = 0;
    bool fed_ = false;
    bool finished_ = false;
    std::int64_t added_ = 0;
};

}  // namespace latchkey::salesforce
