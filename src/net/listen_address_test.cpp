#include "net/listen_address.h"

#include <string_view>

#include <doctest/doctest.h>

namespace latchkey {

TEST_CASE("an address to listen on is HOST:PORT with brackets around IPv6") {
    const auto good = [](std::string_view text, std::string_view host, int port) {
        const auto parsed = parse_listen_address(text);
        REQUIRE(parsed.has_value());
        CHECK(parsed->host == host);
        CHECK(parsed->port == port);
    };
    good("127.0.0.1:8717", "127.0.0.1", 8717);
    good("localhost:0", "localhost", 0);
    good("[::1]:65535", "::1", 65535);
    for (const char* text : {"", ":80", "a", "a:", "a:65536", "a:-1", "::1:80", "[a]:80", "a b:1",
                             "[]:1", "a:1:2", "[::1]", "a:+1"}) {
        CAPTURE(text);
        const auto parsed = parse_listen_address(text);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == "invalid_listen_address");
    }
}

}  // namespace latchkey
