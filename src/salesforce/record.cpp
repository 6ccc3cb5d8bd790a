#include <algorithm>

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <latchkey/api.h>

#include "base/text.h"

namespace latchkey {

namespace {

bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t past_blanks(std::string_view text, std::size_t at) {
    while (at < text.size() && blank(text[at])) ++at;
    return at;
}

/// `at` is an opening quote. Whatever the text is, the answer is not beyond its end.
std::size_t past_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return std::min(text.size(), at + 1);
}

std::size_t past_value(std::string_view text, std::size_t at) {
    if (at >= text.size()) return text.size();
    if (text[at] == '"') return past_string(text, at);
    if (text[at] != '{' && text[at] != '[') {
        return std::min(text.find_first_of(",]} \t\r\n", at), text.size());
    }
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = past_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at;
        if (depth == 0) return at;
    }
    return text.size();
}

/// The value of a member, as it stands there. Records have tens of fields of which few are asked
/// for, so going past the others is cheaper than a tree of them all.
std::optional<std::string_view> member(std::string_view object, std::string_view name) {
    auto at = past_blanks(object, 0);
    if (at >= object.size() || object[at] != '{') return std::nullopt;
    at = past_blanks(object, at + 1);
    while (at < object.size() && object[at] == '"') {
        const auto key_end = past_string(object, at);
        const auto key = object.substr(at + 1, std::max(key_end, at + 2) - at - 2);
        const auto colon = past_blanks(object, key_end);
        if (colon >= object.size() || object[colon] != ':') return std::nullopt;
        const auto begin = past_blanks(object, colon + 1);
        const auto end = past_value(object, begin);
        if (ascii_iequal(key, name)) return object.substr(begin, end - begin);
        at = past_blanks(object, end);
        if (at >= object.size() || object[at] != ',') return std::nullopt;
        at = past_blanks(object, at + 1);
    }
    return std::nullopt;
}

std::optional<std::string> printed(std::string_view value) {
    if (value == "null" || value.empty()) return std::nullopt;
    const bool plain_text = value.size() >= 2 && value.front() == '"' && value.back() == '"' &&
                            value.find('\\') == std::string_view::npos;
    if (plain_text) return std::string{value.substr(1, value.size() - 2)};
    const bool number = value.front() == '-' || (value.front() >= '0' && value.front() <= '9');
    const bool whole = number && value.find_first_of(".eE") == std::string_view::npos;
    if (whole || value == "true" || value == "false") return std::string{value};
    boost::system::error_code failed;
    const auto parsed = boost::json::parse({value.data(), value.size()}, failed);
    if (failed) return std::nullopt;
    if (const auto* text = parsed.if_string()) return std::string{text->data(), text->size()};
    // Not in the exponent's form, which nobody expects of an amount of money.
    if (const auto* real = parsed.if_double()) return fmt::format("{}", *real);
    return boost::json::serialize(parsed);
}

}  // namespace

std::optional<std::string> Record::text(std::string_view field) const {
    std::string_view at = json_;
    for (;;) {
        const auto dot = field.find('.');
        const auto value = member(at, field.substr(0, dot));
        if (!value) return std::nullopt;
        if (dot == std::string_view::npos) return printed(*value);
        at = *value;
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
