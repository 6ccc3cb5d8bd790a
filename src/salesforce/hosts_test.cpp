#include "salesforce/hosts.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace latchkey;
using namespace latchkey::salesforce;

std::string login(const std::string& text, bool configured = false) {
    const auto base = check_login(text, configured);
    return base ? base->url() : base.error().code;
}

LoginBase base(const std::string& text) {
    auto made = check_login(text, true);
    REQUIRE(made.has_value());
    return *made;
}

TEST_CASE("every host at which Salesforce's users log in is accepted, in its canonical form") {
    struct Row {
        const char* given;
        const char* kept;
    };
    for (const auto& row : {
             Row{"https://login.salesforce.com", "https://login.salesforce.com"},
             Row{"login.salesforce.com", "https://login.salesforce.com"},
             Row{"  HTTPS://Login.Salesforce.com/ \n", "https://login.salesforce.com"},
             Row{"test.salesforce.com", "https://test.salesforce.com"},
             Row{"acme.my.salesforce.com", "https://acme.my.salesforce.com"},
             Row{"acme--dev.sandbox.my.salesforce.com",
                 "https://acme--dev.sandbox.my.salesforce.com"},
             Row{"acme-dev-ed.develop.my.salesforce.com",
                 "https://acme-dev-ed.develop.my.salesforce.com"},
             Row{"x.scratch.my.salesforce.com", "https://x.scratch.my.salesforce.com"},
             Row{"x.trailblaze.my.salesforce.com", "https://x.trailblaze.my.salesforce.com"},
             Row{"x.demo.my.salesforce.com", "https://x.demo.my.salesforce.com"},
             Row{"x.patch.my.salesforce.com", "https://x.patch.my.salesforce.com"},
             Row{"acme.my.site.com/portal/", "https://acme.my.site.com/portal"},
             Row{"acme--dev.sandbox.my.site.com/Portal",
                 "https://acme--dev.sandbox.my.site.com/Portal"},
             Row{"https://acme.my.site.com", "https://acme.my.site.com"},
             Row{"https://acme.my.site.com/portalvforcesite",
                 "https://acme.my.site.com/portalvforcesite"},
             Row{"agency.my.salesforce.mil", "https://agency.my.salesforce.mil"},
             Row{"login.salesforce.mil", "https://login.salesforce.mil"},
             Row{"acme.my.sfcrmproducts.cn", "https://acme.my.sfcrmproducts.cn"},
             Row{"login.sfcrmproducts.cn", "https://login.sfcrmproducts.cn"},
         }) {
        CAPTURE(row.given);
        CHECK(login(row.given) == row.kept);
    }
}

TEST_CASE("an address out of the browser's bar becomes the My Domain of its org") {
    struct Row {
        const char* given;
        const char* kept;
    };
    for (const auto& row : {
             Row{"https://acme.lightning.force.com/lightning/o/Account/list?filterName=Recent#x",
                 "https://acme.my.salesforce.com"},
             Row{"acme--dev.sandbox.lightning.force.com",
                 "https://acme--dev.sandbox.my.salesforce.com"},
             Row{"https://acme.my.salesforce-setup.com/lightning/setup/SetupOneHome/home",
                 "https://acme.my.salesforce.com"},
             Row{"agency.lightning.force.mil", "https://agency.my.salesforce.mil"},
             Row{"acme.lightning.sfcrmapps.cn", "https://acme.my.sfcrmproducts.cn"},
         }) {
        CAPTURE(row.given);
        CHECK(login(row.given) == row.kept);
        CHECK(login(row.given, true) == row.kept);
    }
}

TEST_CASE("a host of Salesforce at which nobody logs in is refused with advice") {
    for (const auto* text :
         {"lightning.force.com", "a.b.c.lightning.force.com", "api.salesforce.com",
          "www.salesforce.com", "salesforce.com", "my.salesforce.com", "force.com",
          "acme.vf.force.com", "acme.sfcrmapps.cn", "a.b.c.my.salesforce.com",
          "https://acme.lightning.force.com:8443", "http://acme.lightning.force.com"}) {
        CAPTURE(text);
        for (const bool configured : {false, true}) {
            const auto base_of = check_login(text, configured);
            REQUIRE(base_of.has_error());
            CHECK(base_of.error().fault == Fault::bad_input);
            CHECK(base_of.error().code == "invalid_login_host");
            CHECK(base_of.error().message.find("My Domain") != std::string::npos);
        }
    }
}

TEST_CASE("H10: what only looks like Salesforce is refused, from a person and from the operator") {
    for (const auto* text : {
             "evilsalesforce.com",
             "https://login.salesforce.com.evil.com",
             "https://x.my.salesforce.com.evil.com",
             "https://evil.com/login.salesforce.com",
             "https://evil.com?login.salesforce.com",
             "https://evil.com#login.salesforce.com",
             "https://login.salesforce.com@evil.com",
             "https://login.salesforce.com:pw@evil.com",
             "https://evil.com\\.my.salesforce.com",
             "https://evil.com\\@login.salesforce.com",
             "https://login%2esalesforce.com",
             "https://login.salesforce.com.",
             "https://login.salesforce.com..",
             "https://.salesforce.com",
             "https://login..salesforce.com",
             "https://login.salesforce.com:8443",
             "http://login.salesforce.com",
             "https://l\xc3\xb6gin.salesforce.com",
             "https://login.salesforce\xe3\x80\x82"
             "com",
             "https://login.salesforce.com/\r\nHost: evil",
             "ftp://login.salesforce.com",
             "//login.salesforce.com",
             "javascript:alert(1)//.salesforce.com",
             "https://",
             "",
             "https://93.184.216.34",
             "https://2130706433",
             "https://0x7f.1",
             "https://[::ffff:10.0.0.1]",
             "https://169.254.169.254",
         }) {
        CAPTURE(text);
        CHECK(login(text, false) == "invalid_login_host");
        const bool foreign_path = std::string{text}.starts_with("https://evil.com/login");
        if (!foreign_path) CHECK(login(text, true) == "invalid_login_host");
    }
    CHECK(login(std::string(5000, 'a') + ".my.salesforce.com") == "invalid_login_host");
}

TEST_CASE("a custom domain, loopback and plain http need the operator's word") {
    CHECK(login("https://portal.acme.com/partners", true) == "https://portal.acme.com/partners");
    CHECK(login("https://salesforce.acme.com", true) == "https://salesforce.acme.com");
    CHECK(login("http://127.0.0.1:8788", true) == "http://127.0.0.1:8788");
    CHECK(login("http://localhost:8788/", true) == "http://localhost:8788");
    CHECK(login("http://[::1]:8788", true) == "http://[::1]:8788");
    CHECK(login("http://portal.acme.com", true) == "invalid_login_host");
    CHECK(login("https://emulator", true) == "invalid_login_host");
    for (const auto* text : {"https://portal.acme.com", "http://127.0.0.1:8788",
                             "https://localhost", "http://localhost:8788", "https://[::1]"}) {
        CAPTURE(text);
        CHECK(login(text, false) == "invalid_login_host");
    }
}

TEST_CASE("only sites have a path, and only a plain one") {
    CHECK(login("https://login.salesforce.com/portal") == "invalid_login_host");
    CHECK(login("https://acme.my.salesforce.com/home/home.jsp") == "invalid_login_host");
    for (const auto* path : {"/a/../b", "/./a", "//a", "/a//b", "/%2e%2e", "/a?b", "/a#b", "/a;b",
                             "/services/oauth2/authorize", "/a b", "/a\\b"}) {
        CAPTURE(path);
        CHECK(login(std::string{"https://acme.my.site.com"} + path) == "invalid_login_host");
    }
    const auto site = base("https://acme.my.site.com/portal");
    CHECK(site.endpoint("/services/oauth2/token") ==
          "https://acme.my.site.com/portal/services/oauth2/token");
    CHECK(site.path == "/portal");
}

TEST_CASE("what was accepted once is accepted again in the form that is stored") {
    for (const auto* text : {"acme.lightning.force.com", "acme.my.site.com/p/",
                             "TEST.salesforce.com", "http://localhost:1/x"}) {
        const auto url = login(text, true);
        CHECK(login(url, true) == url);
    }
}

TEST_CASE("an instance host is one of Salesforce's, by https and without port") {
    const auto login_base = base("login.salesforce.com");
    for (const auto* url : {"https://acme.my.salesforce.com", "https://acme.my.salesforce.com/",
                            "https://na1.salesforce.com", "https://Acme.my.salesforce.com",
                            "https://agency.my.salesforce.mil", "https://acme.my.sfcrmproducts.cn",
                            "https://acme.my.site.com", "https://api.salesforce.com"}) {
        CAPTURE(url);
        const auto origin = check_instance(url, login_base);
        REQUIRE(origin.has_value());
        CHECK(origin->tls);
        CHECK(origin->port == 443);
    }
}

TEST_CASE("B19: every other instance host is refused, and says so with host_rejected") {
    const auto login_base = base("login.salesforce.com");
    for (const auto* url : {
             "",
             "http://acme.my.salesforce.com",
             "https://acme.my.salesforce.com:443",
             "https://acme.my.salesforce.com:8443",
             "https://acme.my.salesforce.com/services",
             "https://acme.my.salesforce.com//",
             "https://acme.my.salesforce.com?x",
             "https://acme.my.salesforce.com#x",
             "https://user@acme.my.salesforce.com",
             "https://user:pw@acme.my.salesforce.com",
             "https://acme.my.salesforce.com@evil.com",
             "https://x.my.salesforce.com.evil.com",
             "https://evil.com\\.my.salesforce.com",
             "https://evilsalesforce.com",
             "https://evil-salesforce.com",
             "https://salesforce.com",
             "https://acme%2emy.salesforce.com",
             "https://acme.my.salesforce.com.",
             "https://acme.my.sal\xd0\xb5sforce.com",
             "https://acme.my.salesforce.com\n",
             " https://acme.my.salesforce.com",
             "https://127.0.0.1",
             "http://127.0.0.1:8788",
             "http://localhost:8788",
             "https://10.0.0.1",
             "https://169.254.169.254",
             "https://[::1]",
             "https://portal.acme.com",
             "https://site.com",
             "https://evil.site.com",
             "acme.my.salesforce.com",
         }) {
        CAPTURE(url);
        const auto origin = check_instance(url, login_base);
        REQUIRE(origin.has_error());
        CHECK(origin.error().fault == Fault::denied);
        CHECK(origin.error().code == "host_rejected");
    }
    CHECK(check_instance("https://" + std::string(4000, 'a') + ".salesforce.com", login_base)
              .has_error());
}

TEST_CASE("B19: a loopback or custom login vouches for its own origin, exactly") {
    const auto loopback = base("http://127.0.0.1:8788");
    CHECK(check_instance("http://127.0.0.1:8788", loopback).has_value());
    CHECK(check_instance("http://127.0.0.1:8789", loopback).has_error());
    CHECK(check_instance("https://127.0.0.1:8788", loopback).has_error());
    CHECK(check_instance("http://localhost:8788", loopback).has_error());
    CHECK(check_instance("http://127.0.0.1:8788/x", loopback).has_error());

    const auto custom = base("https://portal.acme.com/partners");
    CHECK(check_instance("https://portal.acme.com", custom).has_value());
    CHECK(check_instance("https://api.acme.com", custom).has_error());
    CHECK(check_instance("https://acme.my.salesforce.com", custom).has_value());
}

TEST_CASE("B28: a new instance host of a moved or renamed org is as good as the old one") {
    const auto login_base = base("acme.my.salesforce.com");
    CHECK(check_instance("https://newname.my.salesforce.com", login_base).has_value());
}

TEST_CASE("domains are compared label by label") {
    CHECK(is_salesforce_host("x.my.salesforce.com"));
    CHECK(is_salesforce_host("login.salesforce.com"));
    CHECK_FALSE(is_salesforce_host("evilsalesforce.com"));
    CHECK_FALSE(is_salesforce_host("salesforce.com.evil.com"));
    CHECK_FALSE(is_salesforce_host("salesforce.com"));
    CHECK_FALSE(is_salesforce_host(".salesforce.com"));
    CHECK_FALSE(is_salesforce_host(""));
}

}  // namespace
