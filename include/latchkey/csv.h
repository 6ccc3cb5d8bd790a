#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>

namespace latchkey {

class CsvPage;

/// One line of a page. Looks into the page and must not outlive it.
class CsvRow {
public:
    CsvRow(const CsvPage& page, std::size_t row) : page_(&page), row_(row) {}

    std::size_t size() const;
    /// `column` counts from 0 and is less than size().
    std::string_view operator[](std::size_t column) const;
    /// The field of that column, whose name compares without case; nullopt: there is no such column.
    std::optional<std::string_view> text(std::string_view column) const;

private:
    const CsvPage* page_;
    std::size_t row_;
};

/// Lines of CSV: the names of their columns, and all their fields in one piece of memory. In CSV a
/// value that is missing and one that is empty are the same.
class CsvPage {
public:
    using Names = std::vector<std::string>;

    CsvPage() = default;
    explicit CsvPage(std::shared_ptr<const Names> columns) : columns_(std::move(columns)) {}

    const Names& columns() const;
    std::size_t size() const { return columns().empty() ? 0 : ends_.size() / columns().size(); }
    bool empty() const { return size() == 0; }
    CsvRow operator[](std::size_t row) const { return {*this, row}; }
    /// Both count from 0 and are in the page.
    std::string_view field(std::size_t row, std::size_t column) const;
    std::optional<std::size_t> column(std::string_view name) const;

private:
    friend class CsvReader;
    std::shared_ptr<const Names> columns_;
    std::string bytes_;              ///< all fields, one after the other
    std::vector<std::size_t> ends_;  ///< where each ends
};

/// What a reader takes before it refuses.
struct CsvLimits {
    std::size_t field_bytes = 1024 * 1024;  ///< Salesforce's longest text has 131,072 characters
    std::size_t row_bytes = 8 * 1024 * 1024;
    std::size_t columns = 5000;
    CsvLimits() = default;
};

/// Reads CSV that comes in pieces of any size (RFC 4180: fields between commas, quoted where they
/// hold a comma, a quote or a line end; lines end in LF or CRLF). The first line names the columns.
/// Blank lines and a byte order mark in front are left out.
///
/// errors of feed and finish, each with the number of the line; after one the reader is done
///     bad_input  csv_stray_quote     a quote inside an unquoted field, or text after a closing one
///                csv_stray_return    a carriage return that no line feed follows
///                csv_row_length      more or fewer fields than columns
///                csv_field_too_long, csv_row_too_long, csv_too_many_columns
class CsvReader {
public:
    explicit CsvReader(CsvLimits limits = {}) : limits_(limits) {}

    Result<void> feed(std::string_view bytes);
    /// The data has come to its end; the last line need not have one.
    /// errors  bad_input csv_quote_open: it ends inside a quoted field
    Result<void> finish();

    /// nullptr before the first line was read.
    const std::shared_ptr<const CsvPage::Names>& columns() const { return columns_; }
    /// How many whole rows wait to be taken.
    std::size_t ready() const { return rows_; }
    CsvPage take();

private:
    enum class At { line_start, field_start, plain, quoted, after_quote, after_return };

    Result<void> step(std::string_view bytes, std::size_t& i);
    Result<void> append(std::string_view bytes);
    Result<void> end_field();
    Result<void> end_row();
    Error wrong(const char* code, const std::string& what) const;

    CsvLimits limits_;
    At at_ = At::line_start;
    bool begun_ = false;
    std::string held_;  ///< of a byte order mark that has not come wholly
    std::int64_t line_ = 1;
    std::shared_ptr<const CsvPage::Names> columns_;
    CsvPage page_;
    std::size_t rows_ = 0;
    std::size_t fields_ = 0;       ///< of the row that is being read
    std::size_t field_start_ = 0;  ///< in page_.bytes_
    std::size_t row_start_ = 0;
};

/// Appends a field, in quotes where it needs them.
void put_csv_field(std::string& out, std::string_view field);
/// Appends a line with its LF.
void put_csv_row(std::string& out, std::span<const std::string> fields);
void put_csv_row(std::string& out, const CsvRow& row);

}  // namespace latchkey
