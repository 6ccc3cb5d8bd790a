#include "endpoint/token_endpoint.h"

#include <doctest/doctest.h>

#include <string>

#include "base/text.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_transport.h"

namespace {

using namespace latchkey;
using namespace std::chrono_literals;

constexpr const char* org = "00Dxx0000001gPLEAY";
constexpr const char* user = "005xx000001SwiUAAS";

/// An endpoint over a scripted transport, and a provider with a secret that needs encoding.
struct Bench {
    Bench() {
        provider.client_id = "3MVG9.app";
        provider.proof = SecretProof{Secret{"s3cr+t&"}};
    }
    salesforce::LoginBase login(const std::string& url = "https://login.salesforce.com") const {
        auto base = salesforce::check_login(url, true);
        REQUIRE(base.has_value());
        return *base;
    }
    template <class T>
    Result<T> wait(Task<T> work) {
        return test::run(loop, std::move(work));
    }
    TokenLine line(const std::string& url = "https://login.salesforce.com") {
        auto made = wait(endpoint.connect(provider, login(url), clock.in(30s)));
        REQUIRE(made.has_value());
        return std::move(*made);
    }
    Result<RawAnswer> refresh() {
        auto one = line();
        return wait(one.refresh(Secret{"5Aep861.old"}, clock.steady() + 2s, clock.in(30s)));
    }
    Result<Introspection> introspect() {
        return wait(endpoint.introspect(provider, login(), Secret{"rt"}, clock.in(30s)));
    }
    Result<void> revoke() {
        return wait(endpoint.revoke(provider, login(), Secret{"rt"}, clock.in(30s)));
    }
    Result<salesforce::Profile> profile(
        const std::string& login_url = "https://login.salesforce.com",
        const std::string& instance = "https://acme.my.salesforce.com") {
        salesforce::Identity who;
        who.org_id = org;
        who.user_id = user;
        return wait(endpoint.profile(login(login_url), Origin::parse(instance).value(), who,
                                     Secret{"00Dxx!at"}, clock.in(30s)));
    }
    const HttpRequest& sent() const { return transport.seen().back().request; }
    FormFields form() const {
        auto fields = parse_form(sent().body);
        REQUIRE(fields.has_value());
        return *fields;
    }

    boost::asio::io_context loop;
    test::FakeClock clock;
    test::ScriptedTransport transport;
    TokenEndpoint endpoint{transport, clock};
    Provider provider;
};

oauth::CheckedCallback checked_callback() {
    const std::string state = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    auto query = oauth::parse_callback("code=aPrx%3D%3D&state=" + state);
    REQUIRE(query.has_value());
    oauth::AwaitedCallback awaited;
    awaited.state_hash = oauth::state_hash(Secret{state});
    awaited.provider = "p";
    awaited.redirect_uri = "https://connect.example.com/oauth/callback/p";
    auto checked = oauth::check_callback(*query, "p", awaited);
    REQUIRE(checked.has_value());
    return *checked;
}

TEST_CASE("a refresh is one form with the token, the client and nothing else") {
    Bench bench;
    bench.transport.answer(200, "{}");
    REQUIRE(bench.refresh().has_value());

    const auto& seen = bench.transport.seen().at(0);
    CHECK(seen.to.text() == "https://login.salesforce.com");
    CHECK(seen.request.method == "POST");
    CHECK(seen.request.target == "/services/oauth2/token");
    CHECK(seen.request.headers.find("Content-Type") == "application/x-www-form-urlencoded");
    CHECK(seen.request.headers.find("Accept") == "application/json");
    CHECK(seen.request.headers.size() == 2);
    CHECK(seen.send_before == bench.clock.steady() + 2s);
    const FormFields expected = {{"grant_type", "refresh_token"},
                                 {"refresh_token", "5Aep861.old"},
                                 {"client_id", "3MVG9.app"},
                                 {"client_secret", "s3cr+t&"}};
    CHECK(bench.form() == expected);
    CHECK(seen.request.body.find("s3cr%2Bt%26") != std::string::npos);
}

TEST_CASE("a public client sends its id and no secret") {
    Bench bench;
    bench.provider.proof = PublicProof{};
    bench.transport.answer(200, "{}");
    REQUIRE(bench.refresh().has_value());
    CHECK(count(bench.form(), "client_secret") == 0);
    CHECK(only(bench.form(), "client_id") == "3MVG9.app");
}

TEST_CASE("an exchange sends the code once decoded, its redirect URI and its verifier") {
    Bench bench;
    bench.transport.answer(200, "{}");
    auto line = bench.line("https://acme.my.site.com/portal");
    const auto answer = bench.wait(line.exchange(checked_callback(), Secret{"verifier"},
                                                 bench.clock.steady() + 2s, bench.clock.in(30s)));
    REQUIRE(answer.has_value());
    CHECK(bench.sent().target == "/portal/services/oauth2/token");
    const FormFields expected = {{"grant_type", "authorization_code"},
                                 {"code", "aPrx=="},
                                 {"redirect_uri", "https://connect.example.com/oauth/callback/p"},
                                 {"code_verifier", "verifier"},
                                 {"client_id", "3MVG9.app"},
                                 {"client_secret", "s3cr+t&"}};
    CHECK(bench.form() == expected);
}

TEST_CASE("an answer is kept as it came, with what later readers need") {
    Bench bench;
    bench.transport.cut(200, R"({"refresh_token":"rt")",
                        {{"Content-Type", "application/json\x01"},
                         {"Content-Encoding", "gzip"},
                         {"content-encoding", "br"},
                         {"Set-Cookie", "a=b"}});
    const auto raw = bench.refresh();
    REQUIRE(raw.has_value());
    CHECK(raw->status == 200);
    CHECK_FALSE(raw->whole);
    CHECK(raw->content_type == "application/json?");
    CHECK(raw->content_encoding == "gzip, br");
    CHECK(raw->body.reveal() == R"({"refresh_token":"rt")");
}

TEST_CASE(
    "B14: Retry-After is clamped to between a second and an hour; dates and nonsense are none") {
    const auto pause = [](const char* value) {
        Bench bench;
        bench.transport.answer(429, "", {{"Retry-After", value}});
        return bench.refresh()->retry_after;
    };
    CHECK(pause("120") == 120s);
    CHECK(pause("0") == 1s);
    CHECK(pause("86400") == 3600s);
    CHECK(pause("99999999999999999999999") == 3600s);
    CHECK_FALSE(pause("-5").has_value());
    CHECK_FALSE(pause("").has_value());
    CHECK_FALSE(pause("Mon, 23 Nov 2026 10:00:00 GMT").has_value());
}

TEST_CASE("a refresh tells what never left from what may have been done") {
    Bench bench;
    bench.transport.not_sent();
    bench.transport.answer_lost();
    bench.transport.answer(200, std::string(1024 * 1024 + 1, ' '));
    const auto not_sent = bench.refresh();
    CHECK(not_sent.error().fault == Fault::try_later);
    CHECK(not_sent.error().code == "not_sent");
    const auto lost = bench.refresh();
    CHECK(lost.error().fault == Fault::outcome_unknown);
    CHECK(lost.error().code == "answer_lost");
    const auto large = bench.refresh();
    CHECK(large.error().fault == Fault::outcome_unknown);
    CHECK(large.error().code == "answer_too_large");
    CHECK(bench.transport.seen().size() == 3);
}

TEST_CASE("B26: a connection that cannot be made sends nothing and says why") {
    Bench bench;
    bench.transport.refuse_dial(Error{Fault::misconfigured, "tls_failed", "Wrong name."});
    const auto line =
        bench.wait(bench.endpoint.connect(bench.provider, bench.login(), bench.clock.in(5s)));
    REQUIRE(line.has_error());
    CHECK(line.error().fault == Fault::misconfigured);
    CHECK(line.error().code == "tls_failed");
    CHECK(bench.transport.seen().empty());
}

TEST_CASE("introspection asks with the client's proof in the body") {
    Bench bench;
    bench.transport.answer(200, R"({"active":true,"exp":1763903600,"scope":"api"})");
    const auto said = bench.introspect();
    REQUIRE(said.has_value());
    CHECK(said->active);
    CHECK(said->expires_at == WallTime{1763903600s});
    CHECK(bench.sent().target == "/services/oauth2/introspect");
    const FormFields expected = {{"token", "rt"},
                                 {"token_type_hint", "refresh_token"},
                                 {"client_id", "3MVG9.app"},
                                 {"client_secret", "s3cr+t&"}};
    CHECK(bench.form() == expected);
    CHECK(bench.transport.dialled() == 1);
}

TEST_CASE("introspection believes only an unambiguous active") {
    const auto active = [](const std::string& body) -> std::string {
        Bench bench;
        bench.transport.answer(200, body);
        const auto said = bench.introspect();
        if (!said) {
            CHECK(said.error().fault == Fault::try_later);
            return "unclear";
        }
        return said->active ? "active" : "dead";
    };
    CHECK(active(R"({"active":false})") == "dead");
    CHECK(active(R"({"active":true})") == "active");
    for (const auto* body :
         {"{}", "", "[]", "<html>", R"({"active":"true"})", R"({"active":1})", R"({"active":null})",
          R"({"active":true,"active":false})", R"({"active":true)", R"({"active":true} x)"}) {
        CAPTURE(body);
        CHECK(active(body) == "unclear");
    }
}

TEST_CASE("an introspected expiry that is nonsense counts as absent") {
    for (const auto* exp :
         {"1e300", "-1", "0", R"("1763903600")", "99999999999999999999", "null"}) {
        Bench bench;
        bench.transport.answer(200, std::string{R"({"active":true,"exp":)"} + exp + "}");
        const auto said = bench.introspect();
        REQUIRE(said.has_value());
        CHECK_FALSE(said->expires_at.has_value());
    }
}

TEST_CASE("a client that may not introspect is told apart from a server that is away") {
    const auto outcome = [](int status, const std::string& body) {
        Bench bench;
        bench.transport.answer(status, body, {{"Retry-After", "9"}});
        return bench.introspect().error();
    };
    for (const auto& [status, body] : {std::pair{401, R"({"error":"invalid_client"})"},
                                       {400, R"({"error":"invalid_client"})"},
                                       {403, ""},
                                       {404, ""}}) {
        CHECK(outcome(status, body).fault == Fault::misconfigured);
        CHECK(outcome(status, body).code == "introspection_refused");
    }
    for (const int status : {302, 400, 429, 500, 503}) {
        CHECK(outcome(status, "<html>").fault == Fault::try_later);
        CHECK(outcome(status, "").retry_after == 9s);
    }
    Bench bench;
    bench.transport.answer_lost();
    CHECK(bench.introspect().error().fault == Fault::try_later);
    bench.transport.cut(200, R"({"active":true})");
    CHECK(bench.introspect().error().fault == Fault::try_later);
    bench.transport.refuse_dial(Error{Fault::misconfigured, "tls_failed", "Wrong name."});
    CHECK(bench.introspect().error().fault == Fault::try_later);
}

TEST_CASE("B25: a revocation is done after 200 or 400 invalid_token, in whatever shape") {
    const std::pair<int, const char*> definite[] = {
        {200, ""},
        {400, R"({"error":"invalid_token","error_description":"invalid token: rt"})"},
        {400, "error=invalid_token&error_description=invalid+token%3A+rt"},
        {400, "invalid_token"},
    };
    for (const auto& [status, body] : definite) {
        Bench bench;
        bench.transport.answer(status, body);
        CHECK(bench.revoke().has_value());
        CHECK(bench.sent().method == "POST");
        CHECK(bench.sent().target == "/services/oauth2/revoke");
        CHECK(only(bench.form(), "token") == "rt");
    }
}

TEST_CASE(
    "B25: every other answer to a revocation means to repeat, and none of its words are kept") {
    const std::pair<int, const char*> doubtful[] = {
        {503, ""}, {500, "invalid_token"},
        {302, ""}, {400, R"({"error":"unsupported_token_type","error_description":"token rt"})"},
        {400, ""}, {401, R"({"error":"invalid_client"})"},
    };
    for (const auto& [status, body] : doubtful) {
        Bench bench;
        bench.transport.answer(status, body);
        const auto done = bench.revoke();
        REQUIRE(done.has_error());
        CHECK(done.error().fault == Fault::try_later);
        CHECK(done.error().remote_text.empty());
    }
    Bench bench;
    bench.transport.answer_lost();
    CHECK(bench.revoke().error().fault == Fault::try_later);
}

const std::string identity_json = std::string{R"({"user_id":")"} + user +
                                  R"(","organization_id":")" + org +
                                  R"(","username":"ada@acme.example","display_name":"Ada"})";

TEST_CASE("a profile is read on the instance host with the token in the header alone") {
    Bench bench;
    bench.transport.answer(200, identity_json);
    const auto profile = bench.profile();
    REQUIRE(profile.has_value());
    CHECK(profile->username == "ada@acme.example");
    const auto& seen = bench.transport.seen().at(0);
    CHECK(seen.to.text() == "https://acme.my.salesforce.com");
    CHECK(seen.request.method == "GET");
    CHECK(seen.request.target == std::string{"/id/"} + org + "/" + user);
    CHECK(seen.request.headers.find("Authorization") == "Bearer 00Dxx!at");
    CHECK(seen.request.body.empty());
}

TEST_CASE("a profile goes to no host that the login does not vouch for") {
    Bench bench;
    const auto profile = bench.profile("https://login.salesforce.com", "https://evil.example");
    REQUIRE(profile.has_error());
    CHECK(profile.error().code == "host_rejected");
    CHECK(bench.transport.dialled() == 0);

    bench.transport.answer(200, identity_json);
    CHECK(bench.profile("http://127.0.0.1:8788", "https://acme.my.salesforce.com").has_value());
    CHECK(bench.transport.seen().at(0).to.text() == "http://127.0.0.1:8788");
}

TEST_CASE("a refused token, a busy service and a wrong answer are three different things") {
    const auto outcome = [](int status, const std::string& body) {
        Bench bench;
        bench.transport.answer(status, body);
        return bench.profile().error();
    };
    CHECK(outcome(403, "Bad_OAuth_Token").code == "dead_session");
    CHECK(outcome(403, "Bad_OAuth_Token").fault == Fault::reauthorize);
    CHECK(outcome(401, "").code == "dead_session");
    CHECK(outcome(503, "").fault == Fault::try_later);
    CHECK(outcome(429, "").fault == Fault::try_later);
    CHECK(outcome(302, "").fault == Fault::try_later);
    CHECK(outcome(403, "Wrong_Org").code == "invalid_identity_answer");
    CHECK(outcome(404, "Bad_Id").fault == Fault::bad_input);
    CHECK(outcome(200, "{}").code == "invalid_identity_answer");
    auto other = identity_json;
    other.replace(other.find(user), 18, "005xx000001SwiVAAS");
    CHECK(outcome(200, other).code == "invalid_identity_answer");
}

TEST_CASE("userinfo is asked at the login host, below a site's path") {
    Bench bench;
    bench.transport.answer(200, std::string{R"({"user_id":")"} + user + R"(","organization_id":")" +
                                    org + R"(","preferred_username":"ada@acme.example"})");
    const auto profile = bench.wait(bench.endpoint.userinfo(
        bench.login("https://acme.my.site.com/portal"), Secret{"at"}, bench.clock.in(5s)));
    REQUIRE(profile.has_value());
    CHECK(profile->username == "ada@acme.example");
    CHECK(bench.sent().target == "/portal/services/oauth2/userinfo");
    CHECK(bench.transport.seen().at(0).to.host == "acme.my.site.com");
}

}  // namespace
