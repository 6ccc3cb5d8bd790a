#include "emulator/data/soql_bind.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "emulator/data/periods.h"

namespace latchkey::emulator::rest {
namespace {

constexpr std::size_t most_hops = 5;
constexpr std::int64_t most_offset = 2000;
constexpr std::int64_t day_seconds = 86400;

using Kind = SoqlLiteral::Kind;

bool ordered(SoqlOperator op) {
    return op == SoqlOperator::lt || op == SoqlOperator::gt || op == SoqlOperator::le ||
           op == SoqlOperator::ge;
}

class Binder {
public:
    Binder(std::string_view text, WallTime now) : text_(text), now_(now) {}

    Outcome<BoundQuery> query(const Soql& soql) {
        BoundQuery bound;
        object_ = find_object(soql.object);
        if (object_ == nullptr) {
            return soql_error("INVALID_TYPE", text_, soql.object_at,
                              fmt::format("sObject type '{}' is not supported. A custom object's "
                                          "name ends in '__c'; the list of sobjects shows what "
                                          "this org has.",
                                          printable(soql.object, 80)));
        }
        bound.object = object_;
        bound.count = soql.count;
        for (const SoqlPath& path : soql.fields) select(bound.selected, path, soql);
        if (soql.where) bound.where = condition(*soql.where);
        for (const SoqlOrder& order : soql.order) {
            BoundOrder next;
            next.column = column(order.field);
            next.descending = order.descending;
            next.nulls_last = order.nulls_last;
            if (ok() && next.column.def().type == FieldType::long_text) {
                fail("MALFORMED_QUERY", order.field.at,
                     fmt::format("field '{}' can not be sorted in a query call",
                                 next.column.def().name));
            }
            bound.order.push_back(std::move(next));
        }
        bound.limit = soql.limit;
        bound.offset = soql.offset.value_or(0);
        if (ok() && bound.offset > most_offset) {
            error_ = ApiError{400, "NUMBER_OUTSIDE_VALID_RANGE",
                              fmt::format("Maximum SOQL offset allowed is {}", most_offset)};
        }
        if (error_) return *error_;
        return bound;
    }

private:
    bool ok() const { return !error_; }
    void fail(std::string_view code, std::size_t at, std::string_view what) {
        if (ok()) error_ = soql_error(std::string(code), text_, at, what);
    }

    std::size_t find_field(const ObjectDef& object, std::string_view field, std::size_t at) {
        const auto found = object.find(field);
        if (!found) {
            fail("INVALID_FIELD", at,
                 fmt::format("No such column '{}' on entity '{}'. A custom field's name ends in "
                             "'__c'; the describe call shows the names.",
                             printable(field, 80), object.name));
        }
        return found.value_or(0);
    }

    Column column(const SoqlPath& path) {
        Column found;
        found.object = object_;
        std::size_t next = 0;
        // An object's own name may stand before its fields: SELECT Contact.Name FROM Contact.
        if (path.names.size() > 1 && ascii_iequal(path.names[0], object_->name) &&
            !object_->find_relationship(path.names[0])) {
            ++next;
        }
        for (; next + 1 < path.names.size(); ++next) {
            const auto field = found.object->find_relationship(path.names[next]);
            if (!field || found.hops.size() == most_hops) {
                fail("INVALID_FIELD", path.at,
                     fmt::format("Didn't understand relationship '{}' in field path. A custom "
                                 "relationship's name ends in '__r'.",
                                 printable(path.names[next], 80)));
                return found;
            }
            const ObjectDef* target = find_object(found.object->fields[*field].refers_to);
            found.hops.push_back({found.object, *field, target});
            found.object = target;
        }
        found.field = find_field(*found.object, path.names.back(), path.at);
        return found;
    }

    void select(std::vector<Selected>& list, const SoqlPath& path, const Soql& soql) {
        if (!ok()) return;
        if (path.names.front().starts_with("FIELDS(")) {
            select_group(list, path, soql);
            return;
        }
        const Column found = column(path);
        std::vector<Selected>* into = &list;
        for (const Column::Hop& hop : found.hops) {
            auto there = std::ranges::find_if(*into, [&](const Selected& s) {
                return s.target != nullptr && s.field == hop.field;
            });
            if (there == into->end()) {
                into->push_back({hop.field, hop.target, {}});
                there = into->end() - 1;
            }
            into = &there->of_target;
        }
        add_once(*into, found.field, path);
    }

    void add_once(std::vector<Selected>& list, std::size_t field, const SoqlPath& path) {
        const bool twice = std::ranges::any_of(
            list, [&](const Selected& s) { return s.target == nullptr && s.field == field; });
        if (twice) {
            fail("MALFORMED_QUERY", path.at,
                 fmt::format("duplicate field selected: {}", printable(path.names.back(), 80)));
        }
        if (ok()) list.push_back({field, nullptr, {}});
    }

    void select_group(std::vector<Selected>& list, const SoqlPath& path, const Soql& soql) {
        const std::string& group = path.names.front();
        const bool standard = group == "FIELDS(STANDARD)";
        if (!standard && soql.limit.value_or(201) > 200) {
            fail("MALFORMED_QUERY", path.at,
                 "The SOQL FIELDS function must have a LIMIT of at most 200");
        }
        for (std::size_t i = 0; i < object_->fields.size(); ++i) {
            const bool custom = object_->fields[i].custom();
            if (group == "FIELDS(ALL)" || custom != standard) add_once(list, i, path);
        }
    }

    BoundCondition condition(const SoqlCondition& from) {
        BoundCondition bound;
        bound.kind = from.kind;
        bound.op = from.op;
        if (!ok()) return bound;
        for (const SoqlCondition& part : from.parts) bound.parts.push_back(condition(part));
        if (from.kind == SoqlCondition::Kind::compare) compare(bound, from);
        return bound;
    }

    void compare(BoundCondition& bound, const SoqlCondition& from) {
        bound.column = column(from.field);
        if (!ok()) return;
        const FieldDef& field = bound.column.def();
        if (field.type == FieldType::long_text) {
            fail("INVALID_FIELD", from.field.at,
                 fmt::format("field '{}' can not be filtered in a query call", field.name));
            return;
        }
        if (from.op == SoqlOperator::like) {
            like(bound, from);
            return;
        }
        if (field.type == FieldType::boolean && ordered(from.op)) {
            fail("INVALID_QUERY_FILTER_OPERATOR", from.field.at,
                 fmt::format("invalid operator on boolean field '{}'", field.name));
            return;
        }
        for (const SoqlLiteral& literal : from.values) {
            if (literal.kind == Kind::period) {
                period(bound, from, literal);
            } else {
                bound.values.push_back(value_for(field, literal));
            }
            if (!ok()) return;
        }
        if (from.op == SoqlOperator::in || from.op == SoqlOperator::not_in) {
            std::ranges::sort(bound.values, [&](const Value& a, const Value& b) {
                return compare_values(a, b, field.type) < 0;
            });
        }
    }

    void like(BoundCondition& bound, const SoqlCondition& from) {
        const SoqlLiteral& literal = from.values.front();
        const FieldDef& field = bound.column.def();
        if (!textual(field.type)) {
            fail("INVALID_QUERY_FILTER_OPERATOR", from.field.at,
                 fmt::format("invalid operator on {} field '{}'", name(field.type), field.name));
        } else if (literal.kind != Kind::text) {
            wrong_type(field, literal);
        }
        bound.pattern = literal.pattern;
    }

    void period(BoundCondition& bound, const SoqlCondition& from, const SoqlLiteral& literal) {
        const FieldDef& field = bound.column.def();
        const bool timed = field.type == FieldType::datetime;
        const auto days = days_of(literal.text, static_cast<std::int64_t>(literal.number), now_);
        if (!days || from.values.size() != 1 || (!timed && field.type != FieldType::date)) {
            wrong_type(field, literal);
            return;
        }
        const std::int64_t unit = timed ? day_seconds : 1;
        bound.period = {days->from * unit, days->until * unit};
        // A list of one period is that period.
        if (bound.op == SoqlOperator::in) bound.op = SoqlOperator::eq;
        if (bound.op == SoqlOperator::not_in) bound.op = SoqlOperator::ne;
    }

    Value value_for(const FieldDef& field, const SoqlLiteral& literal) {
        using enum FieldType;
        if (literal.kind == Kind::null) return {};
        if (field.type == id || field.type == reference) {
            if (literal.kind != Kind::text) return wrong_type(field, literal);
            if (literal.text.empty()) return {};
            auto whole = full_id(literal.text);
            if (!whole) {
                fail("INVALID_QUERY_FILTER_OPERATOR", literal.at,
                     fmt::format("invalid ID field: {}", printable(literal.text, 80)));
                return {};
            }
            return std::move(*whole);
        }
        if (textual(field.type)) {
            if (literal.kind != Kind::text) return wrong_type(field, literal);
            if (literal.text.empty()) return {};
            return literal.text;
        }
        if (field.type == boolean && literal.kind == Kind::boolean) return literal.truth;
        if (field.type == date && literal.kind == Kind::date) return literal.time;
        if (field.type == datetime && literal.kind == Kind::datetime) return literal.time;
        const bool numeric =
            field.type == integer || field.type == currency || field.type == percent;
        if (numeric && literal.kind == Kind::number) return literal.number;
        return wrong_type(field, literal);
    }

    Value wrong_type(const FieldDef& field, const SoqlLiteral& literal) {
        const bool quoted = textual(field.type) || field.type == FieldType::id ||
                            field.type == FieldType::reference;
        fail("INVALID_FIELD", literal.at,
             fmt::format("value of filter criterion for field '{}' must be of type {} and should "
                         "{}be enclosed in quotes",
                         field.name, name(field.type), quoted ? "" : "not "));
        return {};
    }

    std::string_view text_;
    WallTime now_;
    const ObjectDef* object_ = nullptr;
    std::optional<ApiError> error_;
};

int sign_of(auto a, auto b) {
    return a < b ? -1 : b < a ? 1 : 0;
}

unsigned char folded(char c) {
    return static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int compare_texts(const std::string& a, const std::string& b) {
    const std::size_t both = std::min(a.size(), b.size());
    for (std::size_t i = 0; i < both; ++i) {
        if (folded(a[i]) != folded(b[i])) return folded(a[i]) < folded(b[i]) ? -1 : 1;
    }
    return sign_of(a.size(), b.size());
}

}  // namespace

Outcome<BoundQuery> bind_soql(const Soql& soql, std::string_view text, WallTime now) {
    return Binder(text, now).query(soql);
}

int compare_values(const Value& a, const Value& b, FieldType type) {
    if (a.index() != b.index()) return sign_of(a.index(), b.index());
    if (const auto* truth = std::get_if<bool>(&a)) return sign_of(*truth, std::get<bool>(b));
    if (const auto* time = std::get_if<std::int64_t>(&a)) {
        return sign_of(*time, std::get<std::int64_t>(b));
    }
    if (const auto* number = std::get_if<double>(&a)) return sign_of(*number, std::get<double>(b));
    if (const auto* text = std::get_if<std::string>(&a)) {
        const auto& other = std::get<std::string>(b);
        const bool exact = type == FieldType::id || type == FieldType::reference;
        return exact ? sign_of(text->compare(other), 0) : compare_texts(*text, other);
    }
    return 0;
}

}  // namespace latchkey::emulator::rest
