#include "store/timeline_order.h"

#include <doctest/doctest.h>

using namespace latchkey;

namespace {
bool behind(const char* present, const char* noted) {
    return lies_behind(Timeline{present}, Timeline{noted});
}
}  // namespace

TEST_CASE("a store lies behind one of a higher incarnation, whatever else it says") {
    CHECK(behind("1", "2"));
    CHECK(behind("9", "10"));
    CHECK_FALSE(behind("2", "2"));
    CHECK_FALSE(behind("3", "2"));
    CHECK(behind("71/0000000A.1", "72/00000001.2"));
    CHECK_FALSE(behind("71/00000001.3", "71/0000000A.2"));
}

TEST_CASE("a database lies behind a later branch of its own history, and of no other's") {
    CHECK(behind("71/00000009.1", "71/0000000A.1"));
    CHECK_FALSE(behind("71/0000000A.1", "71/00000009.1"));
    CHECK_FALSE(behind("71/00000009.1", "72/0000000A.1"));
}

TEST_CASE("a timeline's incarnation is its last number, and 0 where there is none") {
    CHECK(incarnation_of(Timeline{"7"}) == 7);
    CHECK(incarnation_of(Timeline{"71/0000000A.12"}) == 12);
    for (const char* odd : {"", ".", "x", "7x", "1.", "99999999999999999999"})
        CHECK(incarnation_of(Timeline{odd}) == 0);
}
