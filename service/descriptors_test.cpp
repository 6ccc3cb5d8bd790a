#include "service/descriptors.h"

#include <doctest/doctest.h>

#include "net/http_server.h"

using latchkey::ServerLimits;
using latchkey::service::share_descriptors;

TEST_CASE("L3: callers get what is left of the descriptors beside what must not fail") {
    for (const std::size_t descriptors : {128, 256, 1024, 4096, 65536}) {
        for (const int loops : {1, 2, 8}) {
            CAPTURE(descriptors);
            CAPTURE(loops);
            const auto shares = share_descriptors(descriptors, loops);
            const auto callers =
                shares.operators + shares.each_loop * static_cast<std::size_t>(loops);
            // Each of them may need one more, to Salesforce.
            if (descriptors > 128 || loops < 8) CHECK(2 * callers + 64 <= descriptors);
            CHECK(shares.operators >= 4);
            CHECK(shares.each_loop >= 4);
        }
    }
}

TEST_CASE(
    "L3: with descriptors enough, each listener has all the connections it is meant to have") {
    const auto shares = share_descriptors(1'000'000, 8);
    CHECK(shares.each_loop == ServerLimits{}.connections);
    CHECK(shares.operators == ServerLimits{}.connections);
}

TEST_CASE("L3: hardly any descriptors leave a few callers all the same") {
    for (const std::size_t descriptors : {0, 1, 72}) {
        const auto shares = share_descriptors(descriptors, 2);
        CHECK(shares.each_loop == 4);
        CHECK(shares.operators == 4);
    }
}
