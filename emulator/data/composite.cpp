#include "emulator/data/composite.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "emulator/data/write.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

constexpr std::size_t most_parts = 25;
constexpr std::size_t most_queries = 5;  // and collections

ApiError halted(std::string message) {
    return {400, "PROCESSING_HALTED", std::move(message)};
}

/// The body of an answer as JSON; null where there is none.
json::value body_of(const Reply& reply) {
    boost::system::error_code failed;
    json::value body = json::parse(reply.body, failed);
    return failed ? json::value(nullptr) : body;
}

bool is_reference_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    });
}

using Answers = std::map<std::string, json::value, std::less<>>;

/// What a reference such as "made.errors[0].message" means; nullopt if an earlier answer has it not.
std::optional<std::string> looked_up(const Answers& answers, std::string_view path) {
    const auto end = path.find_first_of(".[");
    const auto found = answers.find(path.substr(0, end));
    if (found == answers.end()) return std::nullopt;
    path.remove_prefix(std::min(path.size(), end));
    const json::value* at = &found->second;
    while (!path.empty()) {
        const bool index = path.front() == '[';
        path.remove_prefix(1);
        const auto step = path.substr(0, path.find_first_of(index ? "]" : ".["));
        path.remove_prefix(std::min(path.size(), step.size() + (index ? 1 : 0)));
        if (index) {
            std::size_t number = 0;
            const auto [stop, wrong] =
                std::from_chars(step.data(), step.data() + step.size(), number);
            if (wrong != std::errc{} || stop != step.data() + step.size() || !at->is_array() ||
                number >= at->get_array().size()) {
                return std::nullopt;
            }
            at = &at->get_array()[number];
        } else {
            if (!at->is_object()) return std::nullopt;
            at = at->get_object().if_contains(step);
            if (at == nullptr) return std::nullopt;
        }
    }
    if (at->is_string()) return std::string{at->get_string()};
    if (at->is_structured() || at->is_null()) return std::nullopt;
    return json::serialize(*at);
}

/// Puts values in the place of "@{...}".
/// errors  400 PROCESSING_HALTED
Outcome<std::string> filled(std::string_view text, const Answers& answers, bool in_url) {
    std::string out;
    while (!text.empty()) {
        const auto begin = std::min(text.find("@{"), text.size());
        out += text.substr(0, begin);
        text.remove_prefix(begin);
        if (text.empty()) break;
        const auto end = text.find('}');
        if (end == text.npos) {
            out += text;
            break;
        }
        const auto path = text.substr(2, end - 2);
        const auto value = looked_up(answers, path);
        if (!value) {
            return halted(fmt::format("Invalid reference specified. No value for {} found",
                                      printable(path, 80)));
        }
        out += in_url ? percent_encode(*value) : *value;
        text.remove_prefix(end + 1);
    }
    return out;
}

/// The same in every text of a body. The parser has bounded its depth.
std::optional<ApiError> fill_values(json::value& value, const Answers& answers) {
    if (value.is_string()) {
        auto text = filled(value.get_string(), answers, false);
        if (!text) return text.error();
        value = *text;
    } else if (value.is_array()) {
        for (auto& one : value.get_array()) {
            if (auto error = fill_values(one, answers)) return error;
        }
    } else if (value.is_object()) {
        for (auto& member : value.get_object()) {
            if (auto error = fill_values(member.value(), answers)) return error;
        }
    }
    return std::nullopt;
}

struct Part {
    std::string method, url, reference;
    json::value body;
    Headers headers;
};

std::string text_of(const json::object& from, std::string_view name) {
    const auto* value = from.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : "";
}

/// The part as a request of its own. `root` is what its URL must begin with.
Outcome<ServedRequest> request_of(const Call& call, const Part& part, std::string_view root) {
    if (!part.url.starts_with(root)) {
        return ApiError{400, "BAD_REQUEST", fmt::format("The url must begin with {}", root)};
    }
    ServedRequest request;
    request.method = part.method;
    request.target = root.starts_with('/') ? part.url : "/services/data/" + part.url;
    request.path = request.target.substr(0, request.target.find('?'));
    if (request.target.size() > request.path.size()) {
        request.query = request.target.substr(request.path.size() + 1);
    }
    const bool nested = request.path.find("/composite") != std::string::npos &&
                        request.path.find("/composite/sobjects") == std::string::npos;
    if (nested || request.path.find("/jobs/") != std::string::npos) {
        return ApiError{400, "BAD_REQUEST", "This resource cannot be part of a composite call."};
    }
    request.headers = part.headers;
    request.headers.add("Content-Type", "application/json");
    if (!part.body.is_null()) request.body = json::serialize(part.body);
    request.peer = call.request.peer;
    return request;
}

Reply answered(const Call& call, Part part, const Answers& answers, const AnswerPart& answer) {
    auto url = filled(part.url, answers, true);
    if (!url) return error_reply(url.error());
    part.url = std::move(*url);
    if (auto error = fill_values(part.body, answers)) return error_reply(*error);
    const auto request = request_of(call, part, "/services/data/v");
    return request ? answer(*request) : error_reply(request.error());
}

json::object shown(const Reply& reply, const std::string& reference) {
    json::object lines;
    if (const auto location = reply.headers.find("Location")) lines["Location"] = *location;
    return {{"body", body_of(reply)},
            {"httpHeaders", std::move(lines)},
            {"httpStatusCode", reply.status},
            {"referenceId", reference}};
}

/// errors  400 JSON_PARSER_ERROR, LIMIT_EXCEEDED
Outcome<std::vector<Part>> read_parts(const json::object& body) {
    const auto* list = body.if_contains("compositeRequest");
    if (list == nullptr || !list->is_array()) {
        return ApiError{400, "JSON_PARSER_ERROR", "The requests must be in \"compositeRequest\"."};
    }
    if (list->get_array().size() > most_parts) {
        return ApiError{400, "LIMIT_EXCEEDED",
                        fmt::format("At most {} requests fit in one call.", most_parts)};
    }
    std::vector<Part> parts;
    std::size_t queries = 0;
    for (const auto& one : list->get_array()) {
        if (!one.is_object()) {
            return ApiError{400, "JSON_PARSER_ERROR", "Each request is a JSON object."};
        }
        const auto& fields = one.get_object();
        Part part{text_of(fields, "method"),
                  text_of(fields, "url"),
                  text_of(fields, "referenceId"),
                  nullptr,
                  {}};
        if (part.method.empty() || part.url.empty() || !is_reference_name(part.reference)) {
            return ApiError{400, "JSON_PARSER_ERROR",
                            "Each request needs method, url, and a referenceId of letters, digits "
                            "and '_'."};
        }
        for (const auto& other : parts) {
            if (other.reference == part.reference) {
                return ApiError{
                    400, "JSON_PARSER_ERROR",
                    fmt::format("The referenceId {} stands twice.", printable(part.reference, 80))};
            }
        }
        if (const auto* content = fields.if_contains("body")) part.body = *content;
        const auto* lines = fields.if_contains("httpHeaders");
        if (lines != nullptr && lines->is_object()) {
            for (const auto& line : lines->get_object()) {
                if (!line.value().is_string()) continue;
                part.headers.add(std::string{line.key()}, std::string{line.value().get_string()});
            }
        }
        const bool query = part.url.find("/query") != std::string::npos ||
                           part.url.find("/composite/sobjects") != std::string::npos;
        queries += query ? 1 : 0;
        parts.push_back(std::move(part));
    }
    if (queries > most_queries) {
        return ApiError{
            400, "LIMIT_EXCEEDED",
            fmt::format("At most {} of the requests may be queries or collections.", most_queries)};
    }
    return parts;
}

}  // namespace

Reply answer_composite(const Call& call, Org& org, const AnswerPart& answer) {
    if (call.method != "POST") return method_refused(call.method, "POST");
    const auto body = read_body(call);
    if (!body) return error_reply(body.error());
    auto parts = read_parts(*body);
    if (!parts) return error_reply(parts.error());
    const auto* flag = body->if_contains("allOrNone");
    const bool all_or_none = flag != nullptr && flag->is_bool() && flag->get_bool();

    Attempt attempt(org);
    Answers answers;
    std::vector<Reply> replies;
    std::optional<std::size_t> failed;
    for (std::size_t i = 0; i < parts->size() && !(all_or_none && failed); ++i) {
        replies.push_back(answered(call, (*parts)[i], answers, answer));
        if (replies.back().status >= 400) {
            failed = i;
        } else {
            answers.emplace((*parts)[i].reference, body_of(replies.back()));
        }
    }
    if (all_or_none && failed) {
        attempt.take_back();
        const Reply other = error_reply(halted(
            "The transaction was rolled back since another operation in the same transaction "
            "failed."));
        Reply cause = std::move(replies[*failed]);
        replies.assign(parts->size(), other);
        replies[*failed] = std::move(cause);
    }
    json::array all;
    for (std::size_t i = 0; i < replies.size(); ++i) {
        all.push_back(shown(replies[i], (*parts)[i].reference));
    }
    return json_reply(200, json::object{{"compositeResponse", std::move(all)}});
}

Reply answer_composite_batch(const Call& call, const AnswerPart& answer) {
    if (call.method != "POST") return method_refused(call.method, "POST");
    const auto body = read_body(call);
    if (!body) return error_reply(body.error());
    const auto* list = body->if_contains("batchRequests");
    if (list == nullptr || !list->is_array()) {
        return error_reply(
            {400, "JSON_PARSER_ERROR", "The requests must be in \"batchRequests\"."});
    }
    if (list->get_array().size() > most_parts) {
        return error_reply({400, "LIMIT_EXCEEDED",
                            fmt::format("At most {} requests fit in one call.", most_parts)});
    }
    const auto* flag = body->if_contains("haltOnError");
    const bool halt = flag != nullptr && flag->is_bool() && flag->get_bool();
    bool failed = false;
    json::array results;
    for (const auto& one : list->get_array()) {
        Reply reply;
        if (failed && halt) {
            reply = error_reply({412, "BATCH_PROCESSING_HALTED",
                                 "Batch processing halted per request, not executed"});
        } else if (!one.is_object()) {
            reply = error_reply({400, "JSON_PARSER_ERROR", "Each request is a JSON object."});
        } else {
            const auto& fields = one.get_object();
            Part part{text_of(fields, "method"), text_of(fields, "url"), "", nullptr, {}};
            if (const auto* content = fields.if_contains("richInput")) part.body = *content;
            // With or without "/services/data/" in front.
            constexpr std::string_view root = "/services/data/";
            if (part.url.starts_with(root)) part.url.erase(0, root.size());
            const auto request = request_of(call, part, "v");
            reply = request ? answer(*request) : error_reply(request.error());
        }
        failed = failed || reply.status >= 400;
        results.push_back({{"statusCode", reply.status}, {"result", body_of(reply)}});
    }
    return json_reply(200, json::object{{"hasErrors", failed}, {"results", std::move(results)}});
}

}  // namespace latchkey::emulator::rest
