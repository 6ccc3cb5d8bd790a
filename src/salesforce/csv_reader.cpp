#include <algorithm>
#include <utility>

#include <latchkey/csv.h>

#include "base/text.h"

namespace latchkey {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::string_view ends_of_plain = ",\n\r\"";

}  // namespace

std::size_t CsvRow::size() const {
    return page_->columns().size();
}

std::string_view CsvRow::operator[](std::size_t column) const {
    return page_->field(row_, column);
}

std::optional<std::string_view> CsvRow::text(std::string_view column) const {
    const auto found = page_->column(column);
    if (!found) return std::nullopt;
    return page_->field(row_, *found);
}

const CsvPage::Names& CsvPage::columns() const {
    static const Names none;
    return columns_ ? *columns_ : none;
}

std::string_view CsvPage::field(std::size_t row, std::size_t column) const {
    const std::size_t at = row * columns().size() + column;
    const std::size_t from = at == 0 ? 0 : ends_[at - 1];
    return std::string_view{bytes_}.substr(from, ends_[at] - from);
}

std::optional<std::size_t> CsvPage::column(std::string_view name) const {
    const auto& names = columns();
    const auto found =
        std::ranges::find_if(names, [&](const auto& one) { return ascii_iequal(one, name); });
    if (found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names.begin());
}

Error CsvReader::wrong(const char* code, const std::string& what) const {
    return {Fault::bad_input, code,
            "Line " + std::to_string(line_) + " of the CSV cannot be read: " + what};
}

Result<void> CsvReader::append(std::string_view bytes) {
    auto& into = page_.bytes_;
    if (into.size() - field_start_ + bytes.size() > limits_.field_bytes) {
        return wrong("csv_field_too_long",
                     "a field has more than " + std::to_string(limits_.field_bytes) + " bytes.");
    }
    if (into.size() - row_start_ + bytes.size() > limits_.row_bytes) {
        return wrong("csv_row_too_long",
                     "it has more than " + std::to_string(limits_.row_bytes) + " bytes.");
    }
    into.append(bytes);
    return {};
}

Result<void> CsvReader::end_field() {
    const std::size_t most = columns_ ? columns_->size() : limits_.columns;
    if (fields_ == most) {
        if (!columns_) {
            return wrong("csv_too_many_columns",
                         "it names more than " + std::to_string(most) + " columns.");
        }
        return wrong("csv_row_length",
                     "it has more fields than the " + std::to_string(most) + " columns.");
    }
    ++fields_;
    page_.ends_.push_back(page_.bytes_.size());
    field_start_ = page_.bytes_.size();
    return {};
}

Result<void> CsvReader::end_row() {
    if (!columns_) {
        CsvPage::Names names;
        std::size_t from = 0;
        for (const auto end : page_.ends_) {
            names.push_back(page_.bytes_.substr(from, end - from));
            from = end;
        }
        columns_ = std::make_shared<const CsvPage::Names>(std::move(names));
        page_ = CsvPage{columns_};
    } else if (fields_ != columns_->size()) {
        return wrong("csv_row_length", "it has " + std::to_string(fields_) + " fields and not " +
                                           std::to_string(columns_->size()) + ".");
    } else {
        ++rows_;
    }
    fields_ = 0;
    field_start_ = row_start_ = page_.bytes_.size();
    at_ = At::line_start;
    return {};
}

/// Takes as many bytes as belong together. `i` moves on by at least one, or the state changes.
Result<void> CsvReader::step(std::string_view bytes, std::size_t& i) {
    const char c = bytes[i];
    switch (at_) {
        case At::line_start:
        case At::field_start: {
            const bool blank = at_ == At::line_start && (c == '\n' || c == '\r');
            if (blank) {
                ++i;
                if (c == '\n') ++line_;
                if (c == '\r') at_ = At::after_return;
                return {};
            }
            at_ = c == '"' ? At::quoted : At::plain;
            if (c == '"') ++i;
            return {};
        }
        case At::plain: {
            const auto end = std::min(bytes.find_first_of(ends_of_plain, i), bytes.size());
            if (auto fits = append(bytes.substr(i, end - i)); !fits) return fits;
            i = end;
            if (i == bytes.size()) return {};
            if (bytes[i] == '"') {
                return wrong("csv_stray_quote", "a field that holds a quote must be in quotes.");
            }
            at_ = At::after_quote;  // which ends a field
            return {};
        }
        case At::quoted: {
            const auto end = std::min(bytes.find('"', i), bytes.size());
            const auto text = bytes.substr(i, end - i);
            if (auto fits = append(text); !fits) return fits;
            line_ += std::ranges::count(text, '\n');
            i = end;
            if (i == bytes.size()) return {};
            ++i;
            at_ = At::after_quote;
            return {};
        }
        case At::after_quote: {
            if (c == '"') {
                ++i;
                at_ = At::quoted;
                return append("\"");
            }
            if (c != ',' && c != '\n' && c != '\r') {
                return wrong("csv_stray_quote", "something stands behind a closing quote.");
            }
            ++i;
            if (auto fits = end_field(); !fits) return fits;
            if (c == ',') at_ = At::field_start;
            if (c == '\r') at_ = At::after_return;
            if (c != '\n') return {};
            auto ended = end_row();
            ++line_;
            return ended;
        }
        case At::after_return: {
            if (c != '\n') {
                return wrong("csv_stray_return", "a carriage return stands without a line feed.");
            }
            ++i;
            at_ = At::line_start;
            Result<void> ended;
            if (fields_ > 0) ended = end_row();
            ++line_;
            return ended;
        }
    }
    return {};
}

Result<void> CsvReader::feed(std::string_view bytes) {
    if (!begun_) {
        held_.append(bytes);
        if (held_.size() < byte_order_mark.size() && byte_order_mark.starts_with(held_)) return {};
        begun_ = true;
        const std::string first = std::exchange(held_, {});
        const std::string_view all = first;
        return feed(all.starts_with(byte_order_mark) ? all.substr(byte_order_mark.size()) : all);
    }
    for (std::size_t i = 0; i < bytes.size();) {
        if (auto done = step(bytes, i); !done) return done;
    }
    return {};
}

Result<void> CsvReader::finish() {
    if (!begun_) {
        begun_ = true;
        const std::string first = std::exchange(held_, {});
        if (auto done = feed(first); !done) return done;
    }
    switch (at_) {
        case At::line_start:
            return {};
        case At::quoted:
            return wrong("csv_quote_open", "the data ends inside a quoted field.");
        case At::after_return:
            return wrong("csv_stray_return", "a carriage return stands without a line feed.");
        case At::field_start:
        case At::plain:
        case At::after_quote:
            break;
    }
    if (auto fits = end_field(); !fits) return fits;
    return end_row();
}

CsvPage CsvReader::take() {
    CsvPage rest{columns_};
    // What has come of the next row stays here.
    rest.bytes_ = page_.bytes_.substr(row_start_);
    const auto whole = static_cast<std::ptrdiff_t>(page_.ends_.size() - fields_);
    for (auto end = page_.ends_.begin() + whole; end != page_.ends_.end(); ++end) {
        rest.ends_.push_back(*end - row_start_);
    }
    page_.ends_.resize(static_cast<std::size_t>(whole));
    page_.bytes_.resize(row_start_);
    field_start_ -= row_start_;
    row_start_ = 0;
    rows_ = 0;
    return std::exchange(page_, std::move(rest));
}

}  // namespace latchkey
