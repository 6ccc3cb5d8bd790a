#include "gateway/header_rules.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace latchkey;

const Secret token{"00Dxx!ours"};

std::string names(const Headers& headers) {
    std::string all;
    for (const auto& line : headers) all += (all.empty() ? "" : " ") + line.name;
    return all;
}

std::string up(const Headers& callers) {
    const auto headers = headers_up(callers, token);
    REQUIRE(headers.has_value());
    CHECK(headers->count("Authorization") == 1);
    CHECK(headers->find("Authorization") == "Bearer 00Dxx!ours");
    return names(*headers);
}

Origin instance() {
    return Origin::parse("https://acme.my.salesforce.com").value();
}

TEST_CASE("what an API call needs goes up, in order and unchanged") {
    const Headers callers{{"Content-Type", "application/json"},
                          {"Sforce-Call-Options", "client=x"},
                          {"Sforce-Query-Options", "batchSize=200"},
                          {"X-PrettyPrint", "1"},
                          {"Accept-Encoding", "gzip, deflate"},
                          {"Content-Encoding", "gzip"},
                          {"If-Match", "\"x\""},
                          {"Accept", "application/json"}};
    CHECK(up(callers) ==
          "Content-Type Sforce-Call-Options Sforce-Query-Options X-PrettyPrint Accept-Encoding "
          "Content-Encoding If-Match Accept Authorization");
    CHECK(up({}) == "Authorization");
}

TEST_CASE("H5: credentials, cookies and forwarding lines of the caller stay here") {
    for (const auto* name : {"Authorization",
                             "AUTHORIZATION",
                             "Cookie",
                             "cookie2",
                             "X-SFDC-Session",
                             "DPoP",
                             "Proxy-Authorization",
                             "Proxy-Connection",
                             "Proxy-Anything",
                             "Forwarded",
                             "X-Forwarded-For",
                             "X-Forwarded-Host",
                             "x-forwarded-anything",
                             "Via",
                             "X-Real-IP",
                             "Host",
                             "Content-Length",
                             "X-HTTP-Method-Override",
                             "X-Original-URL",
                             "X-Rewrite-URL",
                             "Latchkey-Answer",
                             "Authorization_",
                             "X_SFDC_Session",
                             "Content_Length",
                             "x_forwarded_for",
                             "Sforce_Call_Options"}) {
        CAPTURE(name);
        CHECK(up({{name, "x"}, {"Accept", "y"}}) == "Accept Authorization");
    }
    CHECK(up({{"Authorization", "a"}, {"authorization", "b"}}) == "Authorization");
}

TEST_CASE("H6: hop-by-hop lines and what Connection names are dropped, ours never") {
    CHECK(up({{"Connection", "Authorization"}}) == "Authorization");
    CHECK(up({{"Connection", "close, Host , X-Extra"}, {"X-Extra", "1"}, {"Accept", "y"}}) ==
          "Accept Authorization");
    CHECK(up({{"X-Late", "1"}, {"connection", "x-one"}, {"Connection", ",,X-LATE,"}}) ==
          "Authorization");
    for (const auto* name : {"Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
                             "HTTP2-Settings", "Expect", "Connection"}) {
        CAPTURE(name);
        CHECK(up({{name, "x"}}) == "Authorization");
    }
}

TEST_CASE("a line that would break the request apart is refused") {
    const std::vector<Header> wrong = {{"X", "a\r\nAuthorization: b"},
                                       {"X", "a\nb"},
                                       {"X", std::string{"a\0b", 3}},
                                       {"X", "\x1b"},
                                       {"X Y", "a"},
                                       {"", "a"},
                                       {"X:", "a"},
                                       {"X\r\nY", "a"}};
    for (const auto& line : wrong) {
        CAPTURE(line.name);
        const auto headers = headers_up({line}, token);
        REQUIRE(headers.has_error());
        CHECK(headers.error().code == "invalid_header");
    }
}

TEST_CASE("H8: cookies and what would bind the browser to Salesforce do not come down") {
    for (const auto* name :
         {"Set-Cookie", "set-cookie2", "Clear-Site-Data", "Alt-Svc", "Strict-Transport-Security",
          "Public-Key-Pins", "Refresh", "Connection", "Keep-Alive", "Transfer-Encoding", "Trailer",
          "Upgrade", "Content-Length", "Proxy-Authenticate", "Latchkey-Answer"}) {
        CAPTURE(name);
        CHECK(names(headers_down({{name, "x"}, {"ETag", "y"}}, instance())) == "ETag");
    }
    CHECK(names(headers_down({{"Connection", "X-Hop"}, {"X-Hop", "1"}}, instance())).empty());
}

TEST_CASE("what clients of Salesforce read comes down unchanged") {
    CHECK(names(headers_down({{"Sforce-Limit-Info", "api-usage=1/15000"},
                              {"Sforce-Locator", "x"},
                              {"Sforce-NumberOfRecords", "1"},
                              {"Content-Type", "text/csv"},
                              {"Content-Encoding", "gzip"},
                              {"Retry-After", "5"},
                              {"Warning", "299"}},
                             instance())) ==
          "Sforce-Limit-Info Sforce-Locator Sforce-NumberOfRecords Content-Type Content-Encoding "
          "Retry-After Warning");
}

TEST_CASE("H7: a Location comes down only where it stays on the instance") {
    const auto passes = [](const char* location) {
        return headers_down({{"Location", location}}, instance()).size() == 1;
    };
    for (const auto* here :
         {"/services/data/v68.0/sobjects/Account/001xx", "/",
          "https://acme.my.salesforce.com/services/data", "https://ACME.my.salesforce.com",
          "https://acme.my.salesforce.com:443/x", "https://acme.my.salesforce.com?x"}) {
        CAPTURE(here);
        CHECK(passes(here));
    }
    for (const auto* away :
         {"https://evil.example/", "http://acme.my.salesforce.com/x", "//evil.example/x",
          "/\\evil.example", "https://acme.my.salesforce.com.evil.example/",
          "https://acme.my.salesforce.com@evil.example/", "https://acme.my.salesforce.com:8443/",
          "https://acme.my.salesforce.com\\.evil.example", "\\\\evil.example", "evil", "",
          "javascript:alert(1)", "https:evil.example", "https:///evil.example"}) {
        CAPTURE(away);
        CHECK_FALSE(passes(away));
    }
}

}  // namespace
