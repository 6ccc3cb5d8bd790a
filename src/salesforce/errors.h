#pragma once

#include <string>
#include <string_view>

#include <latchkey/error.h>

namespace latchkey::salesforce {

/// What an error of the token endpoint says about the grant that was presented.
enum class GrantVerdict {
    unharmed,  ///< not consumed: our registration, the org, an address, a limit
    dead,      ///< this grant will never work again
    busy,      ///< another request with the same token is being processed; nothing is known
    unknown,   ///< not in the catalogue with certainty
};

struct Problem {
    GrantVerdict verdict = GrantVerdict::unknown;
    Error error;  ///< who must act, our code and advice; remote_text holds Salesforce's words
};

/// The catalogue of token-endpoint errors. `error` and `description` as read by oauth; codes
/// compare exactly, descriptions by lower-case substring. `refreshing` because "expired
/// authorization code" means a busy token on a refresh and a dead code on an exchange.
Problem token_problem(int status, std::string_view error, std::string_view description,
                      bool refreshing);

/// Errors that a callback brings (access_denied, OAUTH_APP_BLOCKED, ...).
Error callback_problem(std::string_view error, std::string_view description);

/// What a REST answer means for the session it was sent with.
enum class SessionVerdict {
    alive,       ///< the session is not the matter
    dead,        ///< 401 INVALID_SESSION_ID, 403 Bad_OAuth_Token and their kin: a newer token helps
    unhelpable,  ///< 401s that no refresh cures
};
/// Looks at status and at most the first 4 KiB of the body.
SessionVerdict session_verdict(int status, std::string_view content_type, std::string_view body);

/// Who must act on a REST error; code is Salesforce's errorCode in lower case, or http_<status>.
Error rest_problem(int status, std::string_view content_type, std::string_view body);

}  // namespace latchkey::salesforce
