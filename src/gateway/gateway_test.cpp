#include "gateway/gateway.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <vector>

#include "gateway/replay.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_transport.h"

namespace {

using namespace latchkey;
using namespace std::chrono_literals;

AccessToken token_of(std::int64_t generation,
                     const std::string& instance = "https://acme.my.salesforce.com") {
    AccessToken token;
    token.token = Secret{"00Dxx!" + std::to_string(generation)};
    token.instance_url = instance;
    token.generation = Generation{generation};
    return token;
}

/// Keeps the contract of a TokenSource: a demand for a newer token is met by the next of a list.
class FakeTokens final : public TokenSource {
public:
    Task<AccessToken> token(ConnectionId, TokenDemand demand, Deadline) override {
        demands.push_back(demand);
        if (!demand.newer_than) co_return current;
        if (no_newer) co_return *no_newer;
        if (current.generation <= *demand.newer_than) {
            ++refreshes;
            current = newer;
        }
        co_return current;
    }

    AccessToken current = token_of(1);
    AccessToken newer = token_of(2);
    std::optional<Error> no_newer;
    std::vector<TokenDemand> demands;
    int refreshes = 0;
};

constexpr const char* dead_session =
    R"([{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}])";
const Headers json{{"Content-Type", "application/json;charset=UTF-8"}};

struct Bench {
    Result<ApiAnswer> call(const std::string& method, const std::string& target,
                           const std::string& body = {}, Headers headers = {}) {
        ApiCall call;
        call.connection = ConnectionId{"cn_ada"};
        call.method = method;
        call.target = target;
        call.body = body;
        call.headers = std::move(headers);
        return test::run(loop, gateway.send(std::move(call), clock.in(30s)));
    }
    Result<ApiAnswer> get() { return call("GET", "/services/data"); }
    std::string bearer(std::size_t request) const {
        return std::string{
            transport.seen().at(request).request.headers.find("Authorization").value_or("")};
    }

    boost::asio::io_context loop;
    test::FakeClock clock;
    test::ScriptedTransport transport;
    FakeTokens tokens;
    NoLog log;
    OrgBudgets budgets{DailyReserve{}};
    Gateway gateway{tokens, transport, clock, log, &budgets};
};

TEST_CASE("every answer, also a refusal of a dead session, tells how many calls the org has used") {
    Bench bench;
    const auto used = [&] { return bench.budgets.shortest(1).front().usage.used; };
    bench.transport.answer(200, "ok", {{"sforce-limit-info", "api-usage=18/5000"}});
    CHECK(bench.get().has_value());
    CHECK(bench.budgets.shortest(1).front().org == "acme.my.salesforce.com");
    CHECK(used() == 18);
    Headers refused = json;
    refused.add("Sforce-Limit-Info", "api-usage=19/5000");
    bench.transport.answer(401, dead_session, refused);
    bench.transport.answer(200, "ok");
    CHECK(bench.get().has_value());
    CHECK(used() == 19);
    bench.transport.answer(200, "ok", {{"Sforce-Limit-Info", "soon"}});
    CHECK(bench.get().has_value());
    CHECK(used() == 19);
}

TEST_CASE("a call goes to the connection's instance with its token, bytes unchanged") {
    Bench bench;
    bench.transport.answer(201, "made", {{"Sforce-Limit-Info", "x"}, {"Set-Cookie", "sid=1"}});
    const auto answer = bench.call("POST", "/services/data/v68.0/sobjects/A?x=%2e", "{\"a\":1}",
                                   {{"Content-Type", "application/json"}, {"Cookie", "a=b"}});
    REQUIRE(answer.has_value());
    CHECK(answer->response.status == 201);
    CHECK(answer->response.body == "made");
    CHECK(answer->response.headers.count("Set-Cookie") == 0);
    CHECK(answer->response.headers.count("Sforce-Limit-Info") == 1);
    CHECK(answer->from_salesforce);
    CHECK(answer->generation == Generation{1});

    REQUIRE(bench.transport.seen().size() == 1);
    const auto& seen = bench.transport.seen()[0];
    CHECK(seen.to.text() == "https://acme.my.salesforce.com");
    CHECK(seen.request.method == "POST");
    CHECK(seen.request.target == "/services/data/v68.0/sobjects/A?x=%2e");
    CHECK(seen.request.body == "{\"a\":1}");
    CHECK(seen.request.headers.size() == 2);
    CHECK(bench.bearer(0) == "Bearer 00Dxx!1");
}

TEST_CASE(
    "H5: the Bulk API's first version gets our session in its own line, and none of the caller's") {
    Bench bench;
    bench.transport.answer(200);
    bench.transport.answer(200);
    REQUIRE(bench.call("GET", "/services/async/62.0/job", {}, {{"X-SFDC-Session", "theirs"}})
                .has_value());
    REQUIRE(bench.call("GET", "/services/data", {}, {{"X-SFDC-Session", "theirs"}}).has_value());
    const auto& bulk = bench.transport.seen()[0].request.headers;
    CHECK(bulk.count("X-SFDC-Session") == 1);
    CHECK(bulk.find("X-SFDC-Session") == "00Dxx!1");
    CHECK(bench.bearer(0) == "Bearer 00Dxx!1");
    CHECK(bench.transport.seen()[1].request.headers.count("X-SFDC-Session") == 0);
}

TEST_CASE("H1: no header of the caller moves the call to another host") {
    Bench bench;
    bench.transport.answer(200);
    const auto answer = bench.call("GET", "/services/data", {},
                                   {{"Host", "evil.example"},
                                    {"X-Forwarded-Host", "evil.example"},
                                    {"Base-Url-Override", "https://evil.example"}});
    REQUIRE(answer.has_value());
    CHECK(bench.transport.seen()[0].to.host == "acme.my.salesforce.com");
    CHECK(bench.transport.seen()[0].request.headers.count("Host") == 0);
}

TEST_CASE("H2, H4, H13: what may not be forwarded takes no token and sends nothing") {
    Bench bench;
    CHECK(bench.call("GET", "/services/../secur/x").error().code == "path_not_allowed");
    CHECK(bench.call("POST", "/services/oauth2/revoke").error().code == "path_not_allowed");
    CHECK(bench.call("TRACE", "/services/data").error().code == "method_not_allowed");
    CHECK(bench.tokens.demands.empty());
    CHECK(bench.call("GET", "/services/data", {}, {{"X", "a\nb"}}).error().code ==
          "invalid_header");
    CHECK(bench.transport.seen().empty());
}

TEST_CASE("H7: a redirect is passed on, followed by nobody, and loses a foreign Location") {
    for (const int status : {301, 302, 303, 307, 308}) {
        Bench bench;
        bench.transport.answer(status, "", {{"Location", "https://evil.example/"}});
        const auto answer = bench.get();
        REQUIRE(answer.has_value());
        CHECK(answer->response.status == status);
        CHECK(answer->response.headers.count("Location") == 0);
        CHECK(bench.transport.seen().size() == 1);
    }
}

TEST_CASE("H9: an address that may not be reached is the operator's matter") {
    Bench bench;
    bench.transport.fail(Error{Fault::misconfigured, "address_not_allowed", "Not public."});
    const auto answer = bench.get();
    REQUIRE(answer.has_error());
    CHECK(answer.error().fault == Fault::misconfigured);
    CHECK(answer.error().code == "address_not_allowed");
}

TEST_CASE(
    "an instance URL that is no origin, or plain http elsewhere than on loopback, is refused") {
    for (const auto* url : {"", "acme.my.salesforce.com", "http://acme.my.salesforce.com",
                            "https://a@b.example", "https://acme.my.salesforce.com/path"}) {
        CAPTURE(url);
        Bench bench;
        bench.tokens.current = token_of(1, url);
        const auto answer = bench.get();
        REQUIRE(answer.has_error());
        CHECK(answer.error().fault == Fault::denied);
        CHECK(answer.error().code == "host_rejected");
        CHECK(bench.transport.seen().empty());
    }
    Bench bench;
    bench.tokens.current = token_of(1, "http://127.0.0.1:8788");
    bench.transport.answer(200);
    CHECK(bench.get().has_value());
}

TEST_CASE("H11: a dead session means one refresh by generation and one repeat with the held body") {
    Bench bench;
    bench.transport.answer(401, dead_session, json);
    bench.transport.answer(200, "done");
    const auto answer = bench.call("POST", "/services/data/v68.0/sobjects/A", "{\"a\":1}");
    REQUIRE(answer.has_value());
    CHECK(answer->response.status == 200);
    CHECK(answer->generation == Generation{2});
    REQUIRE(bench.tokens.demands.size() == 2);
    CHECK(bench.tokens.demands[1].newer_than == Generation{1});
    REQUIRE(bench.transport.seen().size() == 2);
    CHECK(bench.bearer(0) == "Bearer 00Dxx!1");
    CHECK(bench.bearer(1) == "Bearer 00Dxx!2");
    CHECK(bench.transport.seen()[1].request.body == "{\"a\":1}");
    CHECK(bench.transport.seen()[1].request.target == "/services/data/v68.0/sobjects/A");
    CHECK(bench.transport.seen()[1].request.headers.count("Authorization") == 1);
}

TEST_CASE("H11: a second refusal is passed on; there is no third call and no second refresh") {
    Bench bench;
    bench.transport.answer(401, dead_session, json);
    bench.transport.answer(401, dead_session, json);
    const auto answer = bench.get();
    REQUIRE(answer.has_value());
    CHECK(answer->response.status == 401);
    CHECK(answer->response.body == dead_session);
    CHECK(answer->generation == Generation{2});
    CHECK(bench.transport.seen().size() == 2);
    CHECK(bench.tokens.refreshes == 1);
}

TEST_CASE("B28: after a refresh the repeat goes to the new instance host") {
    Bench bench;
    bench.tokens.newer = token_of(2, "https://renamed.my.salesforce.com");
    bench.transport.answer(401, dead_session, json);
    bench.transport.answer(200, "", {{"Location", "https://renamed.my.salesforce.com/x"}});
    const auto answer = bench.get();
    REQUIRE(answer.has_value());
    CHECK(bench.transport.seen()[1].to.host == "renamed.my.salesforce.com");
    CHECK(answer->response.headers.count("Location") == 1);
}

TEST_CASE("H12: refusals that no refresh cures are passed on and ask for no token") {
    const std::pair<int, const char*> refusals[] = {
        {401,
         R"([{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}])"},
        {401, R"([{"message":"Connected app is not attached to Agent","errorCode":"X"}])"},
        {403, R"([{"message":"API is disabled","errorCode":"API_CURRENTLY_DISABLED"}])"},
        {403,
         R"([{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}])"},
    };
    for (const auto& [status, body] : refusals) {
        Bench bench;
        bench.transport.answer(status, body, json);
        const auto answer = bench.get();
        REQUIRE(answer.has_value());
        CHECK(answer->response.status == status);
        CHECK(answer->response.body == body);
        CHECK(bench.tokens.demands.size() == 1);
        CHECK(bench.transport.seen().size() == 1);
    }
}

TEST_CASE("H12: where the budget of refreshes is used up, Salesforce's own refusal is the answer") {
    Bench bench;
    bench.tokens.no_newer = Error{Fault::try_later, "rate_limited", "Only a moment ago."};
    bench.transport.answer(401, dead_session, json);
    const auto answer = bench.get();
    REQUIRE(answer.has_value());
    CHECK(answer->response.status == 401);
    CHECK(bench.transport.seen().size() == 1);
}

TEST_CASE("H19: where no newer token can be had, the caller hears why") {
    for (const auto& why : {Error{Fault::reauthorize, "reauth_required", "m"},
                            Error{Fault::conflict, "quarantined", "m"},
                            Error{Fault::try_later, "refresh_in_progress", "m"},
                            Error{Fault::misconfigured, "invalid_client", "m"}}) {
        Bench bench;
        bench.tokens.no_newer = why;
        bench.transport.answer(401, dead_session, json);
        const auto answer = bench.get();
        REQUIRE(answer.has_error());
        CHECK(answer.error().code == why.code);
        CHECK(answer.error().fault == why.fault);
        CHECK(bench.transport.seen().size() == 1);
    }
}

TEST_CASE("a token that is no newer is not tried again") {
    Bench bench;
    bench.tokens.newer = token_of(1);
    bench.transport.answer(401, dead_session, json);
    CHECK(bench.get()->response.status == 401);
    CHECK(bench.transport.seen().size() == 1);
}

TEST_CASE("a caller whose time is over gets the refusal instead of a late repeat") {
    Bench bench;
    bench.transport.answer(401, dead_session, json);
    ApiCall call;
    call.connection = ConnectionId{"cn_ada"};
    call.method = "GET";
    call.target = "/services/data";
    const auto answer =
        test::run(bench.loop, bench.gateway.send(std::move(call), Deadline{bench.clock.steady()}));
    REQUIRE(answer.has_value());
    CHECK(answer->response.status == 401);
    CHECK(bench.tokens.demands.size() == 1);
}

TEST_CASE("H17: a busy or broken Salesforce is passed on and never asked again") {
    for (const int status : {429, 500, 502, 503}) {
        Bench bench;
        bench.transport.answer(status, "busy", {{"Retry-After", "5"}});
        const auto answer = bench.call("POST", "/services/data", "x");
        REQUIRE(answer.has_value());
        CHECK(answer->response.status == status);
        CHECK(answer->response.headers.find("Retry-After") == "5");
        CHECK(bench.transport.seen().size() == 1);
        CHECK(bench.tokens.demands.size() == 1);
    }
}

TEST_CASE("what never left is told from what may have been done, and neither is repeated") {
    Bench bench;
    bench.transport.not_sent();
    bench.transport.answer_lost();
    bench.transport.cut(200, "half");
    bench.transport.cut(401, dead_session, json);
    const auto unreachable = bench.get();
    CHECK(unreachable.error().fault == Fault::try_later);
    CHECK(unreachable.error().code == "upstream_unreachable");
    for (int i = 0; i < 3; ++i) {
        const auto lost = bench.get();
        REQUIRE(lost.has_error());
        CHECK(lost.error().fault == Fault::outcome_unknown);
        CHECK(lost.error().code == "upstream_answer_lost");
    }
    CHECK(bench.transport.seen().size() == 4);
    CHECK(bench.tokens.refreshes == 0);
}

TEST_CASE("the answer to a HEAD has no body to look at, and 401 alone asks for a newer token") {
    Bench bench;
    bench.transport.answer(401);
    bench.transport.answer(200);
    CHECK(bench.call("HEAD", "/services/data")->response.status == 200);
}

}  // namespace
