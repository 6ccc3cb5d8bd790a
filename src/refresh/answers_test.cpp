#include <doctest/doctest.h>

#include "refresh/refresh_bench.h"
#include "salesforce/identity.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::answered;
using latchkey::test::Bench;
using latchkey::test::changed;
using latchkey::test::plain;
using latchkey::test::put;
using latchkey::test::refused_with;

// Group B: what the token endpoint may answer, and what becomes of the connection.

namespace {

/// One connection whose access token the API has refused.
struct Answers : Bench {
    ConnectionId ada = connect();
    std::string old_token = stored_refresh_token(ada);

    std::string asked() {
        const auto token = newer(ada);
        return token ? "generation " + std::to_string(token->generation.value) : token.error().code;
    }
    std::string after(test::Turn turn) {
        salesforce.turns.push_back(std::move(turn));
        return asked();
    }
    /// The row is in doubt, and the answer is kept for whoever looks at it later.
    void check_in_doubt() {
        CHECK(row(ada).state == State::uncertain);
        CHECK(stored_refresh_token(ada) == old_token);
        CHECK(run(journal.read(0, 10, clock.in(5s))).value().size() == 1);
    }
    /// Another use of what the row has kept.
    void check_next_refresh_works() {
        pass(61s);
        const auto before = row(ada).generation;
        const auto token = newer(ada);
        REQUIRE(token.has_value());
        CHECK(token->generation == before.next());
        CHECK(salesforce.reuses == 0);
    }
    void check_quarantined(const char* reason) {
        CHECK(row(ada).quarantine == reason);
        CHECK(salesforce.alive(stored_refresh_token(ada)));
        refresher->forget(ada);
        const auto served = token(ada);
        REQUIRE_FALSE(served.has_value());
        CHECK(served.error().code == "quarantined");
    }
};

test::Turn without(const std::string& member) {
    return changed([member](std::string& body) {
        const auto from = body.find("\"" + member + "\"");
        body.erase(from, body.find(',', from) + 1 - from);
    });
}

}  // namespace

TEST_CASE_FIXTURE(Answers, "B1: a 200 without an access token is journalled and in doubt") {
    salesforce.rotation = false;
    CHECK(after(without("access_token")) == "rotation_uncertain");
    check_in_doubt();
}

TEST_CASE_FIXTURE(Answers,
                  "B1: a new refresh token without an access token is kept, then asked about") {
    CHECK(after(without("access_token")) == "rotation_uncertain");
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    CHECK(salesforce.alive(stored_refresh_token(ada)));
}

TEST_CASE_FIXTURE(Answers, "B2: a token type in any case is accepted") {
    CHECK(after(changed([](std::string& b) { put(b, "\"Bearer\"", "\"BEARER\""); })) ==
          "generation 2");
    check_next_refresh_works();
}

TEST_CASE_FIXTURE(Answers, "B2: a missing token type is quarantined, its tokens kept") {
    CHECK(after(without("token_type")) == "quarantined");
    check_quarantined("token_type_rejected");
}

TEST_CASE_FIXTURE(Answers, "B2: a foreign token type is quarantined, its tokens kept") {
    CHECK(after(changed([](std::string& b) { put(b, "\"Bearer\"", "\"DPoP\""); })) ==
          "quarantined");
    check_quarantined("token_type_rejected");
}

TEST_CASE_FIXTURE(Answers,
                  "B3: nonsense in expires_in counts as missing, a number in quotes as said") {
    for (const auto* nonsense : {"0", "-1", "1e308", "null", "\"soon\"", "[]"}) {
        CAPTURE(nonsense);
        const std::string with = std::string{"{\"expires_in\":"} + nonsense + ",";
        const auto expected = "generation " + std::to_string(row(ada).generation.next().value);
        CHECK(after(changed([with](std::string& b) { put(b, "{", with); })) == expected);
        CHECK_FALSE(row(ada).access_expires_at.has_value());
        pass(61s);
    }
    after(changed([](std::string& b) { put(b, "{", "{\"expires_in\":\"3600\","); }));
    CHECK(row(ada).access_expires_at == row(ada).access_received_at + 3600s);
}

TEST_CASE_FIXTURE(Answers, "B4: an answer without a refresh token leaves the old one in use") {
    salesforce.rotation = false;
    CHECK(asked() == "generation 2");
    CHECK(row(ada).grant_generation == GrantGeneration{1});
    CHECK(stored_refresh_token(ada) == old_token);
    check_next_refresh_works();
}

TEST_CASE_FIXTURE(Answers, "B5: an answer that repeats the sent refresh token has not rotated") {
    salesforce.rotation = false;
    const auto repeated = "{\"refresh_token\":\"" + old_token + "\",";
    CHECK(after(changed([&](std::string& b) { put(b, "{", repeated); })) == "generation 2");
    CHECK(row(ada).grant_generation == GrantGeneration{1});
    CHECK(row(ada).state == State::active);
    check_next_refresh_works();
}

TEST_CASE("B6: a refresh token that cannot be one does not overwrite the stored one") {
    const std::string huge = "\"" + std::string(1024 * 1024, 'x') + "\"";
    for (const auto& wrong : {std::string{"\"\""}, std::string{"7"}, std::string{"[]"}, huge}) {
        CAPTURE(wrong.substr(0, 20));
        Answers bench;
        bench.salesforce.rotation = false;
        const auto with = "{\"refresh_token\":" + wrong + ",";
        CHECK(bench.after(changed([&](std::string& b) { put(b, "{", with); })) ==
              "rotation_uncertain");
        CHECK(bench.row(bench.ada).state == State::uncertain);
        CHECK(bench.stored_refresh_token(bench.ada) == bench.old_token);
    }
}

TEST_CASE_FIXTURE(Answers, "B7: a captive portal's page is in doubt") {
    Headers headers;
    headers.add("Content-Type", "text/html");
    CHECK(after(answered(plain(200, "<html>Log in to the hotel</html>", headers))) ==
          "rotation_uncertain");
    check_in_doubt();
    begin_resolving();
    pass(70s);
    CHECK(row(ada).state == State::active);
    check_next_refresh_works();
}

TEST_CASE_FIXTURE(Answers,
                  "B8: an answer cut after its refresh token is salvaged and nothing is lost") {
    auto cut = changed([](std::string& b) { b.resize(b.find("\"token_type\"")); });
    cut.whole = false;
    after(std::move(cut));
    CHECK(row(ada).state == State::uncertain);
    CHECK(row(ada).grant_generation == GrantGeneration{2});
    begin_resolving();
    pass(70s);
    CHECK(row(ada).state == State::active);
    check_next_refresh_works();
}

TEST_CASE_FIXTURE(Answers, "B9: two different refresh tokens in one answer are not used") {
    CHECK(after(changed([](std::string& b) {
              put(b, "{", "{\"refresh_token\":\"5Aep.other\",");
          })) == "rotation_uncertain");
    check_in_doubt();
}

TEST_CASE("B10: hostile bodies end in doubt, in bounded time") {
    std::string members = "{\"a\":1";
    for (int i = 0; i < 60000; ++i) members += ",\"m" + std::to_string(i) + "\":1";
    const std::vector<std::string> bodies{std::string(100000, '[') + std::string(100000, ']'),
                                          "\xef\xbb\xbf{}",
                                          std::string("{\"access_token\":\"a\0b\"}", 22),
                                          "{\"access_token\":\"\xff\xfe\"}", members + "}"};
    for (const auto& body : bodies) {
        CAPTURE(body.substr(0, 20));
        Answers bench;
        CHECK(bench.after(answered(plain(200, body))) == "rotation_uncertain");
        bench.check_in_doubt();
    }
}

TEST_CASE_FIXTURE(Answers,
                  "B11: an expired grant needs its user, once, and nothing is sent again") {
    salesforce.revoke_all();
    CHECK(after(refused_with(400, "invalid_grant", "expired access/refresh token")) ==
          "reauth_required");
    CHECK(row(ada).state == State::reauth_required);
    CHECK(row(ada).reason == "token_expired");
    for (int i = 0; i < 5; ++i) CHECK(asked() == "reauth_required");
    begin_resolving();
    pass(300s);
    CHECK(salesforce.token_requests == 1);
    CHECK(salesforce.introspections == 0);
    CHECK(log.counts["connection_reauth_required"] == 1);
}

TEST_CASE("B12: a token that is being processed is not dead, whatever the words' case") {
    for (const auto* words :
         {"token request is already being processed", "Token Request Is Already Being Processed",
          "expired authorization code"}) {
        CAPTURE(words);
        Answers bench;
        CHECK(bench.after(refused_with(400, "invalid_grant", words)) == "rotation_uncertain");
        CHECK(bench.row(bench.ada).state == State::uncertain);
        bench.begin_resolving();
        bench.pass(70s);
        CHECK(bench.row(bench.ada).state == State::active);
        bench.check_next_refresh_works();
    }
}

TEST_CASE_FIXTURE(
    Answers, "B13: a wrong secret stops the client's refreshes, kills none, and heals by itself") {
    std::vector<ConnectionId> all{ada};
    for (int i = 0; i < 9; ++i) all.push_back(connect("user" + std::to_string(i)));
    salesforce.turns.push_back(refused_with(400, "invalid_client", "invalid client credentials"));
    for (const auto& who : all) {
        const auto refused = newer(who);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == "invalid_client");
        CHECK(refused.error().fault == Fault::misconfigured);
        CHECK(row(who).state == State::active);
    }
    CHECK(salesforce.token_requests == 1);
    CHECK(log.counts["refresh_circuit_opened"] == 1);
    pass(7s);  // and now the secret is right
    for (const auto& who : all) CHECK(newer(who).has_value());
}

TEST_CASE_FIXTURE(Answers, "B14: a limit is respected for as long as it says, and spends nothing") {
    auto limited = refused_with(429, "rate_limit_exceeded", "number of logins exceeded");
    limited.reply->headers.add("Retry-After", "120");
    CHECK(after(std::move(limited)) == "rate_limited");
    CHECK(row(ada).state == State::active);
    const auto told = newer(ada);
    REQUIRE_FALSE(told.has_value());
    CHECK(told.error().retry_after == 120s);
    pass(119s);
    CHECK(asked() == "rate_limited");
    CHECK(salesforce.token_requests == 1);
    pass(2s);
    CHECK(asked() == "generation 2");
}

TEST_CASE_FIXTURE(Answers, "B14: \"login rate exceeded\" is a limit, too") {
    CHECK(after(refused_with(400, "invalid_grant", "login rate exceeded")) == "rate_limited");
    CHECK(row(ada).state == State::active);
    CHECK(asked() == "rate_limited");
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE("B15: a 5xx after the request left is in doubt and nothing is sent again") {
    for (const int status : {500, 502, 503, 504}) {
        CAPTURE(status);
        Answers bench;
        CHECK(bench.after(answered(plain(status, "trouble"))) == "rotation_uncertain");
        bench.check_in_doubt();
        CHECK(bench.asked() == "rotation_uncertain");
        CHECK(bench.salesforce.token_requests == 1);
    }
}

TEST_CASE("B16: a redirect is not followed") {
    for (const int status : {301, 302, 307, 308}) {
        CAPTURE(status);
        Answers bench;
        Headers headers;
        headers.add("Location", "https://evil.example/services/oauth2/token");
        CHECK(bench.after(answered(plain(status, "", headers))) == "rotation_uncertain");
        bench.check_in_doubt();
        CHECK(bench.salesforce.dials == 1);
        CHECK(bench.salesforce.dialled[0].text() == "https://login.salesforce.com");
    }
}

TEST_CASE_FIXTURE(Answers, "B17: an answer that never gets past its interim answers is in doubt") {
    CHECK(after(test::lost(true)) == "rotation_uncertain");
    CHECK(row(ada).state == State::uncertain);
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE("B19: a foreign instance host keeps the tokens, and nothing is handed out") {
    for (const auto* host :
         {"http://acme.my.salesforce.com", "https://10.0.0.1", "https://localhost",
          "https://u@acme.my.salesforce.com", "https://acme.my.salesforce.com:8443",
          "https://acme.my.salesforce.com/path", "https://x.my.salesforce.com.evil.com",
          "https://evil.com\\\\.my.salesforce.com", "https://evilsalesforce.com",
          "https://acme%2emy.salesforce.com", "https://acme.my.salesforce.com.",
          "https://acme.my.s\u0430lesforce.com"}) {
        CAPTURE(host);
        Answers bench;
        bench.salesforce.instance_url = host;
        CHECK(bench.asked() == "quarantined");
        bench.check_quarantined("host_rejected");
        CHECK(bench.row(bench.ada).instance_url == "https://acme.my.salesforce.com");
    }
}

TEST_CASE_FIXTURE(Answers,
                  "B20: another org or user in the answer is quarantined, its tokens kept") {
    salesforce.user = salesforce::id18("005000000000002").value();
    CHECK(asked() == "quarantined");
    check_quarantined("identity_changed");
}

TEST_CASE_FIXTURE(Answers, "B20: an identity URL that is none is as bad as another's") {
    const auto id = salesforce.identity();
    CHECK(after(changed([id](std::string& b) { put(b, id, "https://login.salesforce.com/"); })) ==
          "quarantined");
    check_quarantined("identity_changed");
}

TEST_CASE_FIXTURE(Answers, "B21: a wrong signature is quarantined, its tokens kept") {
    CHECK(after(changed([](std::string& b) { put(b, "{", "{\"signature\":\"bm90IGl0\","); })) ==
          "quarantined");
    check_quarantined("signature_rejected");
}

TEST_CASE_FIXTURE(Answers, "B22: a changed scope is recorded and said once") {
    CHECK(after(changed([](std::string& b) { put(b, "{", "{\"scope\":\"id api\","); })) ==
          "generation 2");
    CHECK(row(ada).scopes == std::vector<std::string>{"id", "api"});
    CHECK(log.counts["connection_scopes_changed"] == 1);
    check_next_refresh_works();
    CHECK(row(ada).scopes == std::vector<std::string>{"id", "api"});
    CHECK(log.counts["connection_scopes_changed"] == 1);
}

TEST_CASE("B23: an unknown or doubled content coding is not decoded, but kept and in doubt") {
    for (const auto* coding : {"br", "gzip, gzip", "gzip"}) {
        CAPTURE(coding);
        Answers bench;
        Headers headers;
        headers.add("Content-Encoding", coding);
        CHECK(bench.after(answered(plain(200, "{\"access_token\":\"a\"}", headers))) ==
              "rotation_uncertain");
        bench.check_in_doubt();
    }
}

TEST_CASE_FIXTURE(Answers, "B24: headers that want something from a browser change nothing") {
    Headers headers;
    headers.add("Content-Type", "application/json");
    headers.add("Set-Cookie", "sid=1; Domain=salesforce.com");
    headers.add("Location", "https://evil.example/");
    headers.add("Refresh", "0; url=https://evil.example/");
    headers.add("Alt-Svc", "h2=\"evil.example:443\"");
    const auto body = "{\"access_token\":\"00Dnew\",\"token_type\":\"Bearer\"}";
    CHECK(after(answered(plain(200, body, headers))) == "generation 2");
    check_next_refresh_works();
    for (const auto& to : salesforce.dialled) CHECK(to.host == "login.salesforce.com");
}

TEST_CASE_FIXTURE(Answers, "B26: a certificate that does not fit sends nothing and harms nothing") {
    salesforce.unreachable = Error{Fault::misconfigured, "tls_failed", "Wrong name. Check it."};
    CHECK(asked() == "tls_failed");
    CHECK(row(ada).state == State::active);
    CHECK(row(ada).attempt.empty());
    CHECK(salesforce.token_requests == 0);
    salesforce.unreachable.reset();
    pass(2s);
    CHECK(asked() == "generation 2");
}

TEST_CASE_FIXTURE(Answers, "B28: an org that moved is followed") {
    salesforce.instance_url = "https://acme2.my.salesforce.com";
    const auto token = newer(ada);
    REQUIRE(token.has_value());
    CHECK(token->instance_url == "https://acme2.my.salesforce.com");
    CHECK(row(ada).instance_url == "https://acme2.my.salesforce.com");
}

TEST_CASE("N1: no line of the log tells a token or a secret, whatever becomes of a refresh") {
    Answers bench;
    std::vector<std::string> secrets = {"client secret", "00Dfirst.ada", bench.old_token};
    std::string echoed;
    const auto tell = [&] {
        bench.pass(120s);
        bench.begin_resolving();
        bench.pass(120s);
        secrets.push_back(bench.stored_refresh_token(bench.ada));
        echoed = R"({"error":"invalid_grant","error_description":"authentication failure )" +
                 secrets.back() + R"("})";
    };
    CHECK(bench.asked() == "generation 2");
    tell();
    bench.after(changed([&](std::string& body) { secrets.push_back(body); }));
    tell();
    auto cut = changed([](std::string& body) { body.resize(body.size() / 2); });
    cut.whole = false;
    bench.after(std::move(cut));
    tell();
    bench.after(test::lost(false));
    tell();
    bench.after(answered(plain(200, "<html>" + secrets.back() + "</html>")));
    tell();
    bench.after(answered(plain(400, echoed)));
    CHECK(bench.row(bench.ada).state == State::reauth_required);
    CHECK(bench.log.counts["refresh_settled"] >= 4);
    for (const auto& secret : secrets) {
        CAPTURE(secret);
        CHECK(bench.log.text.find(secret) == std::string::npos);
    }
}
