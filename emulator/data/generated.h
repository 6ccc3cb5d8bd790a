#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/data/answers.h"
#include "emulator/data/soql_bind.h"

namespace latchkey::emulator::rest {

/// How many records of generated objects there may be.
inline constexpr std::int64_t most_generated = 100'000'000;

/// The rows that a query of a generated object answers: row numbers that follow each other.
struct Span {
    std::int64_t first = 0;
    std::int64_t count = 0;
};

/// errors  400 MALFORMED_QUERY: generated objects have neither WHERE nor ORDER BY
Outcome<Span> span_of(const BoundQuery& query, std::int64_t rows);

/// Prints rows of a generated object. They are nowhere kept: each is made out of its number while it
/// is printed, and always the same. Every field has a fixed width, so a row is a few copies.
class Generator {
public:
    enum class Form { json, csv };

    /// base       "/services/data/v68.0", in the form json
    /// delimiter  between columns, in the form csv
    Generator(Form form, const ObjectDef& object, const std::vector<Selected>& selected,
              std::uint64_t first_number, std::string_view base, char delimiter = ',',
              std::string_view line_end = "\n");

    /// Appends rows: JSON objects with commas between them, or lines.
    void print(std::string& out, Span rows) const;

private:
    enum class Field { id, name, sensor, value, unit, taken_at };
    struct Piece {
        std::string literal;  ///< before the field
        std::optional<Field> field;
    };
    void piece(std::string literal, std::optional<Field> field);
    void print_row(std::string& out, std::int64_t row) const;

    std::vector<Piece> pieces_;
    std::string_view between_;
    std::uint64_t first_number_;
    std::string prefix_;
    bool csv_;
};

/// The row of an id; nullopt if it is not one of them.
std::optional<std::int64_t> generated_row(std::string_view id, const ObjectDef& object,
                                          std::uint64_t first_number, std::int64_t rows);

}  // namespace latchkey::emulator::rest
