#include "emulator/data/write_value.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/text.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

ApiError of_field(std::string code, const FieldDef& field, std::string_view what) {
    return {
        400, std::move(code), fmt::format("{}: {}", field.label, what), {std::string(field.name)}};
}

std::string_view token_name(const json::value& from) {
    switch (from.kind()) {
        case json::kind::bool_:
            return from.get_bool() ? "VALUE_TRUE" : "VALUE_FALSE";
        case json::kind::string:
            return "VALUE_STRING";
        case json::kind::double_:
            return "VALUE_NUMBER_FLOAT";
        case json::kind::array:
            return "START_ARRAY";
        case json::kind::object:
            return "START_OBJECT";
        default:
            return "VALUE_NUMBER_INT";
    }
}

ApiError wrong_json(const FieldDef& field, const json::value& from) {
    std::string shown;
    if (!from.is_structured()) {
        const std::string text =
            from.is_string() ? std::string(from.get_string()) : json::serialize(from);
        shown = " value " + printable(text, 80);
    }
    return {400, "JSON_PARSER_ERROR",
            fmt::format("Cannot deserialize instance of {} from {}{} or request may be missing a "
                        "required field",
                        name(field.type), token_name(from), shown)};
}

/// Characters, not bytes.
std::size_t length_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool email_address(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos || at == 0) return false;
    const std::string_view domain = text.substr(at + 1);
    return domain.find('.') != std::string_view::npos && !domain.starts_with('.') &&
           !domain.ends_with('.') && text.find_first_of(" \t\r\n,;<>\"", 0) == text.npos &&
           domain.find('@') == std::string_view::npos;
}

Outcome<Value> text_value(const FieldDef& field, const json::value& from) {
    if (!from.is_string()) return wrong_json(field, from);
    const std::string_view text = from.get_string();
    if (text.empty()) return Value{};
    if (length_of(text) > static_cast<std::size_t>(field.length)) {
        return of_field("STRING_TOO_LONG", field,
                        fmt::format("data value too large: {} (max length={})", printable(text, 80),
                                    field.length));
    }
    if (field.type == FieldType::email && !email_address(text)) {
        return of_field("INVALID_EMAIL_ADDRESS", field,
                        fmt::format("invalid email address: {}", printable(text, 80)));
    }
    return Value{std::string(text)};
}

Outcome<Value> number_value(const FieldDef& field, const json::value& from) {
    if (!from.is_number()) return wrong_json(field, from);
    const bool whole = field.type == FieldType::integer;
    const double number = from.to_number<double>();
    if (whole && number != std::floor(number)) return wrong_json(field, from);
    const double bound = whole ? 2147483648.0 : field.type == FieldType::percent ? 1000.0 : 1e16;
    if (!(std::abs(number) < bound)) {
        return of_field("NUMBER_OUTSIDE_VALID_RANGE", field,
                        fmt::format("value outside of valid range on numeric field: {}",
                                    json::serialize(from)));
    }
    return Value{number};
}

Outcome<Value> reference_value(Org& org, const FieldDef& field, const json::value& from) {
    if (!from.is_string()) return wrong_json(field, from);
    const std::string_view text = from.get_string();
    if (text.empty()) return Value{};
    const ObjectDef& target = *find_object(field.refers_to);
    const auto id = full_id(text);
    const Table& table = org.table(target);
    const auto row = id ? table.find(*id) : std::nullopt;
    if (!id || (!row && !id->starts_with(target.key_prefix))) {
        return of_field("MALFORMED_ID", field,
                        fmt::format("id value of incorrect type: {}", printable(text, 80)));
    }
    if (!row || table.row(*row).deleted) {
        return ApiError{400,
                        "INVALID_CROSS_REFERENCE_KEY",
                        "invalid cross reference id",
                        {std::string(field.name)}};
    }
    return Value{*id};
}

}  // namespace

Outcome<Value> value_from_json(Org& org, const FieldDef& field, const json::value& from) {
    using enum FieldType;
    if (from.is_null() && field.type != boolean) return Value{};
    if (textual(field.type)) return text_value(field, from);
    switch (field.type) {
        case id:
        case reference:
            return reference_value(org, field, from);
        case boolean:
            if (from.is_null()) {
                return of_field("INVALID_TYPE_ON_FIELD_IN_RECORD", field,
                                "value not of required type: null");
            }
            if (!from.is_bool()) return wrong_json(field, from);
            return Value{from.get_bool()};
        case date:
        case datetime: {
            if (!from.is_string()) return wrong_json(field, from);
            const std::string_view text = from.get_string();
            const auto time = field.type == date ? parse_date(text) : parse_datetime(text);
            if (!time) return wrong_json(field, from);
            return Value{*time};
        }
        default:
            return number_value(field, from);
    }
}

}  // namespace latchkey::emulator::rest
