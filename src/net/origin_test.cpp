#include "net/origin.h"

#include <doctest/doctest.h>

using namespace latchkey;

TEST_CASE("an origin is scheme, host and port, in one spelling") {
    const auto text = [](std::string_view url) {
        const auto origin = Origin::parse(url);
        return origin ? origin->text() : origin.error().code;
    };
    CHECK(text("https://acme.my.salesforce.com") == "https://acme.my.salesforce.com");
    CHECK(text("https://acme.my.salesforce.com/") == "https://acme.my.salesforce.com");
    CHECK(text("HTTPS://ACME.example:443") == "https://acme.example");
    CHECK(text("https://acme.example:8443") == "https://acme.example:8443");
    CHECK(text("http://127.0.0.1:80") == "http://127.0.0.1");
    CHECK(text("http://localhost:8788") == "http://localhost:8788");
    CHECK(text("http://[0:0::1]:8788") == "http://[::1]:8788");
    CHECK(text("https://a_b--c.example") == "https://a_b--c.example");
}

TEST_CASE("H9: what is more or less than an origin is refused, as are addresses in disguise") {
    for (const char* url : {"",
                            "acme.example",
                            "ftp://acme.example",
                            "https://",
                            "https:///",
                            "https://a.example//",
                            "https://a.example/path",
                            "https://a.example?q",
                            "https://a.example#f",
                            "https://user@a.example",
                            "https://a.example:443@b.example",
                            "https://a.example\\@b.example",
                            "https://a%2eexample",
                            "https://a.example.",
                            "https://.a.example",
                            "https://a..example",
                            "https://a .example",
                            " https://a.example",
                            "https://a.example ",
                            "https://\xc3\xa4.example",
                            "https://-a.example",
                            "https://a-.example",
                            "https://a.example:",
                            "https://a.example:0",
                            "https://a.example:65536",
                            "https://a.example:0443",
                            "https://a.example:+443",
                            "https://127.1",
                            "https://2130706433",
                            "https://0x7f.0.0.1",
                            "https://0177.0.0.1",
                            "https://127.0.0.1.1",
                            "https://a.0x1",
                            "https://256.0.0.1",
                            "https://[::1",
                            "https://::1",
                            "https://[::1]x",
                            "https://[fe80::1%25lo]",
                            "https://[a.example]",
                            "https://a.example\n"}) {
        CAPTURE(url);
        const auto origin = Origin::parse(url);
        REQUIRE_FALSE(origin.has_value());
        CHECK(origin.error().code == "invalid_origin");
    }
    CHECK_FALSE(Origin::parse("https://" + std::string(64, 'a') + ".example").has_value());
    CHECK_FALSE(Origin::parse(std::string_view{"https://a\0b.example", 19}).has_value());
}

TEST_CASE("loopback is told by the text alone") {
    const auto loopback = [](std::string_view url) {
        return Origin::parse(url).value().loopback();
    };
    CHECK(loopback("http://localhost:1717"));
    CHECK(loopback("http://127.0.0.1"));
    CHECK(loopback("http://127.200.3.4"));
    CHECK(loopback("http://[::1]"));
    CHECK_FALSE(loopback("http://127.example"));
    CHECK_FALSE(loopback("http://localhost.example"));
    CHECK_FALSE(loopback("http://10.0.0.1"));
    CHECK_FALSE(loopback("http://[::ffff:127.0.0.1]"));
}
