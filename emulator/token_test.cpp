#include <doctest/doctest.h>

#include "emulator/bench.h"

namespace latchkey::emulator::test {

using namespace std::chrono_literals;

TEST_CASE("a person logs in, allows, and the code becomes a Salesforce token answer") {
    Bench bench;
    const auto back = bench.walk();
    CHECK(back.status == 302);
    CHECK(Bench::header(back, "Location").starts_with(bench.redirect_uri + "?code=aPrx"));
    CHECK(Bench::carried(back, "state") == "s1");

    const auto reply = bench.exchange(Bench::carried(back, "code"));
    REQUIRE(reply.status == 200);
    CHECK(Bench::header(reply, "Cache-Control").find("no-store") != std::string::npos);
    const auto body = Bench::json(reply);
    CHECK(Bench::text(body, "access_token").starts_with("00Dxx0000001gPL!AQ"));
    CHECK(Bench::text(body, "refresh_token").starts_with("5Aep861"));
    CHECK(Bench::text(body, "token_type") == "Bearer");
    CHECK(Bench::text(body, "scope") == "api refresh_token id");
    CHECK(Bench::text(body, "instance_url") == "http://127.0.0.1:8788");
    CHECK(Bench::text(body, "id") ==
          "http://127.0.0.1:8788/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS");
    CHECK(Bench::text(body, "issued_at") == "1763900000000");
    CHECK(Bench::text(body, "token_format") == "opaque");
    CHECK_FALSE(body.as_object().contains("expires_in"));
    CHECK_FALSE(body.as_object().contains("id_token"));
    CHECK(Bench::text(body, "signature") ==
          base64(hmac_sha256("latchkey-demo-secret", Bench::text(body, "id") + "1763900000000")));
}

TEST_CASE("a code works once and for fifteen minutes") {
    Bench bench;
    const auto code = Bench::carried(bench.walk(), "code");
    CHECK(bench.exchange(code).status == 200);
    const auto again = bench.exchange(code);
    CHECK(again.status == 400);
    CHECK(Bench::error(again) == "invalid_grant: expired authorization code");

    const auto late = Bench::carried(bench.walk(), "code");
    bench.pass(14min + 59s);
    CHECK(bench.exchange(late).status == 200);
    const auto too_late = Bench::carried(bench.walk(), "code");
    bench.pass(15min);
    CHECK(Bench::error(bench.exchange(too_late)) == "invalid_grant: expired authorization code");
    CHECK(Bench::error(bench.exchange("aPrxNever")) == "invalid_grant: invalid authorization code");
}

TEST_CASE("a code is bound to its client, its redirect URI and its challenge") {
    Bench bench;
    bench.client(R"({"client_id":"other","secret":"s","any_loopback_redirect":true})");
    const auto code = Bench::carried(bench.walk(), "code");
    CHECK(Bench::error(bench.exchange(code, {{"client_id", "other"}, {"client_secret", "s"}})) ==
          "invalid_grant: invalid authorization code");
    CHECK(Bench::error(bench.exchange(code, {{"redirect_uri", "-"}})) ==
          "redirect_uri_missing: redirect_uri not provided");
    CHECK(Bench::error(bench.exchange(code, {{"redirect_uri", "http://127.0.0.1:8717/"}})) ==
          "redirect_uri_mismatch: redirect_uri must match configuration");
    CHECK(Bench::error(bench.exchange(code, {{"code_verifier", "-"}})) ==
          "invalid_grant: invalid code verifier");
    CHECK(Bench::error(bench.exchange(code, {{"code_verifier", std::string(43, 'w')}})) ==
          "invalid_grant: invalid code verifier");
    CHECK(bench.exchange(code).status == 200);
}

TEST_CASE("a verifier of 171 characters is taken, as official clients send it") {
    Bench bench;
    const std::string verifier(171, 'x');
    const auto back = bench.walk(
        {{"code_challenge", base64url(sha256(verifier))}, {"code_challenge_method", "-"}});
    CHECK(bench.exchange(Bench::carried(back, "code"), {{"code_verifier", verifier}}).status ==
          200);
}

TEST_CASE("clients prove themselves in the body or by Basic, and a sent secret always counts") {
    Bench bench;
    const auto code = Bench::carried(bench.walk(), "code");
    const auto basic = [&](std::string pair, FormFields changes) {
        FormFields none{{"client_id", "-"}, {"client_secret", "-"}};
        auto fields = Bench::changed(bench.exchange_of(code), none);
        auto request = Bench::form("/services/oauth2/token",
                                   Bench::changed(std::move(fields), std::move(changes)));
        request.headers.add("Authorization", std::move(pair));
        return bench.send(std::move(request));
    };
    const auto missing = bench.exchange(code, {{"client_secret", "-"}});
    CHECK(missing.status == 400);
    CHECK(Bench::error(missing) == "invalid_client: invalid client credentials");
    CHECK(bench.exchange(code, {{"client_secret", "wrong"}}).status == 400);
    CHECK(Bench::error(bench.exchange(code, {{"client_id", "nobody"}})) ==
          "invalid_client_id: client identifier invalid");

    const auto wrong = basic("Basic " + base64("latchkey-demo:wrong"), {});
    CHECK(wrong.status == 401);
    CHECK(Bench::error(wrong) == "invalid_client: invalid client credentials");
    CHECK(Bench::header(wrong, "WWW-Authenticate").starts_with("Basic"));
    CHECK(Bench::error(basic("Basic %%%", {})) ==
          "invalid_basic_auth_header: malformed basic authorization header");
    CHECK(basic("Basic " + base64("latchkey%2Ddemo:latchkey-demo-secret"), {}).status == 200);

    // A public client has no secret to send, and an empty one is none.
    const FormFields cli{{"client_id", "PlatformCLI"},
                         {"redirect_uri", "http://localhost:1717/OauthRedirect"}};
    const auto next = Bench::carried(bench.walk(cli), "code");
    auto changes = cli;
    changes.emplace_back("client_secret", "guess");
    CHECK(Bench::error(bench.exchange(next, changes)) ==
          "invalid_client: invalid client credentials");
    changes.back().second = "";
    const auto body = Bench::json(bench.exchange(next, changes));
    CHECK(body.as_object().contains("access_token"));
    CHECK_FALSE(body.as_object().contains("signature"));
}

TEST_CASE("whether a secret is required can differ between the two grants") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","secret_required_web":false})");
    const auto code = Bench::carried(bench.walk(), "code");
    const auto reply = bench.exchange(code, {{"client_secret", "-"}});
    REQUIRE(reply.status == 200);
    const auto first = Bench::tokens(reply);
    CHECK(Bench::error(bench.refresh(first.refresh, {{"client_secret", "-"}})) ==
          "invalid_client: invalid client credentials");
    bench.client(R"({"client_id":"latchkey-demo","secret_required_refresh":false})");
    CHECK(bench.refresh(first.refresh, {{"client_secret", "-"}}).status == 200);
}

TEST_CASE("requests that are no token request are refused in order") {
    Bench bench;
    CHECK(Bench::error(bench.get("/services/oauth2/token")) ==
          "invalid_request: must use HTTP POST");
    auto json = Bench::request("POST", "/services/oauth2/token", "{}");
    json.headers.add("Content-Type", "application/json");
    CHECK(Bench::error(bench.send(std::move(json))).starts_with("invalid_request"));
    CHECK(Bench::error(bench.token({{"grant_type", "password"}, {"client_id", "nobody"}})) ==
          "unsupported_grant_type: grant type not supported");
    CHECK(Bench::error(bench.token({{"grant_type", "refresh_token"}, {"client_id", "nobody"}})) ==
          "invalid_client_id: client identifier invalid");
    CHECK(Bench::error(
              bench.token({{"grant_type", "refresh_token"}, {"grant_type", "refresh_token"}})) ==
          "invalid_request: duplicate parameter");
}

}  // namespace latchkey::emulator::test
