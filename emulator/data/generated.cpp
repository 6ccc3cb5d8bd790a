#include "emulator/data/generated.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "emulator/data/values.h"

namespace latchkey::emulator::rest {
namespace {

constexpr std::string_view base62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view checksum_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
constexpr std::array<std::string_view, 4> units = {"kWh", "m3h", "bar", "rpm"};
constexpr std::int64_t first_taken = 1'735'725'600;  // 2025-01-01T10:00:00Z

void digits(char* at, std::size_t width, std::uint64_t number) {
    for (; width > 0; number /= 10) at[--width] = static_cast<char>('0' + number % 10);
}

/// The checksum letter of five characters: one bit for each that is upper case.
char mark_of(const char* five) {
    unsigned bits = 0;
    for (unsigned i = 0; i < 5; ++i) {
        bits |= (five[i] >= 'A' && five[i] <= 'Z' ? 1u : 0u) << i;
    }
    return checksum_letters[bits];
}

}  // namespace

Outcome<Span> span_of(const BoundQuery& query, std::int64_t rows) {
    if (query.where || !query.order.empty()) {
        return ApiError{400, "MALFORMED_QUERY",
                        fmt::format("The records of {} are generated: they can be counted, listed, "
                                    "and cut by LIMIT and OFFSET, but not filtered or sorted.",
                                    query.object->name)};
    }
    Span span;
    span.first = std::min(query.offset, rows);
    span.count = std::min(rows - span.first, query.limit.value_or(rows));
    return span;
}

Generator::Generator(Form form, const ObjectDef& object, const std::vector<Selected>& selected,
                     std::uint64_t first_number, std::string_view base, char delimiter,
                     std::string_view line_end)
    : between_(form == Form::json ? "," : ""),
      first_number_(first_number),
      prefix_(object.key_prefix),
      csv_(form == Form::csv) {
    // In the order of the schema.
    constexpr std::array all = {Field::id,    Field::name, Field::sensor,
                                Field::value, Field::unit, Field::taken_at};
    if (!csv_) {
        piece(fmt::format(R"({{"attributes":{{"type":"{}","url":"{}/sobjects/{}/)", object.name,
                          base, object.name),
              Field::id);
    }
    std::string before = csv_ ? "\"" : "\"}";
    for (const Selected& one : selected) {
        const Field field = all[one.field];
        const bool quoted = csv_ || field != Field::value;
        if (!csv_) {
            before += fmt::format(R"(,"{}":)", object.fields[one.field].name);
            if (quoted) before += '"';
        }
        piece(std::exchange(before, {}), field);
        if (csv_) {
            before = std::string("\"") + delimiter + "\"";
        } else if (quoted) {
            before = "\"";
        }
    }
    if (csv_) {
        piece("\"" + std::string(line_end), std::nullopt);
    } else {
        piece(before + "}", std::nullopt);
    }
}

void Generator::piece(std::string literal, std::optional<Field> field) {
    pieces_.push_back({std::move(literal), field});
}

void Generator::print_row(std::string& out, std::int64_t row) const {
    const auto number = static_cast<std::uint64_t>(row);
    for (const Piece& one : pieces_) {
        out += one.literal;
        if (!one.field) continue;
        std::array<char, 28> text;
        switch (*one.field) {
            case Field::id: {
                std::copy_n(prefix_.data(), 3, text.data());
                text[3] = 'L';
                text[4] = 'k';
                std::uint64_t rest = first_number_ + number;
                for (std::size_t at = 15; at > 5; rest /= 62) text[--at] = base62[rest % 62];
                for (std::size_t i = 0; i < 3; ++i) text[15 + i] = mark_of(text.data() + i * 5);
                out.append(text.data(), 18);
                break;
            }
            case Field::name:
                text[0] = 'M';
                text[1] = '-';
                digits(text.data() + 2, 9, number);
                out.append(text.data(), 11);
                break;
            case Field::sensor:
                std::copy_n("sensor-", 7, text.data());
                digits(text.data() + 7, 4, number % 10'000);
                out.append(text.data(), 11);
                break;
            case Field::value:
                digits(text.data(), 3, 100 + number % 900);
                text[3] = '.';
                digits(text.data() + 4, 2, number % 97);
                out.append(text.data(), 6);
                break;
            case Field::unit:
                out += units[number % units.size()];
                break;
            case Field::taken_at: {
                // One a minute; the day's text is the same for 1,440 rows.
                const std::int64_t seconds = first_taken + row * 60;
                thread_local std::int64_t printed_day = -1;
                thread_local std::string date;
                if (printed_day != seconds / 86'400) {
                    printed_day = seconds / 86'400;
                    date = print_date(printed_day);
                }
                const auto in_day = static_cast<std::uint64_t>(seconds % 86'400);
                out += date;
                std::copy_n("T00:00:00.000+0000", 18, text.data());
                digits(text.data() + 1, 2, in_day / 3600);
                digits(text.data() + 4, 2, in_day / 60 % 60);
                if (csv_) text[13] = 'Z';
                out.append(text.data(), csv_ ? 14 : 18);
                break;
            }
        }
    }
}

void Generator::print(std::string& out, Span rows) const {
    for (std::int64_t row = rows.first; row < rows.first + rows.count; ++row) {
        if (row != rows.first) out += between_;
        print_row(out, row);
    }
}

std::optional<std::int64_t> generated_row(std::string_view id, const ObjectDef& object,
                                          std::uint64_t first_number, std::int64_t rows) {
    if (!id.starts_with(object.key_prefix) || id.substr(3, 2) != "Lk") return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : id.substr(5, 10)) {
        const auto digit = base62.find(c);
        if (digit == base62.npos) return std::nullopt;
        number = number * 62 + digit;
    }
    const auto row = static_cast<std::int64_t>(number - first_number);
    if (number < first_number || row >= rows) return std::nullopt;
    return row;
}

}  // namespace latchkey::emulator::rest
