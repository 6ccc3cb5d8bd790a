#pragma once

#include <optional>
#include <string>
#include <vector>

#include <latchkey/error.h>

namespace latchkey::oauth {

/// What a person is sent to the authorization endpoint with. Salesforce Help, "OAuth 2.0 Web Server
/// Flow for Web App Integration"; RFC 6749 section 4.1.1.
struct AuthorizeRequest {
    std::string endpoint;  ///< whole URL of the authorization endpoint, without a query
    std::string client_id;
    std::string redirect_uri;
    std::vector<std::string> scopes;
    std::string state;
    std::string code_challenge;       ///< S256, always
    std::vector<std::string> prompt;  ///< any of login, consent, select_account
    std::string login_hint;           ///< empty: none
    std::string display;              ///< empty, page, popup, touch, mobile
    std::string nonce;                ///< only with the scope openid
};

/// errors  bad_input  scope_not_supported (openid: its id_token cannot be checked yet),
///                    invalid_prompt, invalid_display, missing_parameter
Result<std::string> authorize_url(const AuthorizeRequest& request);

/// The implicit flow (RFC 6749 section 4.2), which puts tokens into a URL: other pages, extensions
/// and histories can read them, no PKCE protects them, and partner apps may not use it. It is off
/// unless `accept_the_risk`, no server route serves it, and its answer is believed only after
/// introspection or userinfo has shown that it was issued to this client.
struct UserAgentRequest {
    std::string endpoint;
    std::string client_id;
    std::string redirect_uri;
    std::vector<std::string> scopes;
    std::string state;
    bool accept_the_risk = false;
};
/// errors  bad_input  user_agent_flow_off, missing_parameter
Result<std::string> user_agent_url(const UserAgentRequest& request);

}  // namespace latchkey::oauth
