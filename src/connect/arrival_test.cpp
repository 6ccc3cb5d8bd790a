#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "connect/flow_bench.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;
using test::FlowBench;
using test::jar;
using test::parameter;

template <class T>
std::string code_of(const Result<T>& result) {
    return result.has_value() ? "" : result.error().code;
}

TEST_CASE(
    "D5: an accepted callback sends the browser to the stored URL with ticket and flow only") {
    FlowBench bench;
    const auto ada = bench.depart();
    const auto arrival = bench.callback(ada.query("code-1"), ada.cookies).value();
    CHECK(arrival.redirect_url.starts_with("https://app.example.com/done?ticket="));
    CHECK(parameter(arrival.redirect_url, "flow") == ada.id.text);
    CHECK(parameter(arrival.redirect_url, "ticket").size() == 43);
    CHECK(arrival.redirect_url.find("code-1") == std::string::npos);
    CHECK(arrival.redirect_url.find(ada.state) == std::string::npos);
    CHECK(bench.server.seen().empty());
}

TEST_CASE("A1: a callback without state changes nothing") {
    FlowBench bench;
    const auto ada = bench.depart();
    CHECK(code_of(bench.callback("code=code-1", ada.cookies)) == "missing_parameter");
    CHECK(bench.row(ada.id).state == FlowState::started);
}

TEST_CASE("A2: a state that was not given out is refused alike, whatever it looks like") {
    FlowBench bench;
    const auto ada = bench.depart();
    const std::vector<std::string> states = {std::string(43, 'A'),    ada.state + "A",
                                             ada.state.substr(1),     std::string(43, '!'),
                                             std::string(10000, 'A'), "%00" + ada.state.substr(1)};
    for (const auto& state : states) {
        CAPTURE(state);
        const auto refused = bench.callback("code=code-1&state=" + state, ada.cookies);
        CHECK(code_of(refused) == "invalid_state");
    }
    CHECK(bench.row(ada.id).state == FlowState::started);
}

TEST_CASE("A3: a callback without the flow's cookie is refused and the flow stays usable") {
    FlowBench bench;
    const auto ada = bench.depart();
    const auto bob = bench.depart("bob");
    const std::string name = connect::cookie_name(ada.id);
    const std::string right = ada.cookies(name).front();
    CHECK(code_of(bench.callback(ada.query(), jar(name, {}))) == "browser_mismatch");
    CHECK(code_of(bench.callback(ada.query(), bob.cookies)) == "browser_mismatch");
    CHECK(code_of(bench.callback(ada.query(), jar(name, {std::string(43, 'A')}))) ==
          "browser_mismatch");
    CHECK(code_of(bench.callback(ada.query(), CookieLookup{})) == "browser_mismatch");
    CHECK(bench.log.count("browser_mismatch") == 4);
    CHECK(bench.server.seen().empty());
    CHECK(bench.callback(ada.query(), ada.cookies).has_value());
}

TEST_CASE("A3: two cookies of the same name are refused, even if one of them is right") {
    FlowBench bench;
    const auto ada = bench.depart();
    const std::string name = connect::cookie_name(ada.id);
    const std::string right = ada.cookies(name).front();
    CHECK(code_of(bench.callback(ada.query(), jar(name, {right, "x"}))) == "browser_mismatch");
    CHECK(code_of(bench.callback(ada.query(), jar(name, {right, right}))) == "browser_mismatch");
}

TEST_CASE("A4: the same callback after completion is used up") {
    FlowBench bench;
    const auto ada = bench.arrive();
    bench.will_issue({});
    REQUIRE(bench.complete(ada.id, ada.ticket).has_value());
    CHECK(code_of(bench.callback(ada.query(), ada.cookies)) == "state_used");
    CHECK(bench.exchanges() == 1);
}

TEST_CASE(
    "A5: the same callback fifty times at once leaves one live ticket and one token request") {
    FlowBench bench;
    const auto ada = bench.depart();
    std::vector<std::string> tickets;
    for (int i = 0; i < 50; ++i) {
        auto work =
            bench.flow->callback(ProviderId{"salesforce"}, ada.query(), ada.cookies, bench.soon());
        boost::asio::co_spawn(bench.loop, std::move(work),
                              [&](std::exception_ptr, Result<Arrival> arrival) {
                                  REQUIRE(arrival.has_value());
                                  tickets.push_back(parameter(arrival->redirect_url, "ticket"));
                              });
    }
    bench.settle();
    REQUIRE(tickets.size() == 50);
    bench.will_issue({});
    int completed = 0;
    for (const auto& ticket : tickets) {
        const auto completion = bench.complete(ada.id, ticket);
        if (completion.has_value())
            ++completed;
        else
            CHECK(completion.error().code == "ticket_invalid");
    }
    CHECK(completed == 1);
    CHECK(bench.exchanges() == 1);
}

TEST_CASE("A5: a repeated callback before completion kills the former ticket") {
    FlowBench bench;
    auto ada = bench.arrive();
    const auto again = bench.callback(ada.query(), ada.cookies).value();
    CHECK(code_of(bench.complete(ada.id, ada.ticket)) == "ticket_invalid");
    bench.will_issue({});
    CHECK(bench.complete(ada.id, parameter(again.redirect_url, "ticket")).has_value());
}

TEST_CASE("a second callback of a flow with another code is used up, and the first one counts") {
    FlowBench bench;
    const auto ada = bench.arrive();
    CHECK(code_of(bench.callback(ada.query("code-2"), ada.cookies)) == "state_used");
    CHECK(code_of(bench.callback("error=access_denied&state=" + ada.state, ada.cookies)) ==
          "state_used");
    bench.will_issue({});
    CHECK(bench.complete(ada.id, ada.ticket).has_value());
    CHECK(bench.server.seen().front().request.body.find("code-1") != std::string::npos);
}

TEST_CASE("A6: a callback ten minutes after the opening is expired") {
    FlowBench bench;
    const auto ada = bench.depart();
    const auto bob = bench.depart("bob");
    bench.clock.advance(10min - 1s);
    CHECK(bench.callback(ada.query(), ada.cookies).has_value());
    bench.clock.advance(1s);
    CHECK(code_of(bench.callback(bob.query(), bob.cookies)) == "state_expired");
}

TEST_CASE("A7: a refusal ends the flow and tells the app, without a token request") {
    for (const char* word : {"access_denied", "access-denied"}) {
        FlowBench bench;
        const auto ada = bench.depart();
        const auto arrival = bench.callback("error=" + std::string{word} + "&state=" + ada.state +
                                                "&error_description=end-user%20denied",
                                            ada.cookies);
        REQUIRE(arrival.has_value());
        CHECK(arrival->redirect_url ==
              "https://app.example.com/done?error=access_denied&flow=" + ada.id.text);
        CHECK(bench.row(ada.id).state == FlowState::failed);
        CHECK(bench.row(ada.id).failure == "access_denied");
        CHECK(code_of(bench.complete(ada.id, std::string(43, 'A'))) == "flow_failed");
        CHECK(bench.server.seen().empty());
    }
}

TEST_CASE("A7: an error that only Salesforce has reaches the app as a word of ours") {
    FlowBench bench;
    const auto ada = bench.depart();
    const auto arrival = bench.callback(
        "error=OAUTH_APP_BLOCKED&error_description=this%20app%20is%"
        "20blocked%20by%20admin&state=" +
            ada.state,
        ada.cookies);
    REQUIRE(arrival.has_value());
    const std::string error = parameter(arrival->redirect_url, "error");
    CHECK_FALSE(error.empty());
    CHECK(error != "authorization_failed");
    CHECK(bench.row(ada.id).failure == error);
}

TEST_CASE("A8: an error without the right state or browser redirects nowhere") {
    FlowBench bench;
    const auto ada = bench.depart();
    CHECK(code_of(bench.callback("error=access_denied", ada.cookies)) == "missing_parameter");
    CHECK(code_of(bench.callback("error=access_denied&state=" + std::string(43, 'A'),
                                 ada.cookies)) == "invalid_state");
    CHECK(code_of(bench.callback("error=access_denied&state=" + ada.state,
                                 jar(connect::cookie_name(ada.id), {}))) == "browser_mismatch");
    CHECK(bench.row(ada.id).state == FlowState::started);
}

TEST_CASE(
    "A9: an error description with markup, line ends and escapes reaches neither URL nor log") {
    FlowBench bench;
    const auto ada = bench.depart();
    const std::string evil = "%3Cscript%3E%0D%0ASet-Cookie%3A%20a%1B%5B31m%E2%80%AE";
    std::string long_text;
    for (int i = 0; i < 1000; ++i) long_text += 'x';
    const auto arrival = bench.callback(
        "error=access_denied&error_description=" + evil + long_text + "&state=" + ada.state,
        ada.cookies);
    REQUIRE(arrival.has_value());
    CHECK(arrival->redirect_url.find("script") == std::string::npos);
    const std::string& log = bench.log.text();
    for (const char unwanted : {'\r', '\x1b'}) CHECK(log.find(unwanted) == std::string::npos);
    CHECK(log.find("\xe2\x80\xae") == std::string::npos);
    CHECK(log.size() < 600);
}

TEST_CASE("A10: a parameter that comes twice makes the whole callback unusable") {
    FlowBench bench;
    const auto ada = bench.depart();
    for (const std::string extra :
         {"&state=" + ada.state, std::string{"&code=code-2"}, std::string{"&iss=a&iss=b"}}) {
        CAPTURE(extra);
        CHECK(code_of(bench.callback(ada.query() + extra, ada.cookies)) == "duplicate_parameter");
    }
    CHECK(bench.row(ada.id).state == FlowState::started);
}

TEST_CASE("A11: code and error together, or neither, are refused") {
    FlowBench bench;
    const auto ada = bench.depart();
    const auto both = bench.callback(ada.query() + "&error=access_denied", ada.cookies);
    const auto neither = bench.callback("state=" + ada.state, ada.cookies);
    REQUIRE_FALSE(both.has_value());
    REQUIRE_FALSE(neither.has_value());
    CHECK(both.error().fault == Fault::bad_input);
    CHECK(neither.error().fault == Fault::bad_input);
    CHECK(bench.row(ada.id).state == FlowState::started);
}

TEST_CASE("A12: a callback of another issuer is refused and its code goes nowhere") {
    FlowBench bench;
    const auto ada = bench.depart();
    for (const char* issuer : {"https%3A%2F%2Fevil.example", "https%3A%2F%2Fevilsalesforce.com",
                               "http%3A%2F%2Flogin.salesforce.com", "x"}) {
        CAPTURE(issuer);
        CHECK(code_of(bench.callback(ada.query() + "&iss=" + issuer, ada.cookies)) ==
              "issuer_mismatch");
    }
    CHECK(bench.row(ada.id).state == FlowState::started);
    CHECK(bench.callback(ada.query() + "&iss=https%3A%2F%2Flogin.salesforce.com", ada.cookies)
              .has_value());
}

TEST_CASE(
    "A12: behind the common entrance a My Domain may answer, behind a My Domain only itself") {
    FlowBench bench;
    const auto ada = bench.depart();
    CHECK(bench.callback(ada.query() + "&iss=https%3A%2F%2Facme.my.salesforce.com", ada.cookies)
              .has_value());
    auto wish = FlowBench::wish_of("bob", "anywhere");
    wish.login_host = "acme.my.salesforce.com";
    const auto bob = bench.depart(wish);
    CHECK(code_of(bench.callback(bob.query() + "&iss=https%3A%2F%2Fother.my.salesforce.com",
                                 bob.cookies, "anywhere")) == "issuer_mismatch");
    CHECK(bench
              .callback(bob.query() + "&iss=https%3A%2F%2Facme.my.salesforce.com", bob.cookies,
                        "anywhere")
              .has_value());
}

TEST_CASE("A13: a callback on another provider's path is refused and its code goes nowhere") {
    FlowBench bench;
    const auto ada = bench.depart();
    CHECK(code_of(bench.callback(ada.query(), ada.cookies, "sandbox")) == "context_mismatch");
    CHECK(code_of(bench.callback(ada.query(), ada.cookies, "unheard-of")) == "context_mismatch");
    CHECK(bench.server.seen().empty());
    CHECK(bench.row(ada.id).state == FlowState::started);
}

TEST_CASE("A28, D4: parameters that were added to a callback are ignored") {
    FlowBench bench;
    const auto ada = bench.depart();
    const auto arrival =
        bench.callback(ada.query() +
                           "&redirect_uri=https%3A%2F%2Fevil.example&return_to=https%3A%2F%2Fevil"
                           ".example&RelayState=x&scope=full&client_id=evil&login_host=evil.example"
                           "&response_type=token&prompt=none&sfdc_community_url=https%3A%2F%2Fx",
                       ada.cookies);
    REQUIRE(arrival.has_value());
    CHECK(arrival->redirect_url.starts_with("https://app.example.com/done?ticket="));
    CHECK(arrival->redirect_url.find("evil") == std::string::npos);
    const std::string ticket = parameter(arrival->redirect_url, "ticket");
    bench.will_issue({});
    REQUIRE(bench.complete(ada.id, ticket).has_value());
    const auto& exchange = bench.server.seen().front();
    CHECK(exchange.to.host == "login.salesforce.com");
    CHECK(exchange.request.body.find("evil") == std::string::npos);
}

TEST_CASE("the store sees no code and no ticket") {
    FlowBench bench;
    const auto ada = bench.arrive();
    const auto row = bench.row(ada.id);
    const std::string kept = row.callback.bytes + ' ' + row.ticket_hash;
    CHECK(kept.find("code-1") == std::string::npos);
    CHECK(kept.find(ada.ticket) == std::string::npos);
}

TEST_CASE("a callback whose commit nobody confirmed still yields a ticket that works") {
    FlowBench bench;
    const auto ada = bench.depart();
    bench.store.fail_next("flows.replace", MemoryStore::Trouble::lost_after);
    const auto arrival = bench.callback(ada.query(), ada.cookies).value();
    bench.will_issue({});
    CHECK(bench.complete(ada.id, parameter(arrival.redirect_url, "ticket")).has_value());
}

}  // namespace
}  // namespace latchkey
