#include "service/requests.h"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>

namespace latchkey::service {
namespace {

Error wrong_field(std::string_view field, const char* needed) {
    return {Fault::bad_input, "invalid_field",
            "The field " + std::string{field} + " must be " + needed + "."};
}

}  // namespace

std::vector<std::string> segments(std::string_view path) {
    std::vector<std::string> parts;
    if (!path.starts_with('/')) return {};
    path.remove_prefix(1);
    for (;;) {
        const auto end = std::min(path.find('/'), path.size());
        auto part = percent_decode(path.substr(0, end));
        if (!part || part->empty() || *part == "." || *part == ".." ||
            part->find_first_of(std::string_view{"/\\\0", 3}) != std::string::npos)
            return {};
        parts.push_back(std::move(*part));
        if (end == path.size()) return parts;
        path.remove_prefix(end + 1);
    }
}

Result<boost::json::object> read_object(const ServedRequest& request,
                                        std::initializer_list<std::string_view> allowed) {
    if (request.body.empty()) return boost::json::object{};
    boost::system::error_code failed;
    boost::json::parse_options options;
    options.max_depth = 8;
    auto value = boost::json::parse(request.body, failed, {}, options);
    if (failed || !value.is_object())
        return Error{Fault::bad_input, "invalid_json", "The body must be one JSON object."};
    for (const auto& member : value.get_object()) {
        const std::string_view field{member.key().data(), member.key().size()};
        if (std::find(allowed.begin(), allowed.end(), field) != allowed.end()) continue;
        std::string list;
        for (const auto known : allowed) list += (list.empty() ? "" : ", ") + std::string{known};
        return Error{
            Fault::bad_input, "unknown_field",
            "There is no field " + printable(field, 64) + " here; known are: " + list + "."};
    }
    return std::move(value.get_object());
}

Result<std::optional<std::string>> optional_text(const boost::json::object& body,
                                                 std::string_view field) {
    const auto* value = body.if_contains(field);
    if (value == nullptr || value->is_null()) return std::optional<std::string>{};
    if (!value->is_string()) return wrong_field(field, "a string");
    const auto& text = value->get_string();
    return std::optional<std::string>{std::string{text.data(), text.size()}};
}

Result<std::string> required_text(const boost::json::object& body, std::string_view field) {
    auto text = optional_text(body, field);
    if (!text) return text.error();
    if (!*text) return wrong_field(field, "given, as a string");
    return std::move(**text);
}

Result<std::vector<std::string>> optional_texts(const boost::json::object& body,
                                                std::string_view field) {
    std::vector<std::string> texts;
    const auto* value = body.if_contains(field);
    if (value == nullptr) return texts;
    if (!value->is_array()) return wrong_field(field, "a list of strings");
    for (const auto& item : value->get_array()) {
        if (!item.is_string()) return wrong_field(field, "a list of strings");
        texts.emplace_back(item.get_string().data(), item.get_string().size());
    }
    return texts;
}

Result<std::optional<std::int64_t>> optional_number(const FormFields& query, std::string_view field,
                                                    std::int64_t least, std::int64_t most) {
    if (count(query, field) == 0) return std::optional<std::int64_t>{};
    const auto text = only(query, field);
    std::int64_t value = 0;
    if (text) {
        const auto [end, failed] =
            std::from_chars(text->data(), text->data() + text->size(), value);
        if (failed == std::errc{} && end == text->data() + text->size() && value >= least &&
            value <= most)
            return std::optional<std::int64_t>{value};
    }
    return Error{Fault::bad_input, "invalid_parameter",
                 std::string{field} + " must be a whole number from " + std::to_string(least) +
                     " to " + std::to_string(most) + "."};
}

Result<FormFields> read_query(const ServedRequest& request,
                              std::initializer_list<std::string_view> allowed) {
    auto fields = parse_form(request.query);
    if (!fields)
        return Error{Fault::bad_input, "invalid_parameter", "The query string cannot be read."};
    for (const auto& [field, value] : *fields) {
        bool known = false;
        std::string list;
        for (const auto name : allowed) {
            known = known || field == name;
            list += (list.empty() ? "" : ", ") + std::string{name};
        }
        if (!known || count(*fields, field) != 1)
            return Error{Fault::bad_input, "invalid_parameter",
                         "This path takes, once each: " + (list.empty() ? "nothing" : list) + "."};
    }
    return std::move(*fields);
}

Result<Secret> bearer(const ServedRequest& request) {
    const auto line = request.headers.find("Authorization");
    if (!line || request.headers.count("Authorization") != 1) return invalid_api_key();
    const auto key = bearer(*line);
    if (!key) return key.error();
    return Secret{*key};
}

Result<std::string_view> bearer(std::string_view authorization) {
    constexpr std::string_view scheme = "Bearer ";
    if (!ascii_iequal(authorization.substr(0, scheme.size()), scheme)) return invalid_api_key();
    return authorization.substr(scheme.size());
}

bool has_key(std::string_view query) {
    const auto names_a_key = [](std::string_view name) {
        return name == "access_token" || name == "api_key" || name == "oauth_token";
    };
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto name = query.substr(0, std::min(query.find('='), end));
        if (name.find('%') != std::string_view::npos) {
            const auto decoded = percent_decode(name, true);
            if (!decoded || names_a_key(*decoded)) return true;
        } else if (names_a_key(name)) {
            return true;
        }
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return false;
}

Error invalid_api_key() {
    // The words of a key that is wrong: nothing tells the two apart.
    return {Fault::denied, "invalid_api_key",
            "The API key is missing or not valid. Send Authorization: Bearer and a key."};
}

Error key_in_query() {
    return {Fault::bad_input, "key_in_query",
            "Send the API key in the Authorization header, never in the URL."};
}

Result<void> may(const Caller& caller, Permission needed) {
    if (caller.may(needed)) return {};
    return Error{Fault::denied, "permission_denied",
                 std::string{"This key lacks the permission \""} + name(needed) +
                     "\"; create a key that has it."};
}

std::vector<std::string> cookies(const ServedRequest& request, std::string_view name) {
    std::vector<std::string> values;
    for (const auto& header : request.headers) {
        if (!ascii_iequal(header.name, "Cookie")) continue;
        std::string_view rest{header.value};
        while (!rest.empty()) {
            const auto end = std::min(rest.find(';'), rest.size());
            auto pair = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
            const auto equals = pair.find('=');
            if (equals != std::string_view::npos && pair.substr(0, equals) == name)
                values.emplace_back(pair.substr(equals + 1));
        }
    }
    return values;
}

}  // namespace latchkey::service
