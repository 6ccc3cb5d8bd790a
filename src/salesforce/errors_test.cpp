#include "salesforce/errors.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "salesforce/catalogue.h"

namespace {

using namespace latchkey;
using namespace latchkey::salesforce;
using V = GrantVerdict;
using F = Fault;

struct TokenCase {
    const char* error;
    const char* description;
    V on_refresh;
    F fault;
    const char* code;
};

// The documented catalogue of token-endpoint errors, by its texts.
const TokenCase token_cases[] = {
    {"invalid_client_id", "client identifier invalid", V::unharmed, F::misconfigured,
     "invalid_client_id"},
    {"invalid_client", "invalid client credentials", V::unharmed, F::misconfigured,
     "invalid_client"},
    {"invalid_client", "app must be installed into org", V::unharmed, F::misconfigured,
     "app_not_installed_in_org"},
    {"invalid_grant", "expired authorization code", V::busy, F::try_later, "already_processing"},
    {"invalid_grant", "expired access/refresh token", V::dead, F::reauthorize, "token_expired"},
    {"invalid_grant", "token request is already being processed", V::busy, F::try_later,
     "already_processing"},
    {"invalid_grant", "authentication failure", V::dead, F::reauthorize, "authentication_failure"},
    {"invalid_grant", "user hasn't approved this consumer", V::dead, F::reauthorize,
     "not_approved"},
    {"invalid_grant", "audience is invalid", V::unharmed, F::misconfigured, "wrong_audience"},
    {"invalid_grant", "Audience validation failed", V::unharmed, F::misconfigured,
     "wrong_audience"},
    {"invalid_grant", "ip restricted", V::unharmed, F::misconfigured, "ip_restricted"},
    {"invalid_grant", "IP restricted or invalid login hours", V::unharmed, F::misconfigured,
     "ip_restricted"},
    {"invalid_grant", "invalid login hours", V::unharmed, F::misconfigured, "login_hours"},
    {"invalid_grant", "no client credentials user enabled", V::unharmed, F::misconfigured,
     "no_run_as_user"},
    {"invalid_grant", "request not supported on this domain", V::unharmed, F::misconfigured,
     "wrong_login_host"},
    {"invalid_grant", "no valid scopes defined", V::unharmed, F::misconfigured, "no_valid_scopes"},
    {"invalid_grant", "login rate exceeded", V::unharmed, F::try_later, "rate_limited"},
    {"invalid_grant", "inactive user", V::dead, F::reauthorize, "inactive_user"},
    {"invalid_grant", "inactive organization", V::unharmed, F::misconfigured, "inactive_org"},
    {"invalid_grant", "something new", V::dead, F::reauthorize, "grant_refused"},
    {"invalid_request", "token handler not found", V::unharmed, F::misconfigured,
     "token_handler_missing"},
    {"invalid_request", "must use HTTP POST", V::unharmed, F::misconfigured, "invalid_request"},
    {"invalid_request", "HTTPS required", V::unharmed, F::misconfigured, "invalid_request"},
    {"redirect_uri_missing", "redirect_uri not provided", V::unharmed, F::misconfigured,
     "redirect_uri_missing"},
    {"redirect_uri_mismatch", "redirect_uri must match configuration", V::unharmed,
     F::misconfigured, "redirect_uri_mismatch"},
    {"unsupported_grant_type", "grant type not supported", V::unharmed, F::misconfigured,
     "unsupported_grant_type"},
    {"unauthorized_client", "", V::unharmed, F::misconfigured, "unauthorized_client"},
    {"invalid_scope", "the requested scope is not allowed", V::unharmed, F::misconfigured,
     "invalid_scope"},
    {"inactive_user", "user is inactive", V::dead, F::reauthorize, "inactive_user"},
    {"inactive_org", "organization is locked, closed, or suspended", V::unharmed, F::misconfigured,
     "inactive_org"},
    {"rate_limit_exceeded", "number of logins exceeded", V::unharmed, F::try_later, "rate_limited"},
    {"invalid_app_access", "user is not admin approved to access this app", V::unharmed,
     F::misconfigured, "invalid_app_access"},
    {"use_dpop_nonce", "", V::unharmed, F::misconfigured, "proof_required"},
    {"unknown_error", "retry your request", V::unknown, F::outcome_unknown, "upstream_error"},
    {"server_error", "", V::unknown, F::outcome_unknown, "upstream_error"},
    {"never_heard_of", "x", V::unknown, F::outcome_unknown, "upstream_error"},
    {"", "", V::unknown, F::outcome_unknown, "upstream_error"},
};

TEST_CASE("every text of the token endpoint's catalogue tells who must act on a refresh") {
    for (const auto& row : token_cases) {
        CAPTURE(row.error);
        CAPTURE(row.description);
        for (const int status : {400, 401, 403}) {
            const auto problem = token_problem(status, row.error, row.description, true);
            CHECK(problem.verdict == row.on_refresh);
            CHECK(problem.error.fault == row.fault);
            CHECK(problem.error.code == row.code);
            CHECK_FALSE(problem.error.message.empty());
        }
    }
}

TEST_CASE("B12: a busy token is recognised in both texts and any letter case, and is never dead") {
    for (const auto* text :
         {"token request is already being processed", "Token request is already being processed",
          "Failed: Token request is already being processed", "EXPIRED AUTHORIZATION CODE",
          "expired authorization code"}) {
        CHECK(token_problem(400, "invalid_grant", text, true).verdict == V::busy);
    }
}

TEST_CASE("on an exchange the same words mean that the code is gone") {
    for (const auto* text : {"expired authorization code", "invalid authorization code",
                             "invalid code verifier", "token request is already being processed"}) {
        CAPTURE(text);
        const auto problem = token_problem(400, "invalid_grant", text, false);
        CHECK(problem.verdict == V::dead);
        CHECK(problem.error.fault == F::reauthorize);
    }
}

TEST_CASE("codes compare exactly, descriptions by their parts") {
    CHECK(token_problem(400, "INVALID_GRANT", "expired access/refresh token", true).verdict ==
          V::unknown);
    CHECK(token_problem(400, "invalid_grant", "why: IP Restricted (10.0.0.1)", true).error.code ==
          "ip_restricted");
}

TEST_CASE("B14: 429 harms nothing, whatever its body says") {
    const auto problem = token_problem(429, "invalid_grant", "expired access/refresh token", true);
    CHECK(problem.verdict == V::unharmed);
    CHECK(problem.error.fault == F::try_later);
    CHECK(problem.error.code == "rate_limited");
}

TEST_CASE("B15: no other status proves anything about the grant") {
    for (const int status : {200, 301, 404, 420, 500, 502, 503, 504}) {
        CAPTURE(status);
        CHECK(
            token_problem(status, "invalid_grant", "expired access/refresh token", true).verdict ==
            V::unknown);
    }
}

TEST_CASE("the other side's words stay apart, printable and short") {
    const auto problem = token_problem(400, "invalid_grant\n", std::string(1000, '\x1b'), true);
    CHECK(problem.error.remote_text.size() == 256);
    CHECK(problem.error.remote_text.find('\n') == std::string::npos);
    CHECK(problem.error.remote_text.find('\x1b') == std::string::npos);
}

TEST_CASE("no row of the catalogues hides behind an earlier one, and each gives advice") {
    std::set<std::string> seen;
    for (const auto& row : token_rows()) {
        CAPTURE(row.error);
        const auto key = std::string{row.error} + '|' + std::string{row.description} + '|' +
                         std::to_string(static_cast<int>(row.during));
        CHECK(seen.insert(key).second);
        const bool refreshing = row.during != During::exchange;
        const auto problem = token_problem(400, row.error, row.description, refreshing);
        // The two rows about codes have a twin for refreshes in front of them.
        const bool twin = problem.verdict == V::busy && row.verdict == V::dead;
        if (!twin) CHECK(problem.error.message == row.message);
        CHECK(std::string_view{row.message}.ends_with('.'));
    }
    for (const auto& row : callback_rows()) {
        CAPTURE(row.error);
        CHECK(callback_problem(row.error, row.description).message == row.message);
        CHECK(std::string_view{row.message}.ends_with('.'));
    }
    for (const auto& row : rest_rows()) CHECK(std::string_view{row.message}.ends_with('.'));
}

TEST_CASE("every error that a callback brings tells who must act") {
    struct Row {
        const char* error;
        const char* description;
        F fault;
        const char* code;
    };
    for (const auto& row : {
             Row{"access_denied", "end-user denied authorization", F::denied, "access_denied"},
             Row{"access-denied", "", F::denied, "access_denied"},
             Row{"OAUTH_APP_BLOCKED", "this app is blocked by admin", F::misconfigured,
                 "app_blocked"},
             Row{"OAUTH_APP_ACCESS_DENIED", "user is not admin approved to access this app",
                 F::misconfigured, "app_access_denied"},
             Row{"OAUTH_APPROVAL_ERROR_GENERIC", "An unexpected error has occured",
                 F::misconfigured, "approval_failed"},
             Row{"invalid_client", "app must be installed into org", F::misconfigured,
                 "app_not_installed"},
             Row{"OAUTH_AUTHORIZATION_BLOCKED", "Cross-org OAuth flows are not supported",
                 F::misconfigured, "cross_org_blocked"},
             Row{"OAUTH_EC_APP_NOT_FOUND", "External client app is not installed in this org",
                 F::misconfigured, "app_not_installed"},
             Row{"invalid_request", "missing required code challenge", F::misconfigured,
                 "pkce_missing"},
             Row{"invalid_scope", "", F::misconfigured, "invalid_scope"},
             Row{"immediate_unsuccessful", "immediate unsuccessful", F::reauthorize,
                 "immediate_unsuccessful"},
             Row{"inactive_user", "user is inactive", F::reauthorize, "inactive_user"},
             Row{"inactive_org", "", F::misconfigured, "inactive_org"},
             Row{"invalid_app_access", "", F::misconfigured, "app_access_denied"},
             Row{"server_error", "", F::try_later, "server_error"},
             Row{"something_new", "<b>", F::misconfigured, "authorization_failed"},
         }) {
        CAPTURE(row.error);
        const auto error = callback_problem(row.error, row.description);
        CHECK(error.fault == row.fault);
        CHECK(error.code == row.code);
    }
}

std::string rest_body(const std::string& code, const std::string& message) {
    return R"([{"message":")" + message + R"(","errorCode":")" + code + R"("}])";
}

TEST_CASE("a dead session is told in every shape that Salesforce uses") {
    const auto dead = SessionVerdict::dead;
    const std::string json = "application/json;charset=UTF-8";
    CHECK(session_verdict(401, json,
                          rest_body("INVALID_SESSION_ID", "Session expired or invalid")) == dead);
    CHECK(session_verdict(401, json, R"({"errorCode":"INVALID_SESSION_ID","message":"x"})") ==
          dead);
    CHECK(session_verdict(401, "application/xml",
                          "<?xml version=\"1.0\"?><Errors><Error><errorCode>INVALID_SESSION_ID</"
                          "errorCode><message>Session expired</message></Error></Errors>") == dead);
    CHECK(session_verdict(401, "", "") == dead);  // the answer to a HEAD
    CHECK(session_verdict(403, "text/html", "Bad_OAuth_Token") == dead);
    CHECK(session_verdict(403, "text/plain", "Bad_OAuth_Token\r\n") == dead);
}

TEST_CASE("H12: the two texts that no refresh cures, and a caller's own header, are told apart") {
    const auto unhelpable = SessionVerdict::unhelpable;
    CHECK(session_verdict(401, "application/json",
                          rest_body("INVALID_SESSION_ID",
                                    "This session is not valid for use with "
                                    "the REST API")) == unhelpable);
    CHECK(session_verdict(401, "text/plain", "Error: Connected app is not attached to Agent") ==
          unhelpable);
    CHECK(session_verdict(401, "application/json",
                          rest_body("X", "Connected App Is Not Attached To Agent")) == unhelpable);
    CHECK(session_verdict(401, "application/json",
                          rest_body("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")) == unhelpable);
}

TEST_CASE("H12: refusals that are not about the session leave it alive") {
    const auto alive = SessionVerdict::alive;
    for (const auto* code :
         {"REQUEST_LIMIT_EXCEEDED", "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED",
          "TXN_SECURITY_NO_ACCESS", "INSUFFICIENT_ACCESS"}) {
        CHECK(session_verdict(403, "application/json", rest_body(code, "no")) == alive);
    }
    CHECK(session_verdict(403, "text/plain", "Wrong_Org") == alive);
    CHECK(session_verdict(403, "text/plain", "Missing_OAuth_Token") == alive);
    CHECK(session_verdict(200, "application/json", rest_body("INVALID_SESSION_ID", "x")) == alive);
    CHECK(session_verdict(500, "application/json", rest_body("INVALID_SESSION_ID", "x")) == alive);
    // A record's content is not an error code.
    CHECK(session_verdict(403, "application/json",
                          rest_body("NO", R"(\"errorCode\":\"INVALID_SESSION_ID\")")) == alive);
}

TEST_CASE("only the first 4 KiB of an answer are looked at, and they may be cut") {
    const auto cut = rest_body("INVALID_SESSION_ID", "Session expired") + std::string(5000, ' ');
    CHECK(session_verdict(403, "application/json", cut.substr(0, 70)) == SessionVerdict::dead);
    const auto late =
        "[{\"fields\":[\"" + std::string(5000, 'x') + "\"],\"errorCode\":\"INVALID_SESSION_ID\"}]";
    CHECK(session_verdict(403, "application/json", late) == SessionVerdict::alive);
}

TEST_CASE("every error of the REST catalogue tells who must act") {
    struct Row {
        int status;
        const char* error_code;
        F fault;
    };
    for (const auto& row : {
             Row{401, "INVALID_SESSION_ID", F::reauthorize},
             Row{401, "INVALID_AUTH_HEADER", F::misconfigured},
             Row{400, "MALFORMED_QUERY", F::bad_input},
             Row{400, "INVALID_FIELD", F::bad_input},
             Row{400, "INVALID_TYPE", F::bad_input},
             Row{400, "MALFORMED_ID", F::bad_input},
             Row{400, "REQUIRED_FIELD_MISSING", F::bad_input},
             Row{400, "JSON_PARSER_ERROR", F::bad_input},
             Row{400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", F::bad_input},
             Row{400, "DUPLICATES_DETECTED", F::conflict},
             Row{400, "STRING_TOO_LONG", F::bad_input},
             Row{400, "INVALID_QUERY_LOCATOR", F::bad_input},
             Row{400, "UNABLE_TO_LOCK_ROW", F::conflict},
             Row{400, "QUERY_TIMEOUT", F::bad_input},
             Row{403, "REQUEST_LIMIT_EXCEEDED", F::try_later},
             Row{403, "API_DISABLED_FOR_ORG", F::misconfigured},
             Row{403, "API_CURRENTLY_DISABLED", F::misconfigured},
             Row{403, "TXN_SECURITY_NO_ACCESS", F::misconfigured},
             Row{403, "TXN_SECURITY_RUNTIME_EXCEPTION", F::misconfigured},
             Row{403, "INSUFFICIENT_ACCESS", F::denied},
             Row{403, "INSUFFICIENT_ACCESS_OR_READONLY", F::denied},
             Row{400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", F::denied},
             Row{403, "OPERATION_TOO_LARGE", F::bad_input},
             Row{404, "NOT_FOUND", F::not_found},
             Row{405, "METHOD_NOT_ALLOWED", F::bad_input},
             Row{410, "UNSUPPORTED_API_VERSION", F::bad_input},
             Row{500, "UNKNOWN_EXCEPTION", F::outcome_unknown},
             Row{503, "SERVER_UNAVAILABLE", F::try_later},
         }) {
        CAPTURE(row.error_code);
        const auto error =
            rest_problem(row.status, "application/json", rest_body(row.error_code, "text"));
        CHECK(error.fault == row.fault);
        std::string lower = row.error_code;
        for (auto& c : lower) c = c == '_' ? c : static_cast<char>(c + 32);
        CHECK(error.code == lower);
        CHECK(error.remote_text == std::string{row.error_code} + ": text");
    }
}

TEST_CASE("an answer without an error code is named by its status") {
    struct Row {
        int status;
        F fault;
    };
    for (const auto& row :
         {Row{400, F::bad_input}, Row{404, F::not_found}, Row{409, F::conflict},
          Row{412, F::conflict}, Row{414, F::bad_input}, Row{415, F::bad_input},
          Row{420, F::misconfigured}, Row{428, F::bad_input}, Row{429, F::try_later},
          Row{431, F::bad_input}, Row{500, F::outcome_unknown}, Row{502, F::outcome_unknown},
          Row{503, F::try_later}, Row{418, F::bad_input}, Row{599, F::outcome_unknown}}) {
        CAPTURE(row.status);
        const auto error = rest_problem(row.status, "text/html", "<html>maintenance</html>");
        CHECK(error.fault == row.fault);
        CHECK(error.code == "http_" + std::to_string(row.status));
        CHECK_FALSE(error.message.empty());
    }
}

}  // namespace
