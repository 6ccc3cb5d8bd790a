#include "gateway/path_rules.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace latchkey;

/// "denied" is for what nobody may reach, in whatever spelling; the rest is the caller's mistake.
std::string verdict(const std::string& target) {
    const auto checked = check_target(target);
    if (checked) return "forwarded";
    return (checked.error().fault == Fault::denied ? "denied " : "") + checked.error().code;
}

TEST_CASE("paths of the API pass as they are") {
    for (const auto* target :
         {"/services/data", "/services/data/", "/services/data/v68.0/sobjects/Account/001xx",
          "/services/data/v68.0/query?q=SELECT+Id+FROM+Account+WHERE+Name='a;b/../c'&x=%2e%2e%00",
          "/services/data/v68.0/query/01gxx-2000", "/services/apexrest/my/thing",
          "/services/async/62.0/job", "/services/Soapx/u",
          "/services/data/v68.0/sobjects/X__c/Ext__c/a%20b%23c%3Fd",
          "/services/data/v68.0/sobjects/X/E/ada@acme.example,b(c)!*'$&+=:~",
          "/services/data/v68.0/sobjects/X/E/100%25", "/services/data/v68.0/sobjects/X/E/%C3%A9",
          "/services/data/v68.0/sobjects/X/E/%F0%9F%94%91", "/services/data/...",
          "/services/data/v68.0/jobs/ingest/750xx/batches", "/services/oauth2x/",
          "/services/data/oauth2/token"}) {
        CAPTURE(target);
        CHECK(verdict(target) == "forwarded");
    }
}

TEST_CASE("H1: what could name another host is not a path") {
    for (const auto* target :
         {"//evil.example/services/data", "/\\evil.example/services/data",
          "http://evil.example/services/data", "https://acme.my.salesforce.com/services/data",
          "@evil.example/services/data", "/@evil.example/services/data", "services/data", "", "*",
          ":443/services/data", "/services@evil.example/"}) {
        CAPTURE(target);
        CHECK(verdict(target) == "path_not_allowed");
    }
}

TEST_CASE("H2: what two readers could read in two ways is refused, not tidied up") {
    for (const auto* part : {"..",
                             ".",
                             "../data",
                             "./data",
                             "%2e%2e",
                             "%2E.",
                             "%252e%252e",
                             "%252e",
                             "..;",
                             "..;/x",
                             "a;x=y",
                             ";",
                             "%3b",
                             "a%2fb",
                             "a%2Fb",
                             "a%5cb",
                             "a%5Cb",
                             "a\\b",
                             "/a",
                             "a//b",
                             "a/./b",
                             "a/../b",
                             "a/..",
                             "a/.",
                             "%00",
                             "a%00b",
                             "%0d%0a",
                             "%7f",
                             "%1b",
                             "%09",
                             "%c0%ae",
                             "%c0%af",
                             "%c1%9c",
                             "%e0%80%af",
                             "%f0%80%80%af",
                             "%ed%a0%80",
                             "%f5%80%80%80",
                             "%ff",
                             "%80",
                             "%c3",
                             "%c3x",
                             "%c3%28",
                             "%",
                             "%4",
                             "%zz",
                             "%%",
                             "%6fauth2",
                             "%41",
                             "%30",
                             "a b",
                             "a\tb",
                             "a\x7f",
                             "\xc3\xa9",
                             "a\"b",
                             "a<b",
                             "a|b",
                             "a^b",
                             "a`b",
                             "a{b}",
                             "a[b]"}) {
        CAPTURE(part);
        CHECK(verdict(std::string{"/services/data/"} + part) == "path_not_allowed");
    }
    CHECK(verdict(std::string{"/services/data/\0x", 17}) == "path_not_allowed");
    CHECK(verdict("/services/../secur/frontdoor.jsp") == "path_not_allowed");
}

TEST_CASE("H3: query and fragment do not move the path that the rules see") {
    CHECK(verdict("/services/oauth2/token?x=/services/data") == "denied path_not_allowed");
    CHECK(verdict("/secret?/services/data") == "path_not_allowed");
    CHECK(verdict("/services/data?x=/services/oauth2/token") == "forwarded");
    CHECK(verdict("/services/data#/x") == "path_not_allowed");
    CHECK(verdict("/services/data?a#b") == "path_not_allowed");
    CHECK(verdict("/services/data?a=\r\nHost:x") == "path_not_allowed");
    CHECK(verdict("/services/data?a b") == "path_not_allowed");
    CHECK(verdict("/services/data?\xc3\xa9") == "path_not_allowed");
    CHECK(verdict("/services/data?a?b") == "forwarded");
}

TEST_CASE("H4: where tokens are issued and people log in is forbidden in every letter case") {
    for (const auto* target :
         {"/services/oauth2/token", "/services/oauth2/revoke", "/services/oauth2/introspect",
          "/services/oauth2/singleaccess", "/services/oauth2/authorize", "/services/oauth2",
          "/services/oauth2/", "/services/OAuth2/token", "/Services/oauth2/token",
          "/services/auth/sso/x", "/services/authcallback/x", "/secur/frontdoor.jsp?sid=x",
          "/SECUR/frontdoor.jsp", "/login", "/login.jsp", "/Login/x", "/setup/connect",
          "/setup/secur/RemoteAccessAuthorizationPage.apexp"}) {
        CAPTURE(target);
        CHECK(verdict(target) == "denied path_not_allowed");
    }
    for (const auto* target :
         {"/services/%6fauth2/token", "/services/oauth2%2ftoken", "/services//oauth2/token",
          "/services/./oauth2/token", "/services/oauth2;x/token"}) {
        CAPTURE(target);
        CHECK(verdict(target) == "path_not_allowed");
    }
}

TEST_CASE("SOAP is not forwarded, for its session is in the body, and the error says so") {
    for (const auto* target : {"/services/Soap/u/62.0", "/services/soap/m/62.0/00D1",
                               "/services/SOAP", "/Services/Soap/s/62.0"}) {
        CAPTURE(target);
        const auto checked = check_target(target);
        REQUIRE(checked.has_error());
        CHECK(checked.error().fault == Fault::denied);
        CHECK(checked.error().code == "path_not_allowed");
        CHECK(checked.error().message.find("SOAP") == 0);
    }
}

TEST_CASE("only the Bulk API's first version has the session in a line of its own") {
    CHECK(wants_session_line("/services/async/62.0/job"));
    CHECK(wants_session_line("/services/Async/62.0/job/750"));
    CHECK_FALSE(wants_session_line("/services/data/v62.0/jobs/ingest"));
    CHECK_FALSE(wants_session_line("/services/data/async/"));
    CHECK_FALSE(wants_session_line("/services/asyncx/"));
}

TEST_CASE("only /services/ is forwarded, and no more than 16 KiB") {
    for (const auto* target : {"/", "/services", "/Services/data", "/id/00D/005", "/apex/page",
                               "/servicesx/data", "/aura"}) {
        CAPTURE(target);
        CHECK(verdict(target) == "path_not_allowed");
    }
    const std::string start = "/services/data?q=";
    CHECK(verdict(start + std::string(16 * 1024 - start.size(), 'x')) == "forwarded");
    CHECK(verdict(start + std::string(16 * 1024 - start.size() + 1, 'x')) == "path_not_allowed");
}

TEST_CASE("H13: six methods are forwarded, every other is refused") {
    for (const auto* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
        CHECK(check_method(method).has_value());
    }
    for (const auto* method :
         {"TRACE", "TRACK", "CONNECT", "OPTIONS", "get", "GET ", "", "MERGE", "PROPFIND", "PRI"}) {
        CAPTURE(method);
        const auto checked = check_method(method);
        REQUIRE(checked.has_error());
        CHECK(checked.error().code == "method_not_allowed");
    }
}

}  // namespace
