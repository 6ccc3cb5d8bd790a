#include <doctest/doctest.h>

#include <string>

#include "emulator/bench.h"
#include "endpoint/token_endpoint.h"
#include "net/net_transport.h"
#include "oauth/authorize.h"
#include "oauth/callback.h"
#include "oauth/pkce.h"

// The whole of this floor, over real sockets, against a Salesforce that was written by somebody
// else.
namespace {

using namespace latchkey;
using namespace std::chrono_literals;
using Kind = RefreshVerdict::Kind;

emulator::Options free_port() {
    emulator::Options options;
    options.port = 0;
    return options;
}

struct Bench : emulator::test::Bench {
    Bench() : emulator::test::Bench(free_port()) {
        REQUIRE(emulator.start().has_value());
        auto base = salesforce::check_login(emulator.url(), true);
        REQUIRE(base.has_value());
        login = *base;
        NetOptions options;
        options.private_origins.push_back(login.origin);
        transport.emplace(std::move(options), clock);
        endpoint.emplace(*transport, clock);
        provider.client_id = "latchkey-demo";
        provider.proof = SecretProof{Secret{"latchkey-demo-secret"}};
    }
    ~Bench() {
        endpoint.reset();
        transport.reset();
        wait_for(emulator.stop(clock.in(0s)));
    }
    static Async<bool> done(Async<void> work) {
        co_await std::move(work);
        co_return true;
    }
    void wait_for(Async<void> work) { test::run(loop, done(std::move(work))); }
    template <class T>
    Result<T> wait(Task<T> work) {
        return test::run(loop, std::move(work));
    }

    TokenLine line() {
        auto made = wait(endpoint->connect(provider, login, clock.in(30s)));
        REQUIRE(made.has_value());
        return std::move(*made);
    }
    /// A person follows the authorize URL; what comes back is checked.
    oauth::CheckedCallback walk_to_callback(const oauth::Pkce& pkce) {
        SystemRandom random;
        const Secret state = Secret::take(random_text(random, 32));
        oauth::AuthorizeRequest request;
        request.endpoint = "/services/oauth2/authorize";
        request.client_id = provider.client_id;
        request.redirect_uri = redirect_uri;
        request.scopes = provider.scopes;
        request.state = state.reveal();
        request.code_challenge = pkce.challenge;
        const auto url = oauth::authorize_url(request);
        REQUIRE(url.has_value());
        const auto location = header(decide(log_in(get(*url))), "Location");
        REQUIRE(location.starts_with(redirect_uri + "?"));

        const auto query = oauth::parse_callback(location.substr(redirect_uri.size() + 1));
        REQUIRE(query.has_value());
        oauth::AwaitedCallback awaited;
        awaited.state_hash = oauth::state_hash(state);
        awaited.provider = "salesforce";
        awaited.redirect_uri = redirect_uri;
        auto checked = oauth::check_callback(*query, "salesforce", awaited);
        REQUIRE(checked.has_value());
        return *checked;
    }
    Result<RawAnswer> exchange_code(oauth::CheckedCallback callback, Secret its_verifier) {
        auto one = line();
        return wait(one.exchange(std::move(callback), std::move(its_verifier), clock.steady() + 2s,
                                 clock.in(30s)));
    }
    oauth::TokenAnswer connect_user() {
        SystemRandom random;
        const auto pkce = oauth::make_pkce(random);
        const auto raw = exchange_code(walk_to_callback(pkce), pkce.verifier);
        REQUIRE(raw.has_value());
        auto answer = judge_exchange(*raw);
        REQUIRE(answer.has_value());
        REQUIRE(answer->refresh_token.has_value());
        return *answer;
    }
    Result<RawAnswer> refresh_with(Secret token) {
        auto one = line();
        return wait(one.refresh(std::move(token), clock.steady() + 2s, clock.in(30s)));
    }
    RefreshVerdict refreshed(Secret token) {
        const auto raw = refresh_with(std::move(token));
        REQUIRE(raw.has_value());
        return judge_refresh(*raw);
    }
    bool alive(Secret token) {
        const auto said =
            wait(endpoint->introspect(provider, login, std::move(token), clock.in(9s)));
        REQUIRE(said.has_value());
        return said->active;
    }
    void fault(const std::string& how) {
        control("POST", "faults", R"({"path":"/services/oauth2/token",)" + how + "}");
    }

    salesforce::LoginBase login;
    Provider provider;
    std::optional<NetTransport> transport;
    std::optional<TokenEndpoint> endpoint;
};

TEST_CASE("a user connects, is known, refreshes with rotation and is revoked") {
    Bench bench;
    const auto first = bench.connect_user();
    CHECK(salesforce::check_instance(first.instance_url, bench.login).has_value());
    CHECK(salesforce::signature_matches(Secret{"latchkey-demo-secret"}, first.id, first.issued_at,
                                        first.signature));
    const auto who = salesforce::parse_identity_url(first.id);
    REQUIRE(who.has_value());
    const auto profile = bench.wait(bench.endpoint->profile(
        bench.login, bench.login.origin, *who, first.access_token, bench.clock.in(9s)));
    REQUIRE(profile.has_value());
    CHECK(profile->username == "ada@acme.example");

    const auto second = bench.refreshed(*first.refresh_token);
    REQUIRE(second.kind == Kind::issued);
    REQUIRE(second.answer.refresh_token.has_value());
    CHECK_FALSE(bench.alive(*first.refresh_token));
    CHECK(bench.alive(*second.answer.refresh_token));

    const auto revoke = [&] {
        return bench.wait(bench.endpoint->revoke(bench.provider, bench.login,
                                                 *second.answer.refresh_token, bench.clock.in(9s)));
    };
    CHECK(revoke().has_value());
    CHECK_FALSE(bench.alive(*second.answer.refresh_token));
    CHECK(revoke().has_value());  // B25: safe to repeat
    const auto gone = bench.wait(bench.endpoint->profile(
        bench.login, bench.login.origin, *who, second.answer.access_token, bench.clock.in(9s)));
    REQUIRE(gone.has_error());
    CHECK(gone.error().code == "dead_session");
    CHECK(bench.total("reuses") == 0);
}

TEST_CASE("A18: a code is worth nothing with another verifier, and no code works twice") {
    Bench bench;
    SystemRandom random;
    const auto pkce = oauth::make_pkce(random);
    const auto callback = bench.walk_to_callback(pkce);
    const auto stolen = bench.exchange_code(callback, oauth::make_pkce(random).verifier);
    REQUIRE(stolen.has_value());
    CHECK(judge_exchange(*stolen).error().fault == Fault::reauthorize);

    const auto fresh = bench.walk_to_callback(pkce);
    REQUIRE(judge_exchange(bench.exchange_code(fresh, pkce.verifier).value()).has_value());
    const auto again = judge_exchange(bench.exchange_code(fresh, pkce.verifier).value());
    REQUIRE(again.has_error());
    CHECK(again.error().fault == Fault::reauthorize);
}

TEST_CASE("B4: with rotation off the answer has no refresh token and the old one lives") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","rotation":false})");
    const auto first = bench.connect_user();
    const auto second = bench.refreshed(*first.refresh_token);
    CHECK(second.kind == Kind::issued);
    CHECK_FALSE(second.answer.refresh_token.has_value());
    CHECK(bench.alive(*first.refresh_token));
}

TEST_CASE("B8: a real answer cut anywhere behind its refresh token yields the live one") {
    Bench bench;
    const auto whole = bench.refresh_with(*bench.connect_user().refresh_token);
    REQUIRE(whole.has_value());
    const auto token = *judge_refresh(*whole).answer.refresh_token;
    const auto body = whole->body.reveal();
    const auto end_of_token = body.find(token.reveal()) + token.size() + 1;
    REQUIRE(end_of_token < body.size());
    for (std::size_t size = 0; size < body.size(); ++size) {
        auto cut = *whole;
        cut.whole = false;
        cut.body = Secret{body.substr(0, size)};
        const auto verdict = judge_refresh(cut);
        REQUIRE(verdict.kind == (size < end_of_token ? Kind::unknown : Kind::salvaged));
        if (size >= end_of_token) CHECK(verdict.answer.refresh_token->same_as(token));
    }
    CHECK(bench.alive(token));
}

TEST_CASE(
    "B12, B15, B16: busy, broken and moved servers leave the outcome open; nothing is re-sent") {
    Bench bench;
    const auto token = *bench.connect_user().refresh_token;
    bench.fault(
        R"("when":"before","status":400,"body":)"
        R"("{\"error\":\"invalid_grant\",\"error_description\":\"token request is already being processed\"}")");
    CHECK(bench.refreshed(token).kind == Kind::busy);
    bench.fault(R"("when":"before","status":503,"body":"<html>maintenance</html>")");
    CHECK(bench.refreshed(token).kind == Kind::unknown);
    bench.fault(R"("when":"before","status":307,"headers":{"Location":")" + bench.emulator.url() +
                R"(/services/oauth2/token"})");
    CHECK(bench.refreshed(token).kind == Kind::unknown);
    CHECK(bench.total("refreshes") == 0);
    CHECK(bench.alive(token));
    CHECK(bench.refreshed(token).kind == Kind::issued);
}

TEST_CASE("an answer that is lost after the server did its work is an unknown outcome") {
    Bench bench;
    const auto token = *bench.connect_user().refresh_token;
    bench.fault(R"("when":"after","reset":true)");
    const auto lost = bench.refresh_with(token);
    REQUIRE(lost.has_error());
    CHECK(lost.error().fault == Fault::outcome_unknown);
    CHECK(bench.total("refreshes") == 1);
    CHECK_FALSE(bench.alive(token));
}

TEST_CASE("B13: a wrong client secret harms no grant, at the token endpoint and at introspection") {
    Bench bench;
    const auto token = *bench.connect_user().refresh_token;
    bench.provider.proof = SecretProof{Secret{"wrong"}};
    const auto verdict = bench.refreshed(token);
    CHECK(verdict.kind == Kind::not_consumed);
    CHECK(verdict.error.fault == Fault::misconfigured);
    const auto said = bench.wait(
        bench.endpoint->introspect(bench.provider, bench.login, token, bench.clock.in(9s)));
    REQUIRE(said.has_error());
    CHECK(said.error().code == "introspection_refused");

    bench.provider.proof = SecretProof{Secret{"latchkey-demo-secret"}};
    CHECK(bench.refreshed(token).kind == Kind::issued);
}

TEST_CASE("B11: a spent refresh token is dead") {
    Bench bench;
    const auto token = *bench.connect_user().refresh_token;
    REQUIRE(bench.refreshed(token).kind == Kind::issued);
    const auto spent = bench.refreshed(token);
    CHECK(spent.kind == Kind::dead);
    CHECK(spent.error.fault == Fault::reauthorize);
    CHECK(bench.total("reuses") == 1);
}

}  // namespace
