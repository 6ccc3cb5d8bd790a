#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <latchkey/time.h>

#include "emulator/data/schema.h"
#include "emulator/data/soql.h"
#include "emulator/data/values.h"

namespace latchkey::emulator::rest {

/// A field found in the schema: references to follow, then the field of the last object.
struct Column {
    struct Hop {
        const ObjectDef* object;  ///< whose reference field it is
        std::size_t field;
        const ObjectDef* target;
    };
    std::vector<Hop> hops;
    const ObjectDef* object = nullptr;
    std::size_t field = 0;
    const FieldDef& def() const { return object->fields[field]; }
};

/// A node of the select list: a field, or a relationship with what is selected of its target.
struct Selected {
    std::size_t field = 0;
    const ObjectDef* target = nullptr;  ///< nullptr: a plain field
    std::vector<Selected> of_target;
};

/// A WHERE clause whose fields are found and whose literals have their fields' types.
struct BoundCondition {
    SoqlCondition::Kind kind = SoqlCondition::Kind::compare;
    std::vector<BoundCondition> parts;
    Column column;
    SoqlOperator op = SoqlOperator::eq;
    std::vector<Value> values;  ///< with in and not_in sorted by compare_values
    std::string pattern;        ///< of like
    /// Of date literals: the first moment and the one after the last, in the field's own unit.
    std::optional<std::pair<std::int64_t, std::int64_t>> period;
};

struct BoundOrder {
    Column column;
    bool descending = false;
    bool nulls_last = false;
};

struct BoundQuery {
    const ObjectDef* object = nullptr;
    bool count = false;
    std::vector<Selected> selected;
    std::optional<BoundCondition> where;
    std::vector<BoundOrder> order;
    std::optional<std::int64_t> limit;
    std::int64_t offset = 0;
};

/// Looks everything up that the query names. `text` is the query itself, for error messages; `now`
/// turns date literals into days.
/// errors  400 INVALID_TYPE, INVALID_FIELD, MALFORMED_QUERY, INVALID_QUERY_FILTER_OPERATOR,
///         NUMBER_OUTSIDE_VALID_RANGE
Outcome<BoundQuery> bind_soql(const Soql& soql, std::string_view text, WallTime now);

/// Less, equal or greater as -1, 0, 1, for two values of one field: null before all else, texts
/// without regard to the case of ASCII letters, ids with.
int compare_values(const Value& a, const Value& b, FieldType type);

}  // namespace latchkey::emulator::rest
