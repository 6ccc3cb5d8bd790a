#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "connect/flow_bench.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;
using test::FlowBench;
using test::TokenJson;

template <class T>
std::string code_of(const Result<T>& result) {
    return result.has_value() ? "" : result.error().code;
}

/// Completes a first connect whose answer is `tokens`, and says how that was refused. The grant
/// must be on its way back to Salesforce, and never have been anybody's.
std::string refusal_of(const TokenJson& tokens) {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue(tokens);
    const auto completion = bench.complete(ada.id, ada.ticket);
    if (completion.has_value()) return {};
    CHECK(completion.error().fault == Fault::denied);
    const auto grants = bench.store.all_grants();
    REQUIRE(grants.size() == 1);
    CHECK(grants.front().role == Role::former);
    CHECK(grants.front().state == State::revoking);
    CHECK(grants.front().reason == completion.error().code);
    CHECK(bench.row(ada.id).state == FlowState::failed);
    CHECK(bench.row(ada.id).failure == completion.error().code);
    CHECK(test::run(bench.loop,
                    bench.store.connections().find(grants.front().key.connection, bench.soon()))
              .has_error());
    return completion.error().code;
}

TEST_CASE("B2: a token of another type is refused and given back; bearer in any case is accepted") {
    TokenJson tokens;
    tokens.token_type = "mac";
    CHECK(refusal_of(tokens) == "token_type_rejected");
    tokens.token_type.clear();
    CHECK(refusal_of(tokens) == "token_type_rejected");
    for (const char* spelling : {"Bearer", "bearer", "BEARER"}) {
        tokens.token_type = spelling;
        CHECK(refusal_of(tokens).empty());
    }
}

TEST_CASE("B19: an instance host outside the rules is refused and the grant given back") {
    for (const char* host :
         {"http://acme.my.salesforce.com", "https://10.0.0.1", "https://127.0.0.1", "https://[::1]",
          "https://localhost", "https://user@acme.my.salesforce.com",
          "https://acme.my.salesforce.com:8443", "https://acme.my.salesforce.com/path",
          "https://acme.my.salesforce.com.evil.com", "https://evilsalesforce.com",
          "https://evil.com\\\\.my.salesforce.com", "https://acme%2emy.salesforce.com",
          "https://acme.my.salesforce.com.", "https://acme.my.s\xc3\xa0lesforce.com",
          "http://127.0.0.1:8788", ""}) {
        CAPTURE(host);
        TokenJson tokens;
        tokens.instance = host;
        CHECK(refusal_of(tokens) == "host_rejected");
    }
}

TEST_CASE("B20: an answer that does not say who was connected is refused") {
    TokenJson tokens;
    tokens.token_type = "Bearer\",\"id\":\"https://login.salesforce.com/id/nonsense";
    // Two identity URLs that differ: which one is meant, nobody can say.
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.server.answer(200, tokens.text(), FlowBench::json());
    CHECK_FALSE(bench.complete(ada.id, ada.ticket).has_value());
    CHECK(bench.row(ada.id).state == FlowState::failed);

    FlowBench other;
    const auto bob = other.arrive();
    TokenJson plain;
    std::string text = plain.text();
    const auto id = plain.id();
    text.replace(text.find(id), id.size(), "https://login.salesforce.com/id/nonsense");
    other.server.answer(200, text, FlowBench::json());
    CHECK(code_of(other.complete(bob.id, bob.ticket)) == "identity_rejected");
}

TEST_CASE("B21: for a client with a secret the signature has to be there and right") {
    TokenJson tokens;
    tokens.signature = "Kj9z99F0dRGDxtDg+hj8ePj5+CODblLi/fFaC/7C/Ow=";
    CHECK(refusal_of(tokens).empty());  // the published vector of this very answer
    tokens.signature = "Lj9z99F0dRGDxtDg+hj8ePj5+CODblLi/fFaC/7C/Ow=";
    CHECK(refusal_of(tokens) == "signature_rejected");
    tokens.signature = "";
    CHECK(refusal_of(tokens) == "signature_rejected");
}

TEST_CASE("B21: a public client has no key to check a signature with") {
    FlowBench bench;
    auto wish = FlowBench::wish_of("ada", "anywhere");
    wish.login_host = "https://acme.my.salesforce.com";
    const auto ada = bench.arrive(wish);
    TokenJson tokens;
    tokens.signature = "";
    bench.will_issue(tokens);
    CHECK(bench.complete(ada.id, ada.ticket).has_value());
}

TEST_CASE("an identity service that speaks of somebody else gives the connection no name") {
    FlowBench bench;
    const auto ada = bench.arrive();
    TokenJson other;
    other.user = "005xx000001SwiV";
    bench.server.answer(200, TokenJson{}.text(), FlowBench::json());
    bench.server.answer(200, other.profile(), FlowBench::json());
    const auto completion = bench.complete(ada.id, ada.ticket).value();
    CHECK(completion.connection.username.empty());
    CHECK(completion.connection.user_id == "005xx000001SwiUAAS");
}

TEST_CASE("without an identity service the connection has no user name and works all the same") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.server.answer(200, TokenJson{}.text(), FlowBench::json());
    bench.server.answer(403, "Missing_OAuth_Token");
    const auto completion = bench.complete(ada.id, ada.ticket).value();
    CHECK(completion.connection.username.empty());
    CHECK(completion.connection.standing == Standing::active);
}

TEST_CASE("B22: scopes are recorded as granted, and missing ones are reported") {
    FlowBench bench;
    TokenJson narrow;
    narrow.scope = "id api";
    const auto ada = bench.connect("ada", narrow);
    CHECK(ada.scopes == std::vector<std::string>{"id", "api"});
    CHECK(bench.log.count("scopes_missing") == 1);
    CHECK(bench.log.text().find(" refresh_token\n") != std::string::npos);

    TokenJson wide;
    wide.scope = "refresh_token full";
    const auto bob = bench.connect("bob", wide);
    CHECK(bob.scopes == std::vector<std::string>{"refresh_token", "full"});
    CHECK(bench.log.count("scopes_missing") == 1);

    TokenJson silent;
    silent.scope = "";
    CHECK(bench.connect("eve", silent).scopes ==
          std::vector<std::string>{"api", "refresh_token", "id"});
}

TEST_CASE("an expiry that the server names is kept") {
    FlowBench bench;
    TokenJson tokens;
    tokens.extra = ",\"expires_in\":7200";
    const auto ada = bench.connect("ada", tokens);
    const auto rows = bench.grants_of(ada.id);
    REQUIRE(rows.size() == 1);
    REQUIRE(rows.front().access_expires_at.has_value());
    CHECK(*rows.front().access_expires_at == bench.clock.wall() + 7200s);
}

TEST_CASE("a grant without a refresh token is kept, and the operator is told") {
    FlowBench bench;
    TokenJson tokens;
    tokens.refresh.clear();
    const auto ada = bench.connect("ada", tokens);
    CHECK(ada.standing == Standing::active);
    CHECK(bench.log.count("no_refresh_token") == 1);
}

TEST_CASE("a reconnect takes the old grant's place and gives that one back") {
    FlowBench bench;
    const auto ada = bench.connect("ada");
    const auto again = bench.arrive(bench.reconnect_of(ada));
    bench.clock.advance(5s);
    TokenJson fresh;
    fresh.access = "00Dxx!access-2";
    fresh.refresh = "5Aep861.refresh-2";
    bench.will_issue(fresh);
    const auto completion = bench.complete(again.id, again.ticket).value();
    CHECK(completion.connection.id == ada.id);
    CHECK(completion.connection.generation == Generation{2});
    CHECK(completion.connection.connected_at == ada.connected_at);
    CHECK(test::run(bench.loop, bench.vault.open(ada.id, bench.soon()))
              .value()
              .access_token.reveal() == "00Dxx!access-2");
    const auto rows = bench.grants_of(ada.id);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].role == Role::former);
    CHECK(rows[0].state == State::revoking);
    CHECK(rows[1].role == Role::current);
    CHECK(rows[1].state == State::active);
}

TEST_CASE("A19: a reconnect as another user or org is refused; the old grant is untouched") {
    for (const bool other_org : {false, true}) {
        FlowBench bench;
        const auto ada = bench.connect("ada");
        const auto before = bench.grants_of(ada.id).front();
        const auto again = bench.arrive(bench.reconnect_of(ada));
        TokenJson other;
        other.access = "00Dxx!access-2";
        other.refresh = "5Aep861.refresh-2";
        (other_org ? other.org : other.user) = other_org ? "00Dxx0000001gPM" : "005xx000001SwiV";
        bench.will_issue(other);
        const auto refused = bench.complete(again.id, again.ticket);
        CHECK(code_of(refused) == "identity_mismatch");
        CHECK(refused.error().fault == Fault::conflict);

        const auto rows = bench.grants_of(ada.id);
        REQUIRE(rows.size() == 2);
        CHECK(rows[0].role == Role::current);
        CHECK(rows[0].state == State::active);
        CHECK(rows[0].access_token == before.access_token);
        CHECK(rows[0].refresh_token == before.refresh_token);
        CHECK(rows[1].role == Role::former);
        CHECK(rows[1].state == State::revoking);

        // The new grant goes back to Salesforce, with its own token.
        Revoker revoker{bench.parts()};
        boost::asio::co_spawn(bench.loop, revoker.run(), [](std::exception_ptr) {});
        bench.server.answer(200);
        bench.settle();
        CHECK(bench.revocations() == 1);
        CHECK(bench.server.seen().back().request.body.find("refresh-2") != std::string::npos);
        CHECK(bench.grants_of(ada.id)[1].state == State::revoked);
        CHECK(bench.grants_of(ada.id)[0].state == State::active);
        revoker.stop();
        bench.settle();
    }
}

TEST_CASE("a reconnect of a connection that was revoked meanwhile does not bring it back") {
    FlowBench bench;
    const auto ada = bench.connect("ada");
    const auto again = bench.arrive(bench.reconnect_of(ada));
    REQUIRE(test::run(bench.loop, bench.store.grants().begin_revocation(ada.id, bench.soon()))
                .has_value());
    bench.will_issue({});
    CHECK(code_of(bench.complete(again.id, again.ticket)) == "connection_revoked");
    const auto rows = bench.grants_of(ada.id);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].state == State::revoking);
    CHECK(rows[1].state == State::revoking);
    CHECK(code_of(bench.open(bench.reconnect_of(ada))) == "connection_not_found");
}

TEST_CASE("A27: of two consents for one connection the newer stays and the older is given back") {
    FlowBench bench;
    const auto ada = bench.connect("ada");
    const auto first = bench.arrive(bench.reconnect_of(ada));
    const auto second = bench.arrive(bench.reconnect_of(ada));
    TokenJson two;
    two.access = "00Dxx!access-2";
    two.refresh = "5Aep861.refresh-2";
    bench.will_issue(two);
    REQUIRE(bench.complete(first.id, first.ticket).has_value());
    TokenJson three;
    three.access = "00Dxx!access-3";
    three.refresh = "5Aep861.refresh-3";
    bench.will_issue(three);
    const auto last = bench.complete(second.id, second.ticket).value();
    CHECK(last.connection.id == ada.id);
    CHECK(last.connection.generation == Generation{3});

    const auto rows = bench.grants_of(ada.id);
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].state == State::revoking);
    CHECK(rows[1].state == State::revoking);
    CHECK(rows[2].role == Role::current);
    CHECK(rows[2].state == State::active);
}

TEST_CASE("A27: two consents that are completed at the same moment leave one current grant") {
    FlowBench bench;
    const auto ada = bench.connect("ada");
    const auto first = bench.arrive(bench.reconnect_of(ada));
    const auto second = bench.arrive(bench.reconnect_of(ada));
    TokenJson two;
    two.access = "00Dxx!access-2";
    two.refresh = "5Aep861.refresh-2";
    TokenJson three;
    three.access = "00Dxx!access-3";
    three.refresh = "5Aep861.refresh-3";
    // Both exchanges come before either profile.
    bench.server.answer(200, two.text(), FlowBench::json());
    bench.server.answer(200, three.text(), FlowBench::json());
    bench.server.answer(403, "Missing_OAuth_Token");
    bench.server.answer(403, "Missing_OAuth_Token");
    int completed = 0;
    int superseded = 0;
    for (const auto& journey : {first, second}) {
        auto work = bench.flow->complete(journey.id, Secret{journey.ticket}, "ada",
                                         ApiKeyId{"key-1"}, bench.soon());
        boost::asio::co_spawn(bench.loop, std::move(work),
                              [&](std::exception_ptr, Result<Completion> completion) {
                                  if (completion.has_value()) ++completed;
                                  if (code_of(completion) == "superseded") ++superseded;
                              });
    }
    bench.settle();
    CHECK(completed + superseded == 2);
    CHECK(completed >= 1);
    int current = 0;
    int returning = 0;
    for (const auto& row : bench.grants_of(ada.id)) {
        if (row.role == Role::current) {
            ++current;
            CHECK(row.key.epoch == Epoch{3});
        }
        if (row.state == State::revoking) ++returning;
    }
    CHECK(current == 1);
    CHECK(returning == 2);
    CHECK(bench.exchanges() == 3);  // one of them made the connection
}

TEST_CASE(
    "the fifth connection of one Salesforce user is reported, since the sixth ends the first") {
    FlowBench bench;
    for (const char* user : {"a", "b", "c", "d"}) bench.connect(user);
    CHECK(bench.log.count("approvals_near_limit") == 0);
    bench.connect("e");
    CHECK(bench.log.count("approvals_near_limit") == 1);
}

}  // namespace
}  // namespace latchkey
