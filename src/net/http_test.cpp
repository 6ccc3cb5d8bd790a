#include "net/http.h"

#include <doctest/doctest.h>

using latchkey::Headers;

TEST_CASE("header names compare without case, and lines keep their order") {
    Headers headers{{"Accept", "a"}, {"X-One", "1"}};
    headers.add("x-one", "2");
    CHECK(headers.find("ACCEPT") == "a");
    CHECK(headers.find("X-ONE") == "1");
    CHECK(headers.count("x-One") == 2);
    CHECK(headers.find("absent") == std::nullopt);
    headers.set("x-ONE", "3");
    CHECK(headers.count("X-One") == 1);
    CHECK(headers.find("X-One") == "3");
    headers.remove("accept");
    CHECK(headers.size() == 1);
}
