#include "net/silent_callers.h"

#include <doctest/doctest.h>

using latchkey::SilentCallers;

TEST_CASE("L5: each address has its own places, and gets back those that it leaves") {
    SilentCallers callers{2};
    auto first = callers.admit("192.0.2.1");
    const auto second = callers.admit("192.0.2.1");
    CHECK(first != nullptr);
    CHECK(second != nullptr);
    CHECK(callers.admit("192.0.2.1") == nullptr);
    CHECK(callers.admit("192.0.2.2") != nullptr);
    first.reset();
    CHECK(callers.admit("192.0.2.1") != nullptr);
}

TEST_CASE("L5: the addresses that one machine has of IPv6 count as one") {
    SilentCallers callers{1};
    const auto first = callers.admit("2001:db8:1:2::1");
    CHECK(callers.admit("2001:db8:1:2:ffff::9") == nullptr);
    CHECK(callers.admit("2001:db8:1:3::1") != nullptr);
    const auto four = callers.admit("::ffff:192.0.2.1");
    CHECK(callers.admit("192.0.2.1") == nullptr);
    CHECK(callers.admit("::ffff:192.0.2.2") != nullptr);
}

TEST_CASE("a place may outlive what gave it") {
    auto callers = std::make_unique<SilentCallers>(1);
    const auto place = callers->admit("192.0.2.1");
    callers.reset();
    CHECK(place != nullptr);
}
