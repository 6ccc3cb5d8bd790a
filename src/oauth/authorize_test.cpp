#include "oauth/authorize.h"

#include <doctest/doctest.h>

#include "base/text.h"

namespace {

using namespace latchkey;
using namespace latchkey::oauth;

AuthorizeRequest request() {
    AuthorizeRequest made;
    made.endpoint = "https://login.salesforce.com/services/oauth2/authorize";
    made.client_id = "3MVG9.app";
    made.redirect_uri = "https://connect.example.com/oauth/callback/salesforce";
    made.scopes = {"api", "refresh_token", "id"};
    made.state = "state-of-the-flow";
    made.code_challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    return made;
}

FormFields query_of(const std::string& url) {
    const auto mark = url.find('?');
    REQUIRE(mark != std::string::npos);
    auto fields = parse_form(url.substr(mark + 1));
    REQUIRE(fields.has_value());
    return *fields;
}

TEST_CASE("A17: an authorize URL always carries an S256 challenge, state and exact redirect URI") {
    const auto url = authorize_url(request());
    REQUIRE(url.has_value());
    CHECK(url->starts_with("https://login.salesforce.com/services/oauth2/authorize?"));
    const auto fields = query_of(*url);
    CHECK(only(fields, "response_type") == "code");
    CHECK(only(fields, "client_id") == "3MVG9.app");
    CHECK(only(fields, "redirect_uri") == request().redirect_uri);
    CHECK(only(fields, "state") == "state-of-the-flow");
    CHECK(only(fields, "scope") == "api refresh_token id");
    CHECK(only(fields, "code_challenge") == request().code_challenge);
    CHECK(only(fields, "code_challenge_method") == "S256");
    CHECK(fields.size() == 7);
}

TEST_CASE("A17: without a challenge there is no authorize URL") {
    auto bare = request();
    bare.code_challenge.clear();
    const auto url = authorize_url(bare);
    REQUIRE(url.has_error());
    CHECK(url.error().code == "missing_parameter");
}

TEST_CASE("values that could break out of their parameter are encoded") {
    auto tricky = request();
    tricky.login_hint = "ada+test@acme.example&scope=full#x";
    const auto url = authorize_url(tricky);
    REQUIRE(url.has_value());
    CHECK(url->find('#') == std::string::npos);
    CHECK(only(query_of(*url), "login_hint") == tricky.login_hint);
    CHECK(only(query_of(*url), "scope") == "api refresh_token id");
}

TEST_CASE("each part that an authorize URL needs is asked for by name") {
    for (auto part : {&AuthorizeRequest::endpoint, &AuthorizeRequest::client_id,
                      &AuthorizeRequest::redirect_uri, &AuthorizeRequest::state}) {
        auto incomplete = request();
        (incomplete.*part).clear();
        const auto url = authorize_url(incomplete);
        REQUIRE(url.has_error());
        CHECK(url.error().fault == Fault::bad_input);
        CHECK(url.error().code == "missing_parameter");
    }
}

TEST_CASE("openid is refused in every spelling of the scope list, and so is a nonce without it") {
    auto asked = request();
    SUBCASE("as a word of its own") {
        asked.scopes = {"api", "openid"};
    }
    SUBCASE("inside another entry") {
        asked.scopes = {"api openid refresh_token"};
    }
    SUBCASE("as a nonce") {
        asked.nonce = "n";
    }
    const auto url = authorize_url(asked);
    REQUIRE(url.has_error());
    CHECK(url.error().code == "scope_not_supported");
}

TEST_CASE("prompt and display are Salesforce's words or refused") {
    auto asked = request();
    asked.prompt = {"login", "consent"};
    asked.display = "popup";
    const auto url = authorize_url(asked);
    REQUIRE(url.has_value());
    CHECK(only(query_of(*url), "prompt") == "login consent");
    CHECK(only(query_of(*url), "display") == "popup");

    asked.prompt = {"none"};
    CHECK(authorize_url(asked).error().code == "invalid_prompt");
    asked.prompt.clear();
    asked.display = "wap";
    CHECK(authorize_url(asked).error().code == "invalid_display");
}

TEST_CASE("A22: the user-agent flow is off until somebody accepts its risk") {
    UserAgentRequest asked;
    asked.endpoint = request().endpoint;
    asked.client_id = "app";
    asked.redirect_uri = "myapp:/callback";
    asked.scopes = {"api"};
    asked.state = "s";
    CHECK(user_agent_url(asked).error().code == "user_agent_flow_off");

    asked.accept_the_risk = true;
    const auto url = user_agent_url(asked);
    REQUIRE(url.has_value());
    CHECK(only(query_of(*url), "response_type") == "token");

    asked.state.clear();
    CHECK(user_agent_url(asked).error().code == "missing_parameter");
}

}  // namespace
