#include "emulator/data/render.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

constexpr double exact_integers = 9007199254740992.0;  // 2^53

json::value show_number(double number) {
    // A whole number without an exponent, as people expect to see it.
    if (number == std::floor(number) && std::abs(number) < exact_integers) {
        return static_cast<std::int64_t>(number);
    }
    return number;
}

json::value show_value(const Value& value, FieldType type) {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth;
    if (const auto* number = std::get_if<double>(&value)) return show_number(*number);
    if (const auto* text = std::get_if<std::string>(&value)) return json::value(*text);
    if (const auto* time = std::get_if<std::int64_t>(&value)) {
        return json::value(type == FieldType::date ? print_date(*time) : print_datetime(*time));
    }
    return nullptr;
}

json::value show_related(Org& org, const Value& reference, const Selected& selected,
                         std::string_view base) {
    const auto* id = std::get_if<std::string>(&reference);
    if (id == nullptr) return nullptr;
    const Table& target = org.table(*selected.target);
    const auto row = target.find(*id);
    if (!row) return nullptr;
    return show_record(org, target, *row, selected.of_target, base);
}

json::array show_column_list(const ObjectDef& object, const std::vector<Selected>& selected) {
    json::array columns;
    for (const Selected& one : selected) {
        const FieldDef& field = object.fields[one.field];
        const bool related = one.target != nullptr;
        const std::string_view shown = related ? field.relationship : field.name;
        const bool numeric = field.type == FieldType::integer ||
                             field.type == FieldType::currency || field.type == FieldType::percent;
        const bool writable = !field.is(read_only);
        columns.push_back({
            {"aggregate", false},
            {"apexType", related ? json::value(one.target->name) : json::value(name(field.type))},
            {"booleanType", field.type == FieldType::boolean},
            {"columnName", shown},
            {"custom", field.custom()},
            {"displayName", shown},
            {"foreignKeyName", related ? json::value(field.name) : json::value(nullptr)},
            {"insertable", !related && writable && object.createable},
            {"joinColumns", related ? show_column_list(*one.target, one.of_target) : json::array{}},
            {"numberType", numeric},
            {"textType", textual(field.type)},
            {"updatable", !related && writable && object.updateable},
        });
    }
    return columns;
}

}  // namespace

std::string record_url(std::string_view base, const ObjectDef& object, std::string_view id) {
    return fmt::format("{}/sobjects/{}/{}", base, object.name, id);
}

json::object show_record(Org& org, const Table& table, std::size_t row,
                         const std::vector<Selected>& selected, std::string_view base) {
    const ObjectDef& object = table.object();
    const Record& record = table.row(row);
    json::object shown{
        {"attributes", {{"type", object.name}, {"url", record_url(base, object, record.id())}}}};
    for (const Selected& one : selected) {
        const FieldDef& field = object.fields[one.field];
        const Value& value = record.fields[one.field];
        if (one.target != nullptr) {
            shown[field.relationship] = show_related(org, value, one, base);
        } else {
            shown[field.name] = show_value(value, field.type);
        }
    }
    return shown;
}

json::object show_columns(const BoundQuery& query) {
    const bool with_id = std::ranges::any_of(
        query.selected, [](const Selected& s) { return s.target == nullptr && s.field == 0; });
    return {{"columnMetadata", show_column_list(*query.object, query.selected)},
            {"entityName", query.object->name},
            {"groupBy", false},
            {"idSelected", with_id},
            {"keyPrefix", query.object->key_prefix}};
}

}  // namespace latchkey::emulator::rest
