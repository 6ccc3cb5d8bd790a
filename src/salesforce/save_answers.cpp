#include "salesforce/save_answers.h"

#include <boost/json.hpp>

namespace latchkey::salesforce {
namespace json = boost::json;
namespace {

Error unreadable() {
    return {Fault::outcome_unknown, "upstream_invalid_response",
            "Salesforce's answer is not what the call answers. It may have been done; look before "
            "repeating it."};
}

std::optional<json::value> parsed(std::string_view body) {
    boost::system::error_code failed;
    auto value = json::parse({body.data(), body.size()}, failed);
    if (failed) return std::nullopt;
    return value;
}

std::string text_of(const json::object& from, std::string_view name) {
    const auto* value = from.if_contains(name);
    if (value == nullptr || !value->is_string()) return "";
    return {value->get_string().data(), value->get_string().size()};
}

bool flag_of(const json::object& from, std::string_view name) {
    const auto* value = from.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

RowProblem problem_of(const json::object& from) {
    RowProblem problem;
    problem.code = text_of(from, "statusCode");
    if (problem.code.empty()) problem.code = text_of(from, "errorCode");
    problem.message = text_of(from, "message");
    if (const auto* fields = from.if_contains("fields"); fields && fields->is_array()) {
        for (const auto& one : fields->get_array()) {
            if (one.is_string()) problem.fields.emplace_back(one.get_string());
        }
    }
    return problem;
}

}  // namespace

Result<Upserted> read_saved(std::string_view body) {
    const auto value = parsed(body);
    if (!value || !value->is_object()) return unreadable();
    Upserted saved;
    saved.id = text_of(value->get_object(), "id");
    saved.created = flag_of(value->get_object(), "created");
    if (saved.id.empty() || !flag_of(value->get_object(), "success")) return unreadable();
    return saved;
}

Result<std::vector<RowResult>> read_results(std::string_view body, std::size_t sent) {
    const auto value = parsed(body);
    if (!value || !value->is_array() || value->get_array().size() != sent) return unreadable();
    std::vector<RowResult> results;
    for (const auto& one : value->get_array()) {
        if (!one.is_object()) return unreadable();
        const auto& row = one.get_object();
        RowResult result;
        result.id = text_of(row, "id");
        result.success = flag_of(row, "success");
        result.created = flag_of(row, "created");
        if (const auto* errors = row.if_contains("errors"); errors && errors->is_array()) {
            for (const auto& error : errors->get_array()) {
                if (error.is_object()) result.problems.push_back(problem_of(error.get_object()));
            }
        }
        results.push_back(std::move(result));
    }
    return results;
}

Result<std::vector<std::optional<Record>>> read_found(std::string_view body, std::size_t sent) {
    const auto value = parsed(body);
    if (!value || !value->is_array() || value->get_array().size() != sent) return unreadable();
    std::vector<std::optional<Record>> found;
    for (const auto& one : value->get_array()) {
        if (!one.is_object() && !one.is_null()) return unreadable();
        found.emplace_back();
        if (one.is_object()) found.back().emplace(json::serialize(one));
    }
    return found;
}

Result<std::vector<CompositeAnswer>> read_composite(std::string_view body) {
    const auto value = parsed(body);
    const auto* list = value && value->is_object()
                           ? value->get_object().if_contains("compositeResponse")
                           : nullptr;
    if (list == nullptr || !list->is_array()) return unreadable();
    std::vector<CompositeAnswer> answers;
    for (const auto& one : list->get_array()) {
        if (!one.is_object()) return unreadable();
        const auto& part = one.get_object();
        const auto* status = part.if_contains("httpStatusCode");
        if (status == nullptr || !status->is_int64()) return unreadable();
        CompositeAnswer answer;
        answer.reference = text_of(part, "referenceId");
        answer.status = static_cast<int>(status->get_int64());
        const auto* content = part.if_contains("body");
        answer.body_json = content == nullptr ? "null" : json::serialize(*content);
        answers.push_back(std::move(answer));
    }
    return answers;
}

Result<OrgLimits> read_limits(std::string_view body) {
    const auto value = parsed(body);
    if (!value || !value->is_object()) {
        return Error{Fault::try_later, "upstream_invalid_response",
                     "Salesforce answered with something that is not a list of limits. Try again."};
    }
    OrgLimits limits;
    for (const auto& [name, content] : value->get_object()) {
        if (!content.is_object()) continue;
        const auto* most = content.get_object().if_contains("Max");
        const auto* left = content.get_object().if_contains("Remaining");
        if (most == nullptr || left == nullptr || !most->is_int64() || !left->is_int64()) continue;
        OrgLimit limit;
        limit.most = most->get_int64();
        limit.left = left->get_int64();
        limits.emplace(std::string{name.data(), name.size()}, limit);
    }
    return limits;
}

}  // namespace latchkey::salesforce
