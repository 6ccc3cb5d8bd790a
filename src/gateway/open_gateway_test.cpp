#include "gateway/open_gateway.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;

constexpr const char* dead_session =
    R"([{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}])";

/// Meets a demand for a newer token with the next generation.
class CountingTokens final : public TokenSource {
public:
    Task<AccessToken> token(ConnectionId, TokenDemand demand, Deadline) override {
        if (demand.newer_than && no_newer) co_return *no_newer;
        if (demand.newer_than) ++generation;
        AccessToken token;
        token.token = Secret{"00Dxx!" + std::to_string(generation)};
        token.instance_url = "https://acme.my.salesforce.com";
        token.generation = Generation{generation};
        co_return token;
    }
    std::int64_t generation = 1;
    std::optional<Error> no_newer;
};

class TextAnswer final : public OpenAnswer {
public:
    TextAnswer(int status, Headers headers, std::string body)
        : status_(status), headers_(std::move(headers)), body_(std::move(body)) {}
    int status() const override { return status_; }
    const Headers& headers() const override { return headers_; }
    Task<std::string> read(Deadline) override { co_return std::exchange(body_, {}); }

private:
    int status_;
    Headers headers_;
    std::string body_;
};

/// Gives the answers of a script, in order.
class ScriptedOpens final : public OpenTransport {
public:
    struct Seen {
        HttpRequest request;
        std::shared_ptr<const std::string> body;
    };
    void answer(int status, std::string body, Headers headers = {}) {
        headers.add("Content-Type", "application/json");
        steps.push_back(std::make_unique<TextAnswer>(status, std::move(headers), std::move(body)));
    }
    Task<std::unique_ptr<OpenAnswer>> open(Origin, HttpRequest request,
                                           std::shared_ptr<const std::string> body,
                                           Deadline) override {
        seen.push_back({std::move(request), std::move(body)});
        if (steps.empty()) co_return Error{Fault::outcome_unknown, "answer_lost", "Lost."};
        auto next = std::move(steps.front());
        steps.pop_front();
        co_return next;
    }
    std::deque<std::unique_ptr<OpenAnswer>> steps;
    std::vector<Seen> seen;
};

struct OpenGatewayBench {
    Result<OpenedCall> put(std::string target = "/services/data/v68.0/jobs/ingest/7/batches") {
        ApiCall call;
        call.connection = ConnectionId{"cn_ada"};
        call.method = "PUT";
        call.target = std::move(target);
        call.headers = {{"Content-Type", "text/csv"}, {"Cookie", "a=b"}};
        return test::run(loop, gateway.open(std::move(call), body, clock.in(30s)));
    }
    std::string text(OpenedCall& call) {
        return test::run(loop, call.body->read(clock.in(30s))).value();
    }
    std::string bearer(std::size_t request) const {
        return std::string{
            transport.seen.at(request).request.headers.find("Authorization").value_or("")};
    }

    boost::asio::io_context loop;
    test::FakeClock clock;
    ScriptedOpens transport;
    CountingTokens tokens;
    NoLog log;
    OpenGateway gateway{tokens, transport, clock, log};
    std::shared_ptr<const std::string> body = std::make_shared<const std::string>("Name\nAda\n");
};

}  // namespace

TEST_CASE("an upload goes out with the token and without the caller's cookies, its body uncopied") {
    OpenGatewayBench bench;
    bench.transport.answer(201, "done", {{"Set-Cookie", "sid=1"}, {"Sforce-Locator", "null"}});
    auto answer = bench.put();
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK(answer->status == 201);
    CHECK(answer->headers.count("Set-Cookie") == 0);
    CHECK(answer->headers.find("Sforce-Locator") == "null");
    CHECK(bench.text(*answer) == "done");
    CHECK(bench.bearer(0) == "Bearer 00Dxx!1");
    CHECK(bench.transport.seen.at(0).request.headers.count("Cookie") == 0);
    CHECK(bench.transport.seen.at(0).body.get() == bench.body.get());
}

TEST_CASE("an upload that a dead session refused is sent once more, with a newer token") {
    OpenGatewayBench bench;
    bench.transport.answer(401, dead_session);
    bench.transport.answer(201, "");
    auto answer = bench.put();
    REQUIRE(answer.has_value());
    CHECK(answer->status == 201);
    CHECK(bench.bearer(1) == "Bearer 00Dxx!2");
    CHECK(bench.transport.seen.at(1).body.get() == bench.body.get());

    bench.transport.answer(401, dead_session);
    bench.transport.answer(401, dead_session);
    answer = bench.put();
    REQUIRE(answer.has_value());
    CHECK(answer->status == 401);
    CHECK(bench.text(*answer) == dead_session);
    CHECK(bench.transport.seen.size() == 4);
}

TEST_CASE("a refusal of an upload that no token cures passes as it came") {
    OpenGatewayBench bench;
    bench.transport.answer(403, R"([{"errorCode":"REQUEST_LIMIT_EXCEEDED"}])");
    auto answer = bench.put();
    REQUIRE(answer.has_value());
    CHECK(answer->status == 403);
    CHECK(bench.text(*answer) == R"([{"errorCode":"REQUEST_LIMIT_EXCEEDED"}])");
    bench.tokens.no_newer = Error{Fault::try_later, "rate_limited", "Wait."};
    bench.transport.answer(401, dead_session);
    CHECK(bench.put()->status == 401);
    CHECK(bench.transport.seen.size() == 2);
}

TEST_CASE("a lost upload is never repeated, and a path that is not the API's never sent") {
    OpenGatewayBench bench;
    const auto lost = bench.put();
    REQUIRE(lost.has_error());
    CHECK(lost.error().code == "upstream_answer_lost");
    CHECK(lost.error().fault == Fault::outcome_unknown);
    CHECK(bench.transport.seen.size() == 1);
    CHECK(bench.put("/services/data/../oauth2/token").error().code == "path_not_allowed");
    CHECK(bench.transport.seen.size() == 1);
}

}  // namespace latchkey
