#include "facade/check_egress.h"

#include <string>

#include <doctest/doctest.h>

using namespace latchkey;

namespace {

std::string refusal(const Egress& egress) {
    const auto checked = check_egress(egress);
    return checked ? std::string{} : checked.error().code;
}

}  // namespace

TEST_CASE("no way out, or one that can be gone, is accepted") {
    Egress egress;
    CHECK(refusal(egress).empty());
    CHECK_FALSE(egress_proxy(egress).has_value());
    egress.proxy_url = "http://proxy.example.com:3128";
    egress.proxy_login = Secret{"user:pass:word"};
    egress.source_address = "127.0.0.1";
    CHECK(refusal(egress).empty());
    const auto proxy = egress_proxy(egress);
    REQUIRE(proxy.has_value());
    CHECK(proxy->at.host == "proxy.example.com");
    CHECK(proxy->at.port == 3128);
}

TEST_CASE("a proxy URL that is none, and a login without a proxy or a colon, are refused") {
    for (const char* url :
         {"proxy.example.com:3128", "https://proxy.example.com:3128",
          "http://user:word@proxy.example.com:3128", "http://proxy/path", "socks5://p:1"}) {
        CAPTURE(url);
        Egress egress;
        egress.proxy_url = url;
        CHECK(refusal(egress) == "invalid_egress");
    }
    Egress egress;
    egress.proxy_login = Secret{"user:word"};
    CHECK(refusal(egress) == "invalid_egress");
    egress.proxy_url = "http://proxy.example.com:3128";
    for (const char* login : {"no colon", "line:one\nline: two", ""}) {
        egress.proxy_login = Secret{login};
        CHECK(refusal(egress) == "invalid_egress");
        CHECK(check_egress(egress).error().message.find("line") == std::string::npos);
    }
}

TEST_CASE("a source address must be one of this machine") {
    for (const char* address : {"localhost", "192.0.2.1", "0.0.0.0", "::", "127.0.0.1:80"}) {
        CAPTURE(address);
        Egress egress;
        egress.source_address = address;
        CHECK(refusal(egress) == "invalid_egress");
    }
}
