#include "salesforce/errors.h"

#include <algorithm>

#include "base/text.h"
#include "salesforce/catalogue.h"
#include "salesforce/rest_error.h"

namespace latchkey::salesforce {
namespace {

std::string their_words(std::string_view error, std::string_view description) {
    std::string words{error};
    if (!error.empty() && !description.empty()) words += ": ";
    words += description;
    return printable(words);
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

Problem busy_server(std::string remote) {
    Problem problem;
    problem.verdict = GrantVerdict::unharmed;
    problem.error =
        Error{Fault::try_later, "rate_limited",
              "Salesforce gets too many requests. Wait before the next try.", std::move(remote)};
    return problem;
}

Problem unclear(std::string remote) {
    Problem problem;
    problem.error = Error{Fault::outcome_unknown, "upstream_error",
                          "Salesforce's answer does not tell what became of the request. Find out "
                          "before it is repeated.",
                          std::move(remote)};
    return problem;
}

bool fits(During during, bool refreshing) {
    return during == During::any || (during == During::refresh) == refreshing;
}

// Substrings, in lower case, of the 401s that a newer token does not cure. Refreshing on these
// would go on for ever.
constexpr std::string_view hopeless_texts[] = {
    "session is not valid for use with the rest api",
    "connected app is not attached to agent",
};

struct StatusMeaning {
    int status;
    Fault fault;
    const char* message;
};
constexpr StatusMeaning statuses[] = {
    {400, Fault::bad_input, "Salesforce found the request wrong. Correct it."},
    {401, Fault::reauthorize,
     "Salesforce does not accept the access token. Take a newer one, or connect again."},
    {403, Fault::denied,
     "The user may not do this. Ask an administrator of the org for the permission."},
    {404, Fault::not_found, "There is no such resource. Check the path."},
    {405, Fault::bad_input, "The resource does not know this method. Use another."},
    {409, Fault::conflict, "The record's state does not allow this. Read it again."},
    {410, Fault::bad_input, "This API version is retired. Use a newer one in the path."},
    {412, Fault::conflict, "The record was changed since it was read. Read it again."},
    {414, Fault::bad_input, "The address is too long. Send the query in a body."},
    {415, Fault::bad_input,
     "Salesforce does not take this content type. Send JSON or what the "
     "resource asks for."},
    {420, Fault::misconfigured,
     "Salesforce's front end does not know this host. The org may have been renamed or moved: "
     "refresh the connection, then check the instance URL."},
    {428, Fault::bad_input, "The request lacks a condition. Add the If-Match header."},
    {429, Fault::try_later, "Salesforce gets too many requests. Wait before the next one."},
    {431, Fault::bad_input, "The headers are too long. Send fewer."},
    {500, Fault::outcome_unknown,
     "Salesforce had an internal error and may have done the work. Look before repeating."},
    {502, Fault::outcome_unknown,
     "Salesforce's front end could not reach the instance, or lost it. Look before repeating."},
    {503, Fault::try_later, "Salesforce is not available. Call again later, with growing pauses."},
    {504, Fault::outcome_unknown,
     "Salesforce's instance did not answer in time. Look before repeating."},
};

Fault fault_of_status(int status) {
    if (status >= 500) return Fault::outcome_unknown;
    return status >= 400 ? Fault::bad_input : Fault::outcome_unknown;
}

bool same_code(std::string_view pattern, std::string_view code) {
    if (!pattern.ends_with('*')) return pattern == code;
    return code.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

Problem token_problem(int status, std::string_view error, std::string_view description,
                      bool refreshing) {
    auto remote = their_words(error, description);
    if (status == 429) return busy_server(std::move(remote));
    // Elsewhere the words may be those of a front end that saw nothing of the request's fate.
    if (status != 400 && status != 401 && status != 403) return unclear(std::move(remote));

    const auto lower = ascii_lower(description);
    for (const auto& row : token_rows()) {
        if (row.error != error || !fits(row.during, refreshing)) continue;
        if (!contains(lower, row.description)) continue;
        Problem problem;
        problem.verdict = row.verdict;
        problem.error = Error{row.fault, row.code, row.message, std::move(remote)};
        return problem;
    }
    return unclear(std::move(remote));
}

Error callback_problem(std::string_view error, std::string_view description) {
    auto remote = their_words(error, description);
    const auto lower = ascii_lower(description);
    for (const auto& row : callback_rows()) {
        if (row.error != error || !contains(lower, row.description)) continue;
        return {row.fault, row.code, row.message, std::move(remote)};
    }
    return {
        Fault::misconfigured, "authorization_failed",
        "Salesforce refused the connection for a reason that is not in the catalogue. Look at its "
        "words, then at the app's policies in the org.",
        std::move(remote)};
}

SessionVerdict session_verdict(int status, std::string_view content_type, std::string_view body) {
    const auto said = read_rest_error(content_type, body);
    if (status == 403) {
        const bool bad_token = said.code == "Bad_OAuth_Token" || said.code == "Bad_Token" ||
                               said.code == "INVALID_SESSION_ID";
        return bad_token ? SessionVerdict::dead : SessionVerdict::alive;
    }
    if (status != 401) return SessionVerdict::alive;
    const auto lower = ascii_lower(said.message);
    for (const auto text : hopeless_texts) {
        if (contains(lower, text)) return SessionVerdict::unhelpable;
    }
    return said.code == "INVALID_AUTH_HEADER" ? SessionVerdict::unhelpable : SessionVerdict::dead;
}

Error rest_problem(int status, std::string_view content_type, std::string_view body) {
    const auto said = read_rest_error(content_type, body);
    auto remote = their_words(said.code, said.message);
    if (session_verdict(status, content_type, body) == SessionVerdict::unhelpable) {
        return {
            Fault::misconfigured, ascii_lower(printable(said.code, 64)),
            "This access token is not made for the REST API, and a newer one will not be either. "
            "Give the app the scope api and connect again.",
            std::move(remote)};
    }
    for (const auto& row : rest_rows()) {
        if (!same_code(row.error_code, said.code)) continue;
        return {row.fault, ascii_lower(said.code), row.message, std::move(remote)};
    }
    auto code = said.code.empty() ? "http_" + std::to_string(status)
                                  : ascii_lower(printable(said.code, 64));
    for (const auto& meaning : statuses) {
        if (meaning.status != status) continue;
        return {meaning.fault, std::move(code), meaning.message, std::move(remote)};
    }
    return {fault_of_status(status), std::move(code),
            "Salesforce answered with an unusual status. Look at its words.", std::move(remote)};
}

}  // namespace latchkey::salesforce
