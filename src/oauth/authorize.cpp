#include "oauth/authorize.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"

namespace latchkey::oauth {
namespace {

constexpr std::array<std::string_view, 3> prompts = {"login", "consent", "select_account"};
constexpr std::array<std::string_view, 4> displays = {"page", "popup", "touch", "mobile"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        if (!text.empty()) text += ' ';
        text += word;
    }
    return text;
}

/// True if one of the blank-separated words is `wanted`: an entry of a list may hold several.
bool has_word(std::string_view text, std::string_view wanted) {
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (text.substr(0, end) == wanted) return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

Error missing(std::string_view what) {
    return {Fault::bad_input, "missing_parameter",
            "The authorization request has no " + std::string{what} + ". Supply it."};
}

Error openid_unsupported() {
    return {Fault::bad_input, "scope_not_supported",
            "The scope openid asks for an id_token, which this version cannot check. Leave openid "
            "(and the nonce) out; the scope id tells who logged in."};
}

/// The checks and parameters that both kinds of request share.
template <class Request>
std::optional<Error> what_is_missing(const Request& request) {
    if (request.endpoint.empty()) return missing("authorization endpoint");
    if (request.client_id.empty()) return missing("client_id");
    if (request.redirect_uri.empty()) return missing("redirect_uri");
    if (request.state.empty()) return missing("state");
    return std::nullopt;
}

}  // namespace

Result<std::string> authorize_url(const AuthorizeRequest& request) {
    if (auto problem = what_is_missing(request)) return *problem;
    if (request.code_challenge.empty()) return missing("code_challenge");

    const std::string scope = joined(request.scopes);
    if (has_word(scope, "openid") || !request.nonce.empty()) return openid_unsupported();
    for (const auto& prompt : request.prompt) {
        if (!among(prompts, prompt)) {
            return Error{Fault::bad_input, "invalid_prompt",
                         "The prompt is none of login, consent and select_account. Use these."};
        }
    }
    if (!request.display.empty() && !among(displays, request.display)) {
        return Error{Fault::bad_input, "invalid_display",
                     "The display is none of page, popup, touch and mobile. Use one of these."};
    }

    FormFields fields = {{"response_type", "code"},
                         {"client_id", request.client_id},
                         {"redirect_uri", request.redirect_uri},
                         {"state", request.state},
                         {"code_challenge", request.code_challenge},
                         {"code_challenge_method", "S256"}};
    // Without a scope Salesforce grants every scope of the app.
    if (!scope.empty()) fields.emplace_back("scope", scope);
    if (!request.prompt.empty()) fields.emplace_back("prompt", joined(request.prompt));
    if (!request.login_hint.empty()) fields.emplace_back("login_hint", request.login_hint);
    if (!request.display.empty()) fields.emplace_back("display", request.display);
    return request.endpoint + '?' + print_form(fields);
}

Result<std::string> user_agent_url(const UserAgentRequest& request) {
    if (!request.accept_the_risk) {
        return Error{Fault::bad_input, "user_agent_flow_off",
                     "The user-agent flow hands tokens over in a URL, so it is off. Use the web "
                     "server flow, or accept the risk in so many words."};
    }
    if (auto problem = what_is_missing(request)) return *problem;
    const std::string scope = joined(request.scopes);
    if (has_word(scope, "openid")) return openid_unsupported();

    FormFields fields = {{"response_type", "token"},
                         {"client_id", request.client_id},
                         {"redirect_uri", request.redirect_uri},
                         {"state", request.state}};
    if (!scope.empty()) fields.emplace_back("scope", scope);
    return request.endpoint + '?' + print_form(fields);
}

}  // namespace latchkey::oauth
