#include "net/gzip.h"

#include <doctest/doctest.h>

#include "tests/support/gzip.h"

using latchkey::gunzip;
using latchkey::test::gzip;

namespace {

std::string code(std::string_view packed, std::size_t limit) {
    const auto plain = gunzip(packed, limit);
    return plain ? "unpacked" : plain.error().code;
}

}  // namespace

TEST_CASE("B23: one gzip member is unpacked") {
    for (const std::size_t size : {0u, 1u, 1000u, 16384u, 100000u}) {
        const std::string plain(size, 'a');
        const auto unpacked = gunzip(gzip(plain), size);
        REQUIRE(unpacked.has_value());
        CHECK(*unpacked == plain);
    }
}

TEST_CASE("B23: a bomb is left packed as soon as it is over the limit") {
    const auto bomb = gzip(std::string(10 * 1000 * 1000, 'a'));
    CHECK(bomb.size() < 20 * 1000);
    CHECK(code(bomb, 1024 * 1024) == "gzip_too_large");
    CHECK(code(gzip("ab"), 1) == "gzip_too_large");
    CHECK(code(gzip("ab"), 0) == "gzip_too_large");
}

TEST_CASE("B23: what is not one whole gzip member is refused") {
    const auto packed = gzip("a token answer");
    for (std::size_t size = 0; size < packed.size(); ++size) {
        CHECK(code(packed.substr(0, size), 1000) == "bad_gzip");
    }
    CHECK(code(packed + "x", 1000) == "bad_gzip");
    CHECK(code(packed + packed, 1000) == "bad_gzip");
    CHECK(code("{\"access_token\":\"plain\"}", 1000) == "bad_gzip");
    auto checksum = packed;
    checksum[checksum.size() - 6] ^= 1;
    CHECK(code(checksum, 1000) == "bad_gzip");
}
