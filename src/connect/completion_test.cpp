#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/bind_cancellation_slot.hpp>

#include "connect/flow_bench.h"
#include "oauth/pkce.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;
using test::FlowBench;
using test::parameter;
using test::TokenJson;

template <class T>
std::string code_of(const Result<T>& result) {
    return result.has_value() ? "" : result.error().code;
}

TEST_CASE("the right ticket and the right user turn the code into a connection") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    const auto completion = bench.complete(ada.id, ada.ticket);
    REQUIRE(completion.has_value());
    CHECK(completion->created);
    const Connection& connection = completion->connection;
    CHECK(connection.id.text.starts_with("cn_"));
    CHECK(connection.id.text.size() == 25);
    CHECK(connection.end_user == "ada");
    CHECK(connection.provider == ProviderId{"salesforce"});
    CHECK(connection.standing == Standing::active);
    CHECK(connection.org_id == "00Dxx0000001gPLEAY");
    CHECK(connection.user_id == "005xx000001SwiUAAS");
    CHECK(connection.username == "ada@acme.example");
    CHECK(connection.instance_url == "https://acme.my.salesforce.com");
    CHECK(connection.generation == Generation{1});
    CHECK(connection.scopes == std::vector<std::string>{"api", "refresh_token", "id"});
    CHECK(bench.changed == std::vector<ConnectionId>{connection.id});

    const auto kept = test::run(bench.loop, bench.vault.open(connection.id, bench.soon())).value();
    CHECK(kept.access_token.reveal() == "00Dxx!access-1");
    REQUIRE(kept.refresh_token.has_value());
    CHECK(kept.refresh_token->reveal() == "5Aep861.refresh-1");
    CHECK(bench.row(ada.id).state == FlowState::done);
}

TEST_CASE(
    "A17: the code is spent with the verifier of its own flow and the redirect URI that was sent") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada")).value();
    const auto departure = bench.start(opened.link).value();
    const auto cookies = test::jar(departure.cookie_name, {std::string{departure.cookie.reveal()}});
    const std::string state = parameter(departure.authorize_url, "state");
    const auto arrival = bench.callback("code=c%2B1&state=" + state, cookies).value();
    bench.will_issue({});
    REQUIRE(bench.complete(opened.id, parameter(arrival.redirect_url, "ticket")).has_value());

    const auto form = parse_form(bench.server.seen().front().request.body).value();
    CHECK(only(form, "grant_type") == "authorization_code");
    CHECK(only(form, "code") == "c+1");
    CHECK(only(form, "redirect_uri") == "https://connect.example.com/oauth/callback/salesforce");
    const Secret verifier{only(form, "code_verifier").value()};
    CHECK(oauth::challenge_of(verifier) == parameter(departure.authorize_url, "code_challenge"));
}

TEST_CASE("A14: when another user than the one it was opened for finishes, nothing is connected") {
    FlowBench bench;
    const auto mallory = bench.arrive("mallory");
    const auto refused = bench.complete(mallory.id, mallory.ticket, "victim");
    CHECK(code_of(refused) == "user_mismatch");
    CHECK(refused.error().fault == Fault::denied);
    CHECK(bench.server.seen().empty());
    CHECK(bench.log.count("user_mismatch") == 1);
    const auto row = bench.row(mallory.id);
    CHECK(row.state == FlowState::failed);
    CHECK(row.callback.bytes.empty());
    CHECK(row.verifier.bytes.empty());
    CHECK(code_of(bench.complete(mallory.id, mallory.ticket, "mallory")) == "flow_failed");
    CHECK(bench.server.dialled() == 0);
}

TEST_CASE("end users are compared byte by byte") {
    for (const std::string& other : std::vector<std::string>{"Ada", "ada ", "ad", "",
                                                             "\xc3\xa1"
                                                             "da"}) {
        FlowBench bench;
        const auto ada = bench.arrive("ada");
        CHECK(code_of(bench.complete(ada.id, ada.ticket, other)) == "user_mismatch");
    }
    FlowBench bench;
    const std::string bytes{"a\0\xff", 3};
    const auto odd = bench.arrive(bytes);
    bench.will_issue({});
    CHECK(bench.complete(odd.id, odd.ticket, bytes).has_value());
}

TEST_CASE("D8: the same ticket and user again get the same connection and no second exchange") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    const auto first = bench.complete(ada.id, ada.ticket).value();
    bench.clock.advance(5min);
    const auto second = bench.complete(ada.id, ada.ticket).value();
    CHECK_FALSE(second.created);
    CHECK(second.connection.id == first.connection.id);
    CHECK(bench.exchanges() == 1);
}

TEST_CASE("D8: a used ticket of another user, another key or another flow gets nothing") {
    FlowBench bench;
    const auto ada = bench.arrive();
    const auto bob = bench.arrive("bob");
    bench.will_issue({});
    REQUIRE(bench.complete(ada.id, ada.ticket).has_value());
    CHECK(code_of(bench.complete(ada.id, ada.ticket, "bob")) == "user_mismatch");
    CHECK(code_of(bench.complete(ada.id, bob.ticket)) == "ticket_invalid");
    CHECK(code_of(bench.complete(ada.id, std::string(43, 'A'))) == "ticket_invalid");
    CHECK(code_of(bench.complete(ada.id, "")) == "ticket_invalid");
    const auto foreign = bench.complete(ada.id, ada.ticket, "ada", "key-2");
    CHECK(code_of(foreign) == "flow_not_found");
    CHECK(foreign.error().message == bench.complete(FlowId{"cs_none"}, ada.ticket).error().message);
    CHECK(bench.exchanges() == 1);
    CHECK(bench.complete(ada.id, ada.ticket).has_value());
}

TEST_CASE("D8: another user after completion changes nothing of what was connected") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    REQUIRE(bench.complete(ada.id, ada.ticket).has_value());
    CHECK(code_of(bench.complete(ada.id, ada.ticket, "eve")) == "user_mismatch");
    CHECK(bench.row(ada.id).state == FlowState::done);
}

TEST_CASE("D5: a ticket is good for sixty seconds, and a repeated callback gives another") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.clock.advance(60s);
    CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "ticket_invalid");
    CHECK(bench.server.dialled() == 0);
    const auto again = bench.callback(ada.query(), ada.cookies).value();
    bench.clock.advance(59s);
    bench.will_issue({});
    CHECK(bench.complete(ada.id, parameter(again.redirect_url, "ticket")).has_value());
}

TEST_CASE("a flow whose browser has not come back cannot be completed") {
    FlowBench bench;
    const auto ada = bench.depart();
    CHECK(code_of(bench.complete(ada.id, "")) == "ticket_invalid");
    CHECK(code_of(bench.complete(ada.id, std::string(43, 'A'))) == "ticket_invalid");
    CHECK(bench.row(ada.id).state == FlowState::started);
}

TEST_CASE("A18: when Salesforce refuses the code the flow ends without a connection") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.server.answer(400,
                        R"({"error":"invalid_grant","error_description":"invalid code verifier"})",
                        FlowBench::json());
    const auto refused = bench.complete(ada.id, ada.ticket);
    REQUIRE_FALSE(refused.has_value());
    CHECK(bench.row(ada.id).state == FlowState::failed);
    CHECK(bench.store.all_grants().empty());
    CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "flow_failed");
    CHECK(bench.exchanges() == 1);
}

TEST_CASE("an expired code asks the person to begin again") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.server.answer(
        400, R"({"error":"invalid_grant","error_description":"expired authorization code"})",
        FlowBench::json());
    const auto refused = bench.complete(ada.id, ada.ticket);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().fault == Fault::reauthorize);
    CHECK(bench.row(ada.id).state == FlowState::failed);
}

TEST_CASE("what fails before the code is sent leaves the flow as it was") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.server.refuse_dial(Error{Fault::try_later, "upstream_unreachable", "No route."});
    CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "upstream_unreachable");
    CHECK(bench.row(ada.id).state == FlowState::returned);

    bench.journal.fail_next("reserve", MemoryStore::Trouble::unavailable);
    CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "storage_unavailable");
    CHECK(bench.server.dialled() == 1);
    CHECK(bench.row(ada.id).state == FlowState::returned);

    bench.server.not_sent();
    CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "not_sent");
    CHECK(bench.row(ada.id).state == FlowState::returned);
    CHECK(bench.journal.reserved() == 0);

    bench.will_issue({});
    CHECK(bench.complete(ada.id, ada.ticket).has_value());
}

TEST_CASE("the code leaves within two seconds of the note that it is being used, or not at all") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    const auto before = bench.clock.steady();
    REQUIRE(bench.complete(ada.id, ada.ticket).has_value());
    REQUIRE(bench.server.seen().front().send_before.has_value());
    CHECK(*bench.server.seen().front().send_before == before + 2s);
}

TEST_CASE("where nobody can tell whether the exchange was noted, nothing is sent") {
    for (const auto trouble :
         {MemoryStore::Trouble::lost_before, MemoryStore::Trouble::lost_after}) {
        FlowBench bench;
        const auto ada = bench.arrive();
        bench.store.fail_next("flows.replace", trouble);
        CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "exchange_unknown");
        CHECK(bench.server.seen().empty());
    }
}

TEST_CASE(
    "A26: when the answer is lost the code is never sent again and the person may start again") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.server.answer_lost();
    const auto lost = bench.complete(ada.id, ada.ticket);
    CHECK(code_of(lost) == "exchange_unknown");
    CHECK(lost.error().fault == Fault::outcome_unknown);
    CHECK(bench.row(ada.id).failure == "exchange_unknown");
    CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "flow_failed");
    CHECK(code_of(bench.callback(ada.query(), ada.cookies)) == "state_used");
    CHECK(bench.exchanges() == 1);
}

TEST_CASE("B1, B7: a 200 without an access token, or a captive portal's page, ends the flow") {
    for (const char* body : {R"({"token_type":"Bearer"})", "<html>Log in to our Wi-Fi</html>"}) {
        FlowBench bench;
        const auto ada = bench.arrive();
        bench.server.answer(200, body);
        CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "upstream_invalid_response");
        CHECK(bench.row(ada.id).state == FlowState::failed);
        CHECK(bench.store.all_grants().empty());
    }
}

TEST_CASE(
    "two requests that complete the same flow at once cause one exchange and one connection") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    std::vector<Result<Completion>> results;
    for (int i = 0; i < 2; ++i) {
        auto work = bench.flow->complete(ada.id, Secret{ada.ticket}, "ada", ApiKeyId{"key-1"},
                                         bench.soon());
        boost::asio::co_spawn(bench.loop, std::move(work),
                              [&](std::exception_ptr, Result<Completion> completion) {
                                  results.push_back(std::move(completion));
                              });
    }
    bench.settle();
    bench.clock.advance(1s);
    bench.settle();
    REQUIRE(results.size() == 2);
    REQUIRE(results[0].has_value());
    REQUIRE(results[1].has_value());
    CHECK(results[0]->connection.id == results[1]->connection.id);
    CHECK(results[0]->created != results[1]->created);
    CHECK(bench.exchanges() == 1);
}

TEST_CASE("a caller who gives up does not stop an exchange under way") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    boost::asio::cancellation_signal gone;
    auto work =
        bench.flow->complete(ada.id, Secret{ada.ticket}, "ada", ApiKeyId{"key-1"}, bench.soon());
    boost::asio::co_spawn(bench.loop, std::move(work),
                          boost::asio::bind_cancellation_slot(
                              gone.slot(), [](std::exception_ptr, Result<Completion>) {}));
    bench.loop.restart();
    while (bench.exchanges() == 0 && bench.loop.poll_one() != 0) {
    }
    REQUIRE(bench.exchanges() == 1);
    gone.emit(boost::asio::cancellation_type::terminal);
    bench.settle();
    CHECK(bench.row(ada.id).state == FlowState::done);
    CHECK(bench.complete(ada.id, ada.ticket).has_value());
}

TEST_CASE("no token, code, ticket, state or end user is in the log of a whole connect") {
    FlowBench bench;
    const auto ada = bench.arrive("ada-the-end-user");
    bench.will_issue({});
    REQUIRE(bench.complete(ada.id, ada.ticket, "ada-the-end-user").has_value());
    for (const std::string& secret :
         {std::string{"access-1"}, std::string{"refresh-1"}, std::string{"code-1"}, ada.ticket,
          ada.state, std::string{"ada-the-end-user"}, test::client_secret}) {
        CAPTURE(secret);
        CHECK(bench.log.text().find(secret) == std::string::npos);
    }
    CHECK(bench.log.count("connected") == 1);
}

}  // namespace
}  // namespace latchkey
