#include "service/root_paths.h"

#include <doctest/doctest.h>

namespace {

using namespace latchkey;
using namespace latchkey::service;

std::string token_of(std::initializer_list<std::pair<const char*, const char*>> lines) {
    SessionLines seen;
    for (const auto& [name, value] : lines) seen.see(name, value);
    const auto token = seen.token();
    return token ? std::string{*token} : "(" + token.error().code + ")";
}

TEST_CASE("H4: of the OAuth paths three are answered here, in exactly one spelling") {
    CHECK(own_path("/services/oauth2/token") == OwnPath::token);
    CHECK(own_path("/services/oauth2/token?x=1") == OwnPath::token);
    CHECK(own_path("//services/oauth2/userinfo") == OwnPath::userinfo);
    CHECK(own_path("/services/oauth2/revoke") == OwnPath::revoke);
    for (const auto* target :
         {"/services/oauth2/token/", "/services/OAuth2/token", "/services/oauth2/introspect",
          "/services/oauth2/token;x", "/services/oauth2/%74oken", "///services/oauth2/token",
          "/services/oauth2//token", "/services/oauth2", "/proxy/cn_1/services/oauth2/token"}) {
        CAPTURE(target);
        CHECK(own_path(target) == OwnPath::none);
    }
}

TEST_CASE("the list of resources is answered here at the root and below a connection") {
    for (const auto* target :
         {"/services/data/v62.0", "/services/data/v62.0/", "/services/data/v62.0?x=/y",
          "//services/data/v9.0", "/proxy/cn_1/services/data/v62.0"}) {
        CAPTURE(target);
        CHECK(own_path(target) == OwnPath::resources);
    }
    for (const auto* target :
         {"/services/data", "/services/data/", "/services/data/v62.0/query", "/services/data/v62",
          "/services/data/v.0", "/services/data/v62.0//", "/services/data/V62.0", "/proxy/cn_1"}) {
        CAPTURE(target);
        CHECK(own_path(target) == OwnPath::none);
    }
}

TEST_CASE("what is Salesforce's at the root is so in every letter case, and other paths are not") {
    for (const auto* target : {"/services/data", "//services/data", "///services/x", "/SERVICES/x",
                               "/services", "/id/00D/005", "/ID/00D/005", "/secur/frontdoor.jsp",
                               "/Login", "/setup/x", "/servicesx"}) {
        CAPTURE(target);
        CHECK(at_root(target));
    }
    for (const auto* target : {"/", "//", "/v1/services/", "/connect/services", "/identity",
                               "/healthz", "/openapi.json", "/proxy/cn_1/services/data"}) {
        CAPTURE(target);
        CHECK_FALSE(at_root(target));
    }
}

TEST_CASE("a session's token stands in Authorization or in the Bulk API's own line") {
    CHECK(token_of({{"Authorization", "Bearer 00D!x"}}) == "00D!x");
    CHECK(token_of({{"authorization", "OAuth 00D!x"}}) == "00D!x");
    CHECK(token_of({{"X-SFDC-Session", "00D!x"}}) == "00D!x");
    CHECK(token_of({{"Authorization", "bearer 00D!x"}, {"x-sfdc-session", "00D!x"}}) == "00D!x");
    CHECK(token_of({{"X-SFDC-Session", "00D!x"}, {"Authorization", "Bearer 00D!y"}}) ==
          "(invalid_session)");
    CHECK(token_of({{"Authorization", "Bearer 00D!x"}, {"Authorization", "Basic 00D!x"}}) ==
          "(invalid_session)");
    CHECK(token_of({{"Authorization", "Bearer"}}) == "(invalid_session)");
    CHECK(token_of({{"Authorization", "Basic 00D!x"}}) == "(invalid_session)");
    CHECK(token_of({{"Cookie", "sid=00D!x"}}) == "(invalid_session)");
    CHECK(token_of({}) == "(invalid_session)");
}

TEST_CASE("the link to the identity service leads here, or nowhere") {
    const std::string here = "https://connect.example.com";
    CHECK(with_own_identity(
              R"({"query":"/q","identity":"https://login.salesforce.com/id/00D1/0051"})", here) ==
          R"({"query":"/q","identity":"https://connect.example.com/id/00D1/0051"})");
    CHECK(with_own_identity(R"({"identity":"https://login.salesforce.com/other","a":1})", here) ==
          R"({"a":1})");
    CHECK(with_own_identity(R"({"identity":7})", here) == "{}");
    CHECK(with_own_identity(R"({"query":"/q"})", here) == R"({"query":"/q"})");
    CHECK_FALSE(with_own_identity("<identity>https://x/id/1/2</identity>", here).has_value());
    CHECK_FALSE(with_own_identity("[1]", here).has_value());
}

}  // namespace
