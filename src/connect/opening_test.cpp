#include <set>
#include <string>

#include <doctest/doctest.h>

#include "connect/flow_bench.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;
using test::FlowBench;
using test::parameter;

template <class T>
std::string code_of(const Result<T>& result) {
    return result.has_value() ? "" : result.error().code;
}

TEST_CASE("an opened flow gives a link that works for ten minutes") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada"));
    REQUIRE(opened.has_value());
    CHECK(opened->id.text.starts_with("cs_"));
    CHECK(opened->id.text.size() == 25);
    CHECK(opened->link.size() == 43);
    CHECK(opened->expires_at == bench.clock.wall() + 10min);

    const auto view = bench.look(opened->link);
    REQUIRE(view.has_value());
    CHECK(view->id == opened->id);
    CHECK(view->purpose == "Copy your contacts");
    CHECK(view->provider == ProviderId{"salesforce"});
    CHECK(view->login_url == "https://login.salesforce.com");
}

TEST_CASE("a wish that cannot be right is refused when the flow is opened") {
    FlowBench bench;
    const auto refused = [&](auto change) {
        auto wish = FlowBench::wish_of("ada");
        change(wish);
        const auto opened = bench.open(wish);
        if (opened.has_value()) return std::string{};
        CHECK(
            (opened.error().fault == Fault::bad_input || opened.error().fault == Fault::not_found));
        return opened.error().code;
    };
    CHECK(refused([](ConnectWish& w) { w.end_user.clear(); }) == "invalid_end_user");
    CHECK(refused([](ConnectWish& w) { w.end_user.assign(201, 'a'); }) == "invalid_end_user");
    CHECK(refused([](ConnectWish& w) { w.end_user.assign(200, '\0'); }).empty());
    CHECK(refused([](ConnectWish& w) { w.purpose.assign(201, 'a'); }) == "invalid_purpose");
    CHECK(refused([](ConnectWish& w) { w.purpose = "a\r\nb"; }) == "invalid_purpose");
    CHECK(refused([](ConnectWish& w) { w.login_hint = "a\nb"; }) == "invalid_login_hint");
    CHECK(refused([](ConnectWish& w) { w.prompt = {"none"}; }) == "invalid_prompt");
    CHECK(refused([](ConnectWish& w) { w.prompt.assign(4, "login"); }) == "invalid_prompt");
    CHECK(refused([](ConnectWish& w) { w.provider.reset(); }) == "provider_required");
    CHECK(refused([](ConnectWish& w) { w.provider = ProviderId{"x"}; }) == "unknown_provider");
    CHECK(refused([](ConnectWish& w) { w.login_host = "evil.example"; }) == "invalid_login_host");
    CHECK(refused([](ConnectWish& w) { w.login_host = "http://127.0.0.1:1"; }) ==
          "invalid_login_host");
    CHECK(refused([](ConnectWish& w) { w.connection = ConnectionId{"cn_none"}; }) ==
          "connection_not_found");
}

TEST_CASE("D1: a return URL that is not listed is refused when the flow is opened") {
    FlowBench bench;
    auto wish = FlowBench::wish_of("ada");
    wish.return_url = "https://evil.example/done";
    CHECK(code_of(bench.open(wish)) == "invalid_return_url");
}

TEST_CASE("a reconnect is opened for the connection's own end user and provider only") {
    FlowBench bench;
    const auto ada = bench.connect("ada");
    auto wish = bench.reconnect_of(ada);
    wish.provider.reset();
    CHECK(bench.open(wish).has_value());
    wish.end_user = "bob";
    CHECK(code_of(bench.open(wish)) == "connection_not_found");
    wish = bench.reconnect_of(ada);
    wish.provider = ProviderId{"sandbox"};
    CHECK(code_of(bench.open(wish)) == "connection_not_found");
}

TEST_CASE("A6: a link opened after its time is expired, and says where to go") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada")).value();
    bench.clock.advance(10min - 1s);
    CHECK(bench.look(opened.link).has_value());
    bench.clock.advance(1s);
    CHECK(code_of(bench.look(opened.link)) == "link_expired");
    const auto late = bench.start(opened.link);
    CHECK(code_of(late) == "link_expired");
    CHECK(late.error().fault == Fault::conflict);
    CHECK(late.error().message.find("app") != std::string::npos);
}

TEST_CASE("a link that nobody issued is unknown") {
    FlowBench bench;
    CHECK(code_of(bench.look(Secret{std::string(43, 'A')})) == "link_unknown");
    CHECK(code_of(bench.look(Secret{"short"})) == "link_unknown");
    CHECK(code_of(bench.start(Secret{})) == "link_unknown");
}

TEST_CASE("A15: a connect link opened in two browsers belongs to the first that pressed") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada")).value();
    REQUIRE(bench.start(opened.link).has_value());
    const auto second = bench.start(opened.link);
    CHECK(code_of(second) == "link_used");
    CHECK(second.error().fault == Fault::conflict);
    CHECK(code_of(bench.look(opened.link)) == "link_used");
}

TEST_CASE("A15: of two browsers that press at the same moment one gets the flow") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada")).value();
    int bound = 0;
    int refused = 0;
    for (int i = 0; i < 2; ++i)
        boost::asio::co_spawn(bench.loop, bench.flow->start(opened.link, {}, bench.soon()),
                              [&](std::exception_ptr, Result<Departure> departure) {
                                  ++(departure.has_value() ? bound : refused);
                              });
    bench.settle();
    CHECK(bound == 1);
    CHECK(refused == 1);
}

TEST_CASE("A16: looking at a link, however often, binds nothing") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada")).value();
    const auto before = bench.row(opened.id);
    for (int i = 0; i < 5; ++i) CHECK(bench.look(opened.link).has_value());
    const auto after = bench.row(opened.id);
    CHECK(after.version == before.version);
    CHECK(after.state == FlowState::open);
    CHECK(bench.start(opened.link).has_value());
}

TEST_CASE("A17: every authorize request has an S256 challenge of a verifier of its own") {
    FlowBench bench;
    std::set<std::string> challenges;
    std::set<std::string> states;
    for (int i = 0; i < 20; ++i) {
        const auto opened = bench.open(FlowBench::wish_of("ada")).value();
        const auto departure = bench.start(opened.link).value();
        CHECK(parameter(departure.authorize_url, "code_challenge_method") == "S256");
        challenges.insert(parameter(departure.authorize_url, "code_challenge"));
        states.insert(parameter(departure.authorize_url, "state"));
    }
    CHECK(challenges.size() == 20);
    CHECK(challenges.begin()->size() == 43);
    CHECK(states.size() == 20);
    CHECK(states.begin()->size() == 43);
}

TEST_CASE("the departure goes to the provider's own login with what the app asked for") {
    FlowBench bench;
    auto wish = FlowBench::wish_of("ada");
    wish.login_hint = "ada@acme.example";
    wish.prompt = {"login", "consent"};
    const auto opened = bench.open(wish).value();
    const auto departure = bench.start(opened.link, "https://test.salesforce.com").value();
    CHECK(departure.authorize_url.starts_with(
        "https://login.salesforce.com/services/oauth2/authorize?"));
    CHECK(departure.login_origin == "https://login.salesforce.com");
    CHECK(parameter(departure.authorize_url, "client_id") == "client-1");
    CHECK(parameter(departure.authorize_url, "redirect_uri") ==
          "https://connect.example.com/oauth/callback/salesforce");
    CHECK(parameter(departure.authorize_url, "response_type") == "code");
    CHECK(parameter(departure.authorize_url, "scope") == "api refresh_token id");
    CHECK(parameter(departure.authorize_url, "login_hint") == "ada@acme.example");
    CHECK(parameter(departure.authorize_url, "prompt") == "login consent");
    CHECK(departure.cookie_name == "lk-" + opened.id.text.substr(3, 8));
    CHECK(departure.cookie.size() == 43);
    CHECK(departure.cookie_lifetime == 600s);
}

TEST_CASE("A28: where the app named a login host, the person's choice counts for nothing") {
    FlowBench bench;
    auto wish = FlowBench::wish_of("ada", "anywhere");
    wish.login_host = "acme.my.salesforce.com";
    const auto opened = bench.open(wish).value();
    CHECK(bench.look(opened.link)->login_url == "https://acme.my.salesforce.com");
    const auto departure = bench.start(opened.link, "https://other.my.salesforce.com").value();
    CHECK(departure.login_origin == "https://acme.my.salesforce.com");
}

TEST_CASE("where nobody named a login host the person chooses one, by the host rules, once") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada", "anywhere")).value();
    CHECK_FALSE(bench.look(opened.link)->login_url.has_value());
    CHECK(code_of(bench.start(opened.link)) == "login_host_required");
    CHECK(code_of(bench.start(opened.link, "")) == "login_host_required");
    CHECK(code_of(bench.start(opened.link, "https://evil.example")) == "invalid_login_host");
    CHECK(code_of(bench.start(opened.link, "http://127.0.0.1:8788")) == "invalid_login_host");
    const auto departure = bench.start(opened.link, "acme.my.salesforce.com").value();
    CHECK(departure.login_origin == "https://acme.my.salesforce.com");
    CHECK(bench.row(opened.id).login_url == "https://acme.my.salesforce.com");
}

TEST_CASE("the store sees no link, state, cookie or verifier that anybody could use") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada")).value();
    const auto departure = bench.start(opened.link).value();
    const auto row = bench.row(opened.id);
    const std::string state = parameter(departure.authorize_url, "state");
    const std::string kept = row.link_hash + ' ' + row.state_hash + ' ' + row.cookie_hash + ' ' +
                             row.verifier.bytes + ' ' + row.login_url;
    CHECK(kept.find(std::string{opened.link.reveal()}) == std::string::npos);
    CHECK(kept.find(state) == std::string::npos);
    CHECK(kept.find(std::string{departure.cookie.reveal()}) == std::string::npos);
    CHECK(kept.find("verifier") == std::string::npos);
}

TEST_CASE("a start whose commit nobody confirmed is found out, not guessed") {
    FlowBench bench;
    const auto first = bench.open(FlowBench::wish_of("ada")).value();
    bench.store.fail_next("flows.replace", MemoryStore::Trouble::lost_after);
    CHECK(bench.start(first.link).has_value());
    CHECK(bench.row(first.id).state == FlowState::started);

    const auto second = bench.open(FlowBench::wish_of("ada")).value();
    bench.store.fail_next("flows.replace", MemoryStore::Trouble::lost_before);
    CHECK(bench.start(second.link).has_value());
    CHECK(bench.row(second.id).state == FlowState::started);
}

TEST_CASE("A20: expired flows are gone within a minute") {
    FlowBench bench;
    const auto opened = bench.open(FlowBench::wish_of("ada")).value();
    bool ended = false;
    boost::asio::co_spawn(bench.loop, bench.flow->run(),
                          [&](std::exception_ptr failed) { ended = failed == nullptr; });
    bench.settle();
    bench.clock.advance(10min);
    bench.settle();
    CHECK(code_of(bench.look(opened.link)) == "link_expired");
    for (int i = 0; i < 4; ++i) {
        bench.clock.advance(15s);
        bench.settle();
    }
    CHECK(code_of(bench.look(opened.link)) == "link_unknown");
    bench.flow->stop();
    bench.settle();
    CHECK(ended);
}

}  // namespace
}  // namespace latchkey
