#include "facade/check_providers.h"

#include <doctest/doctest.h>

namespace latchkey {

namespace {

Provider good() {
    Provider provider;
    provider.id = ProviderId{"salesforce"};
    provider.client_id = "3MVG9.consumer_key";
    provider.proof = SecretProof{Secret{"secret"}};
    provider.login_url = "https://login.salesforce.com";
    provider.redirect_uri = "https://connect.example.com/oauth/callback/salesforce";
    provider.return_urls = {"https://app.example.com/done", "http://127.0.0.1:3000/done"};
    return provider;
}

std::string refused(const Provider& provider) {
    const auto checked = check_providers({provider});
    if (!checked.has_error()) return "accepted";
    CHECK(checked.error().fault == Fault::misconfigured);
    CHECK(checked.error().code == "invalid_provider");
    return checked.error().message;
}

bool says(const std::string& message, std::string_view word) {
    return message.find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("a complete provider is accepted, also on a loopback login URL") {
    CHECK(check_providers({good()}).has_value());
    auto local = good();
    local.login_url = "http://127.0.0.1:8788";
    local.redirect_uri = "http://localhost:1717/OauthRedirect";
    CHECK(check_providers({local}).has_value());
    REQUIRE(private_origins({good(), local}).size() == 1);
    CHECK(private_origins({good(), local})[0].text() == "http://127.0.0.1:8788");
}

TEST_CASE("a provider's mistake is refused with the name of its setting") {
    auto p = good();
    p.id = ProviderId{"Sales force"};
    CHECK(says(refused(p), "name"));
    p = good();
    p.client_id.clear();
    CHECK(says(refused(p), "client_id"));
    p = good();
    p.proof = SecretProof{};
    CHECK(says(refused(p), "client secret"));
    p = good();
    p.login_url = "ftp://login.salesforce.com";
    CHECK(says(refused(p), "login_url"));
    p = good();
    p.login_url = "http://login.salesforce.com";
    CHECK(says(refused(p), "login_url"));
    p = good();
    p.scopes.clear();
    CHECK(says(refused(p), "scopes"));
    p = good();
    p.scopes = {"api", "openid"};
    CHECK(says(refused(p), "openid"));
}

TEST_CASE("D7: plain http comes back to this machine only") {
    for (const char* url :
         {"http://app.example.com/done", "http://localhost:3000/done", "http://localhost.evil/done",
          "http://127.0.0.1.evil/done", "https://app.example.com/done#x", "javascript:alert(1)",
          "app://done", "https://user@app.example.com/", ""}) {
        CAPTURE(url);
        auto p = good();
        p.return_urls = {url};
        CHECK(says(refused(p), "return_urls"));
    }
    for (const char* url : {"http://connect.example.com/callback", "http://localhost.evil/callback",
                            "https://a.example/#f", "myapp:/callback", ""}) {
        CAPTURE(url);
        auto p = good();
        p.redirect_uri = url;
        CHECK(says(refused(p), "redirect_uri"));
    }
}

TEST_CASE("two providers of one name are refused") {
    CHECK(check_providers({good(), good()}).error().code == "invalid_provider");
}

TEST_CASE("a login in this process listens where its redirect URI says, on loopback alone") {
    const auto place = loopback_place("http://localhost:1717/OauthRedirect");
    REQUIRE(place.has_value());
    CHECK(place->origin.port == 1717);
    CHECK(place->path == "/OauthRedirect");
    CHECK(loopback_place("http://127.0.0.1:9")->path == "/");
    for (const char* url : {"https://localhost:1717/x", "http://example.com:1717/x", "nonsense",
                            "http://localhost:1717/x?y=1"}) {
        CAPTURE(url);
        CHECK(loopback_place(url).error().code == "redirect_not_loopback");
    }
}

}  // namespace latchkey
