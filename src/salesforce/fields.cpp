#include <cmath>

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <latchkey/records.h>

namespace latchkey {
namespace {

std::string quoted(std::string_view text) {
    return boost::json::serialize(boost::json::value(boost::json::string_view{text}));
}

}  // namespace

void Fields::begin(std::string_view name) {
    if (!members_.empty()) members_ += ',';
    members_ += quoted(name);
    members_ += ':';
}

Fields& Fields::set(std::string_view name, std::string_view text) {
    begin(name);
    members_ += quoted(text);
    return *this;
}

Fields& Fields::set(std::string_view name, double number) {
    begin(name);
    // JSON has no word for what is not a number.
    members_ += std::isfinite(number) ? fmt::format("{}", number) : "null";
    return *this;
}

Fields& Fields::set(std::string_view name, std::int64_t number) {
    begin(name);
    members_ += fmt::format("{}", number);
    return *this;
}

Fields& Fields::set(std::string_view name, bool truth) {
    begin(name);
    members_ += truth ? "true" : "false";
    return *this;
}

Fields& Fields::set_null(std::string_view name) {
    begin(name);
    members_ += "null";
    return *this;
}

Fields& Fields::set_json(std::string_view name, std::string_view text) {
    begin(name);
    members_ += text;
    return *this;
}

}  // namespace latchkey
