#include "emulator/data/soql_run.h"

#include <algorithm>

#include "base/text.h"

namespace latchkey::emulator::rest {
namespace {

const Value null_value;

const Value& value_at(Org& org, const Table& table, std::size_t row, const Column& column) {
    const Table* at = &table;
    for (const Column::Hop& hop : column.hops) {
        const auto* id = std::get_if<std::string>(&at->row(row).fields[hop.field]);
        if (id == nullptr) return null_value;
        at = &org.table(*hop.target);
        const auto found = at->find(*id);
        if (!found) return null_value;
        row = *found;
    }
    return at->row(row).fields[column.field];
}

bool holds_in_period(const Value& value, SoqlOperator op,
                     const std::pair<std::int64_t, std::int64_t>& period) {
    const auto* time = std::get_if<std::int64_t>(&value);
    if (time == nullptr) return op == SoqlOperator::ne;
    const auto [from, until] = period;
    switch (op) {
        case SoqlOperator::eq:
            return from <= *time && *time < until;
        case SoqlOperator::ne:
            return *time < from || *time >= until;
        case SoqlOperator::lt:
            return *time < from;
        case SoqlOperator::le:
            return *time < until;
        case SoqlOperator::gt:
            return *time >= until;
        case SoqlOperator::ge:
            return *time >= from;
        default:
            return false;
    }
}

/// SOQL has two truth values: null equals null, differs from everything else, and is neither less
/// nor greater than anything.
bool holds_compare(const BoundCondition& condition, const Value& value) {
    const FieldType type = condition.column.def().type;
    if (condition.period) return holds_in_period(value, condition.op, *condition.period);
    if (condition.op == SoqlOperator::like) {
        const auto* text = std::get_if<std::string>(&value);
        return text != nullptr && matches_like(*text, condition.pattern);
    }
    if (condition.op == SoqlOperator::in || condition.op == SoqlOperator::not_in) {
        const bool found = std::ranges::binary_search(
            condition.values, value,
            [&](const Value& a, const Value& b) { return compare_values(a, b, type) < 0; });
        return found == (condition.op == SoqlOperator::in);
    }
    const Value& wanted = condition.values.front();
    const int order = compare_values(value, wanted, type);
    if (condition.op == SoqlOperator::eq) return order == 0;
    if (condition.op == SoqlOperator::ne) return order != 0;
    if (is_null(value) || is_null(wanted)) return false;
    switch (condition.op) {
        case SoqlOperator::lt:
            return order < 0;
        case SoqlOperator::gt:
            return order > 0;
        case SoqlOperator::le:
            return order <= 0;
        default:
            return order >= 0;
    }
}

bool holds(const BoundCondition& condition, Org& org, const Table& table, std::size_t row) {
    const auto part_holds = [&](const BoundCondition& part) {
        return holds(part, org, table, row);
    };
    switch (condition.kind) {
        case SoqlCondition::Kind::all:
            return std::ranges::all_of(condition.parts, part_holds);
        case SoqlCondition::Kind::any:
            return std::ranges::any_of(condition.parts, part_holds);
        case SoqlCondition::Kind::negation:
            return !part_holds(condition.parts.front());
        case SoqlCondition::Kind::compare:
            break;
    }
    return holds_compare(condition, value_at(org, table, row, condition.column));
}

void sort_rows(std::vector<std::size_t>& rows, const std::vector<BoundOrder>& order, Org& org,
               const Table& table) {
    const std::size_t width = order.size();
    std::vector<const Value*> keys(rows.size() * width);
    std::vector<std::size_t> places(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        places[i] = i;
        for (std::size_t k = 0; k < width; ++k) {
            keys[i * width + k] = &value_at(org, table, rows[i], order[k].column);
        }
    }
    std::ranges::sort(places, [&](std::size_t a, std::size_t b) {
        for (std::size_t k = 0; k < width; ++k) {
            const Value& left = *keys[a * width + k];
            const Value& right = *keys[b * width + k];
            if (is_null(left) != is_null(right)) return is_null(left) != order[k].nulls_last;
            const int way = compare_values(left, right, order[k].column.def().type);
            if (way != 0) return (way < 0) != order[k].descending;
        }
        return a < b;  // equal keys stay in order of creation
    });
    std::vector<std::size_t> sorted(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) sorted[i] = rows[places[i]];
    rows = std::move(sorted);
}

/// Bytes of the UTF-8 sequence at the front.
std::size_t one_character(std::string_view text) {
    std::size_t length = 1;
    while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) {
        ++length;
    }
    return length;
}

char folded(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::vector<std::size_t> run_soql(const BoundQuery& query, Org& org, bool deleted_too) {
    const Table& table = org.table(*query.object);
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < table.size(); ++row) {
        if (table.row(row).deleted && !deleted_too) continue;
        if (!query.where || holds(*query.where, org, table, row)) rows.push_back(row);
    }
    if (!query.order.empty()) sort_rows(rows, query.order, org, table);
    rows.erase(rows.begin(),
               rows.begin() + std::min<std::ptrdiff_t>(query.offset, std::ssize(rows)));
    if (query.limit && *query.limit < std::ssize(rows)) {
        rows.resize(static_cast<std::size_t>(*query.limit));
    }
    return rows;
}

bool matches_like(std::string_view text, std::string_view pattern) {
    std::size_t t = 0, p = 0;
    // After a %, where to take up again when the rest does not fit.
    std::size_t retry_text = 0, retry_pattern = std::string_view::npos;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '%') {
            retry_pattern = ++p;
            retry_text = t;
            continue;
        }
        if (p < pattern.size() && pattern[p] == '_') {
            t += one_character(text.substr(t));
            ++p;
            continue;
        }
        const std::size_t literal =
            p + (p + 1 < pattern.size() && pattern[p] == '\\' ? std::size_t{1} : std::size_t{0});
        if (literal < pattern.size() && folded(pattern[literal]) == folded(text[t])) {
            p = literal + 1;
            ++t;
            continue;
        }
        if (retry_pattern == std::string_view::npos) return false;
        retry_text += one_character(text.substr(retry_text));
        t = retry_text;
        p = retry_pattern;
    }
    while (p < pattern.size() && pattern[p] == '%') ++p;
    return p == pattern.size();
}

}  // namespace latchkey::emulator::rest
