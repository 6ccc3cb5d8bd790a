#include <doctest/doctest.h>

#include "emulator/bench.h"

namespace latchkey::emulator::test {

using namespace std::chrono_literals;

/// The error that went to the client.
std::string sent_back(const Reply& reply) {
    if (reply.status != 302) return "no redirect: " + reply.body;
    return Bench::carried(reply, "error") + ": " + Bench::carried(reply, "error_description");
}

TEST_CASE("the login page is a plain form without script, and its policy says so") {
    Bench bench;
    const auto page = bench.authorize({{"login_hint", "a\"><b@x"}, {"display", "popup"}});
    CHECK(page.status == 200);
    CHECK(page.body.find("<script") == std::string::npos);
    CHECK(page.body.find("type=\"password\"") != std::string::npos);
    CHECK(page.body.find("value=\"a&quot;&gt;&lt;b@x\"") != std::string::npos);
    CHECK(page.body.find("<main class=\"popup\">") != std::string::npos);
    const auto policy = Bench::header(page, "Content-Security-Policy");
    CHECK(policy.find("default-src 'none'") != std::string::npos);
    CHECK(policy.find("unsafe") == std::string::npos);
    CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
    // The style on the page is the one the policy allows.
    const auto from = page.body.find("<style>") + 7;
    const auto css = page.body.substr(from, page.body.find("</style>") - from);
    CHECK(policy.find("'sha256-" + base64(sha256(css)) + "'") != std::string::npos);
}

TEST_CASE("a wrong password or an unknown user shows the login page again") {
    Bench bench;
    const auto page = bench.authorize();
    const auto again = bench.log_in(page, "ada@acme.example", "wrong");
    CHECK(again.status == 200);
    CHECK(again.body.find("Please check your username and password.") != std::string::npos);
    CHECK(again.body.find("value=\"ada@acme.example\"") != std::string::npos);
    CHECK(bench.log_in(again, "nobody@acme.example").body.find("role=\"alert\"") !=
          std::string::npos);
    CHECK(bench.decide(bench.log_in(again, "ADA@acme.example")).status == 302);
}

TEST_CASE("an untrusted client or redirect URI gets a page and never a redirect") {
    Bench bench;
    const auto refused = [&](FormFields changes) {
        const auto reply = bench.authorize(std::move(changes));
        CHECK(reply.status == 400);
        CHECK(Bench::header(reply, "Location").empty());
        return reply.body;
    };
    CHECK(refused({{"client_id", "nobody"}, {"redirect_uri", "-"}}) ==
          "error=invalid_client_id&error_description=client%20identifier%20invalid");
    CHECK(refused({{"redirect_uri", "-"}, {"response_type", "x"}}) ==
          "error=redirect_uri_missing&error_description=redirect_uri%20not%20provided");
    const std::string mismatch =
        "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20"
        "configuration";
    for (const auto* uri :
         {"https://evil.example/cb", "http://localhost.evil.example/cb",
          "http://127.0.0.1@evil.example/", "http://user@127.0.0.1/", "http://127.0.0.1/#x",
          "javascript:alert(1)//127.0.0.1", "http://localhost:80\r\nX: y/", "//127.0.0.1/"}) {
        CHECK(refused({{"redirect_uri", uri}}) == mismatch);
    }
    CHECK(refused({{"client_id", "PlatformCLI"},
                   {"redirect_uri", "http://127.0.0.1:1717/OauthRedirect"}}) == mismatch);
    CHECK(refused({{"response_type", "hybrid"}, {"code_challenge", "-"}}) ==
          "error=unsupported_response_type&error_description=response%20type%20not%20supported");
    CHECK(refused({{"code_challenge", "-"}}) ==
          "error=invalid_request&error_description=missing%20required%20code%20challenge");
    CHECK(refused({{"code_challenge_method", "plain"}}).starts_with("error=invalid_request"));
    CHECK(refused({{"code_challenge", "short"}}).starts_with("error=invalid_request"));
    const auto twice = bench.get("/services/oauth2/authorize?" + print_form(bench.ask()) +
                                 "&client_id=PlatformCLI");
    CHECK(twice.status == 400);
}

TEST_CASE("any loopback redirect URI is the built-in client's") {
    Bench bench;
    for (const auto* uri :
         {"http://localhost:1/", "http://[::1]:3000/cb?x=1", "http://127.0.0.1"}) {
        const auto back = bench.walk({{"redirect_uri", uri}});
        CHECK(Bench::header(back, "Location").starts_with(uri));
        CHECK(Bench::carried(back, "code").starts_with("aPrx"));
    }
}

TEST_CASE("the state comes back byte for byte, and none is invented") {
    Bench bench;
    const std::string state = "a&b=c+d e%20\xC3\xA9\"'/?#\xFF";
    CHECK(Bench::carried(bench.walk({{"state", state}}), "state") == state);
    CHECK(count(Bench::carried(bench.walk({{"state", "-"}})), "state") == 0);
    CHECK(Bench::carried(bench.authorize({{"state", state}, {"scope", "nope"}}), "state") == state);
}

TEST_CASE("scopes are a subset of the client's, and all of them if none is named") {
    Bench bench;
    bench.client(R"({"client_id":"narrow","secret":"s","scopes":"api refresh_token",
                     "any_loopback_redirect":true})");
    CHECK(sent_back(bench.authorize({{"client_id", "narrow"}, {"scope", "api web"}})) ==
          "invalid_scope: the requested scope is not allowed");
    const auto code = Bench::carried(bench.walk({{"client_id", "narrow"}, {"scope", "-"}}), "code");
    const auto body =
        Bench::json(bench.exchange(code, {{"client_id", "narrow"}, {"client_secret", "s"}}));
    CHECK(Bench::text(body, "scope") == "api refresh_token");
    CHECK(Bench::json(bench.exchange(Bench::carried(bench.walk({{"scope", "api"}}), "code")))
              .as_object()
              .contains("refresh_token") == false);
}

TEST_CASE("pressing deny sends the refusal to the client, and the page works once") {
    Bench bench;
    const auto page = bench.log_in(bench.authorize());
    CHECK(page.body.find("latchkey-demo") != std::string::npos);
    CHECK(bench.decide(page, "maybe").status == 400);
    CHECK(sent_back(bench.decide(page, "deny")) == "access_denied: end-user denied authorization");
    CHECK(bench.decide(page).status == 400);
}

TEST_CASE("what stands between a user and an app is told to the client") {
    Bench bench;
    CHECK(sent_back(bench.log_in(bench.authorize(), "ines@acme.example")) ==
          "inactive_user: user is inactive");
    const auto with = [&](std::string knobs) {
        bench.control("POST", "reset");
        bench.client(R"({"client_id":"latchkey-demo",)" + knobs + "}");
        return sent_back(bench.log_in(bench.authorize()));
    };
    CHECK(with(R"("blocked":true)") == "OAUTH_APP_BLOCKED: this app is blocked by admin");
    CHECK(with(R"("installed":false)") == "invalid_client: app must be installed into org");
    CHECK(with(R"("installed":false,"distribution_state":"Packaged")") ==
          "OAUTH_EC_APP_NOT_FOUND: External client app is not installed in this org");
    CHECK(with(R"("distribution_state":"Local")") ==
          "OAUTH_AUTHORIZATION_BLOCKED: Cross-org OAuth flows are not supported for this external "
          "client app");
    CHECK(with(R"("permitted_users":"admin_approved")") ==
          "OAUTH_APP_ACCESS_DENIED: user is not admin approved to access this app");
    // Who is approved by the administrator is not asked for consent.
    CHECK(with(R"("permitted_users":"admin_approved","approved_users":["ada@acme.example"])") ==
          ": ");
    CHECK(Bench::carried(bench.log_in(bench.authorize()), "code").starts_with("aPrx"));
}

TEST_CASE("a browser that is logged in and has approved before is asked neither again") {
    Bench bench;
    const auto page = bench.log_in(bench.authorize());
    const auto set = Bench::header(page, "Set-Cookie");
    CHECK(set.find("HttpOnly; SameSite=Lax") != std::string::npos);
    const auto cookie = set.substr(0, set.find(';'));
    bench.exchange(Bench::carried(bench.decide(page), "code"));

    const auto again = [&](FormFields changes) {
        auto request = Bench::request(
            "GET", "/services/oauth2/authorize?" + print_form(bench.ask(std::move(changes))));
        request.headers.add("Cookie", "other=1; " + cookie);
        return bench.send(std::move(request));
    };
    CHECK(Bench::carried(again({}), "code").starts_with("aPrx"));
    CHECK(Bench::carried(again({{"immediate", "true"}}), "code").starts_with("aPrx"));
    CHECK(again({{"prompt", "login"}}).body.find("name=\"pw\"") != std::string::npos);
    CHECK(again({{"prompt", "consent"}}).body.find("value=\"deny\"") != std::string::npos);
    CHECK(again({{"scope", "web"}}).body.find("value=\"deny\"") != std::string::npos);
    CHECK(sent_back(again({{"scope", "web"}, {"immediate", "true"}})) ==
          "immediate_unsuccessful: immediate unsuccessful");
    CHECK(sent_back(bench.authorize({{"immediate", "true"}})) ==
          "immediate_unsuccessful: immediate unsuccessful");
}

TEST_CASE("the user-agent flow answers in the fragment, without a refresh token") {
    Bench bench;
    const auto back = bench.walk({{"response_type", "token"}, {"code_challenge", "-"}});
    CHECK(Bench::header(back, "Location").starts_with(bench.redirect_uri + "#"));
    CHECK(bench.data_status(Bench::carried(back, "access_token")) == 200);
    CHECK(Bench::carried(back, "state") == "s1");
    CHECK(count(Bench::carried(back), "refresh_token") == 0);
    CHECK(bench.total("live_tokens") == 0);
    const auto refused =
        bench.authorize({{"response_type", "token"}, {"code_challenge", "-"}, {"scope", "nope"}});
    CHECK(Bench::header(refused, "Location").find("#error=invalid_scope") != std::string::npos);
}

TEST_CASE("an optional challenge that was sent makes its verifier necessary") {
    Bench bench{Options{.pkce_required = false}};
    const auto bare = Bench::carried(bench.walk({{"code_challenge", "-"}}), "code");
    CHECK(bench.exchange(bare, {{"code_verifier", "-"}}).status == 200);
    const auto challenged = Bench::carried(bench.walk(), "code");
    CHECK(bench.exchange(challenged, {{"code_verifier", "-"}}).status == 400);
}

}  // namespace latchkey::emulator::test
