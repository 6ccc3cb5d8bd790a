#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <latchkey/api.h>

#include "base/text.h"

namespace latchkey {

namespace {

const boost::json::value* member(const boost::json::object& object, std::string_view name) {
    for (const auto& [key, value] : object) {
        if (ascii_iequal({key.data(), key.size()}, name)) return &value;
    }
    return nullptr;
}

std::optional<std::string> printed(const boost::json::value& value) {
    switch (value.kind()) {
        case boost::json::kind::null:
            return std::nullopt;
        case boost::json::kind::string:
            return std::string{value.get_string().data(), value.get_string().size()};
        case boost::json::kind::double_:
            // Not in the exponent's form, which nobody expects of an amount of money.
            return fmt::format("{}", value.get_double());
        default:
            return boost::json::serialize(value);
    }
}

}  // namespace

std::optional<std::string> Record::text(std::string_view field) const {
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(json_, failed);
    if (failed) return std::nullopt;
    const boost::json::value* at = &parsed;
    for (;;) {
        const auto dot = field.find('.');
        const auto* object = at->if_object();
        if (object == nullptr) return std::nullopt;
        at = member(*object, field.substr(0, dot));
        if (at == nullptr) return std::nullopt;
        if (dot == std::string_view::npos) return printed(*at);
        field.remove_prefix(dot + 1);
    }
}

std::optional<std::string_view> ApiResponse::header(std::string_view name) const {
    for (const auto& [line, value] : headers) {
        if (ascii_iequal(line, name)) return value;
    }
    return std::nullopt;
}

}  // namespace latchkey
