#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/data/answers.h"

namespace latchkey::emulator::rest {

/// A field as written, "Account.Owner.Name" in parts, not yet looked up.
struct SoqlPath {
    std::vector<std::string> names;
    std::size_t at = 0;  ///< offset within the query, for error messages
};

struct SoqlLiteral {
    enum class Kind { null, boolean, number, text, date, datetime, period };
    Kind kind = Kind::null;
    bool truth = false;
    double number = 0;      ///< also the n of LAST_N_DAYS:n
    std::int64_t time = 0;  ///< days or seconds since 1970
    std::string text;       ///< escapes resolved; of a period, its name in upper case
    std::string pattern;    ///< of a text: as LIKE wants it, with '\' before % _ \ that stand for
                            ///< themselves
    std::size_t at = 0;
};

enum class SoqlOperator { eq, ne, lt, gt, le, ge, like, in, not_in };

/// One node of a WHERE clause.
struct SoqlCondition {
    enum class Kind { all, any, negation, compare };
    Kind kind = Kind::compare;
    std::vector<SoqlCondition> parts;  ///< of all but compare
    SoqlPath field;
    SoqlOperator op = SoqlOperator::eq;
    std::vector<SoqlLiteral> values;  ///< one, or several with in and not_in
};

struct SoqlOrder {
    SoqlPath field;
    bool descending = false;
    bool nulls_last = false;
};

struct Soql {
    bool count = false;            ///< SELECT COUNT()
    std::vector<SoqlPath> fields;  ///< a path of the one name "FIELDS(ALL)" stands for many
    std::string object;
    std::size_t object_at = 0;
    std::optional<SoqlCondition> where;
    std::vector<SoqlOrder> order;
    std::optional<std::int64_t> limit, offset;
};

/// Bounds of one query. source: Salesforce Developer Limits, "SOQL and SOSL Limits", but for the
/// depth and the number of conditions, which only protect the emulator.
inline constexpr std::size_t longest_soql = 100'000;
inline constexpr int deepest_soql = 64;
inline constexpr std::size_t most_conditions = 2'000;

/// Reads a query. Any bytes may be handed in.
/// errors  400 MALFORMED_QUERY, QUERY_TOO_COMPLICATED
Outcome<Soql> parse_soql(std::string_view text);

/// An error that points at a place of the query, laid out as Salesforce does: the line around the
/// place, a caret below it, row and column, and what is wrong.
ApiError soql_error(std::string code, std::string_view query, std::size_t at,
                    std::string_view what);

}  // namespace latchkey::emulator::rest
