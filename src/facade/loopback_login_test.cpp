#include <future>

#include <doctest/doctest.h>

#include "facade/facade_bench.h"
#include "facade/loopback_page.h"

namespace latchkey {

using namespace std::chrono_literals;

namespace {

/// A login that has shown its URL and waits for the person, in a thread of its own.
struct Waiting {
    explicit Waiting(Latchkey& latchkey) {
        LoopbackLogin login;
        login.end_user = "me";
        login.wait = 60s;
        login.show = [this](const std::string& shown_url) { shown.set_value(shown_url); };
        outcome =
            std::async(std::launch::async, [&latchkey, login] { return latchkey.login(login); });
        auto url_then = shown.get_future();
        REQUIRE(url_then.wait_for(30s) == std::future_status::ready);
        url = url_then.get();
    }
    std::promise<std::string> shown;
    std::string url;
    std::future<Result<Connection>> outcome;
};

ServedRequest request(std::string method, std::string path, Headers headers) {
    ServedRequest out;
    out.method = std::move(method);
    out.path = std::move(path);
    out.headers = std::move(headers);
    return out;
}

const LoopbackPlace place = loopback_place("http://localhost:1717/OauthRedirect").value();

}  // namespace

TEST_CASE("a login on this machine opens, receives and completes in one process") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    Waiting login{*latchkey};
    const auto page = bench.person.load(bench.person.log_in(login.url));
    CHECK(page.status == 200);
    CHECK(page.body.find("You can close this window.") != std::string::npos);
    CHECK(page.body.find("<script") == std::string::npos);
    CHECK(page.headers.find("Content-Security-Policy")->starts_with("default-src 'none'"));

    const auto me = login.outcome.get();
    REQUIRE_MESSAGE(me.has_value(), me.error().message);
    CHECK(me->end_user == "me");
    CHECK(latchkey->query(me->id, "SELECT Id FROM Account LIMIT 1")->records.size() == 1);
}

TEST_CASE("a callback with a wrong state, a favicon and other pages do not disturb a login") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    Waiting login{*latchkey};
    const auto& uri = bench.redirect_uri;
    const std::string base = uri.substr(0, uri.rfind('/'));
    CHECK(bench.person.load(uri + "?code=x&state=" + std::string(43, 'A')).status == 400);
    CHECK(bench.person.load(uri + "?code=x").status == 400);
    CHECK(bench.person.load(uri).status == 400);
    CHECK(bench.person.load(base + "/favicon.ico").status == 404);
    CHECK(bench.person.load(uri, "POST").status == 404);

    CHECK(bench.person.load(bench.person.log_in(login.url)).status == 200);
    CHECK(login.outcome.get().has_value());
}

TEST_CASE("a person who refuses ends the login with who must act") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    Waiting login{*latchkey};
    const auto page = bench.person.load(bench.person.log_in(login.url, "deny"));
    CHECK(page.status == 400);
    const auto me = login.outcome.get();
    REQUIRE(me.has_error());
    CHECK(me.error().fault == Fault::denied);
    CHECK(me.error().code == "access_denied");
}

TEST_CASE("a person who does not come back ends the login in time") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    LoopbackLogin login;
    login.end_user = "me";
    login.wait = 0s;
    login.show = [](const std::string&) {};
    const auto me = latchkey->login(login);
    REQUIRE(me.has_error());
    CHECK(me.error().fault == Fault::try_later);
}

TEST_CASE("a login needs somebody to show it to, and a port that is free") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    LoopbackLogin login;
    login.end_user = "me";
    CHECK(latchkey->login(login).error().code == "show_missing");

    const Waiting first{*latchkey};
    login.show = [](const std::string&) {};
    CHECK(latchkey->login(login).error().code == "address_in_use");
    bench.person.load(bench.person.log_in(first.url, "deny"));
}

TEST_CASE("a page elsewhere whose name was pointed at this machine finds nothing") {
    const auto asked = [](std::string method, std::string path, Headers headers) {
        return what_is_asked(request(std::move(method), std::move(path), std::move(headers)),
                             place);
    };
    CHECK(asked("GET", "/OauthRedirect", {{"Host", "localhost:1717"}}) == LoopbackAsk::callback);
    CHECK(asked("GET", "/OauthRedirect", {{"Host", "evil.example:1717"}}) == LoopbackAsk::other);
    CHECK(asked("GET", "/OauthRedirect", {{"Host", "localhost"}}) == LoopbackAsk::other);
    CHECK(asked("GET", "/other", {{"Host", "localhost:1717"}}) == LoopbackAsk::other);
    CHECK(asked("OPTIONS", "/OauthRedirect", {{"Host", "localhost:1717"}}) == LoopbackAsk::other);
    CHECK(asked("OPTIONS", "/OauthRedirect",
                {{"Host", "localhost:1717"}, {"Access-Control-Request-Private-Network", "true"}}) ==
          LoopbackAsk::preflight);
}

TEST_CASE("Chrome's preflight passes for Salesforce's pages and for the login's own") {
    const auto reply = [](const std::string& origin) {
        return preflight_reply(request("OPTIONS", "/OauthRedirect", {{"Origin", origin}}),
                               "http://127.0.0.1:8788");
    };
    const auto passed = reply("https://acme.my.salesforce.com");
    CHECK(passed.status == 204);
    CHECK(passed.headers.find("Access-Control-Allow-Private-Network") == "true");
    CHECK(passed.headers.find("Access-Control-Allow-Origin") == "https://acme.my.salesforce.com");
    CHECK(reply("http://127.0.0.1:8788").status == 204);
    for (const char* origin : {"https://evil.example", "http://acme.my.salesforce.com", "null", "",
                               "https://evilsalesforce.com"}) {
        CAPTURE(origin);
        CHECK(reply(origin).status == 403);
    }
}

TEST_CASE("a page of ours escapes what it is given") {
    const auto page = loopback_page(400, "Not <connected>", "\"quoted\" & <b>bold</b>");
    CHECK(page.body.find("<b>") == std::string::npos);
    CHECK(page.body.find("&lt;b&gt;bold") != std::string::npos);
}

}  // namespace latchkey
