#include <doctest/doctest.h>

#include <array>

#include "refresh/keep_alive.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::hours day{24};
const WallTime now{std::chrono::seconds{1763900000}};

GrantRow idle_since(WallTime last, const std::string& name = "cn_ada") {
    GrantRow row;
    row.key = GrantKey{ConnectionId{name}, Epoch{1}};
    row.role = Role::current;
    row.refresh_token = Sealed{"sealed"};
    row.access_received_at = last;
    return row;
}

}  // namespace

TEST_CASE("J29: the moments of many idle grants are spread evenly over the week") {
    std::array<int, 7> days{};
    for (int i = 0; i < 7000; ++i) {
        const auto row = idle_since(now, "cn_" + std::to_string(i));
        const auto after = keep_alive::touch_at(row, PlanTimes{}) - now;
        REQUIRE(after >= 7 * day);
        REQUIRE(after < 14 * day);
        ++days.at(static_cast<std::size_t>((after - 7 * day) / day));
    }
    for (const int of_day : days) {
        CHECK(of_day > 850);
        CHECK(of_day < 1150);
    }
}

TEST_CASE("a grant's moment is the same wherever it is asked for, and another one next time") {
    auto row = idle_since(now);
    const auto first = keep_alive::touch_at(row, PlanTimes{});
    CHECK(keep_alive::touch_at(row, PlanTimes{}) == first);
    row.generation = row.generation.next();
    CHECK(keep_alive::touch_at(row, PlanTimes{}) != first);
}

TEST_CASE("a forecast counts what would end by itself") {
    Forecast made;
    made.made_at = now;
    const PlanTimes times;
    keep_alive::add(made, idle_since(now - 1 * day), times);
    keep_alive::add(made, idle_since(now - 15 * day), times);
    keep_alive::add(made, idle_since(now - 25 * day), times);
    keep_alive::add(made, idle_since(now - 30 * day), times);
    auto bare = idle_since(now - 1 * day);
    bare.refresh_token.reset();
    bare.access_expires_at = now + 30min;
    keep_alive::add(made, bare, times);
    auto over = idle_since(now - 30 * day);
    over.state = State::reauth_required;
    keep_alive::add(made, over, times);
    auto former = idle_since(now - 30 * day);
    former.role = Role::former;
    keep_alive::add(made, former, times);

    CHECK(made.connections == 5);
    CHECK(made.idle_end_in_1d == 1);
    CHECK(made.idle_end_in_7d == 2);
    CHECK(made.idle_end_in_16d == 3);
    CHECK(made.without_refresh_token == 1);
    CHECK(made.access_end_in_1h == 1);
}

TEST_CASE("a forecast counts what will be used only to keep it alive") {
    Forecast made;
    made.made_at = now;
    const PlanTimes times;
    for (const auto idle : {0 * day, 6 * day, 7 * day, 10 * day, 13 * day, 20 * day}) {
        const auto row = idle_since(now - idle);
        Forecast alone;
        alone.made_at = now;
        keep_alive::add(alone, row, times);
        CHECK(alone.keep_alive_in_1d == (keep_alive::touch_at(row, times) < now + day ? 1 : 0));
        CHECK(alone.keep_alive_in_7d == (keep_alive::touch_at(row, times) < now + 7 * day ? 1 : 0));
        keep_alive::add(made, row, times);
    }
    // Today's login has a week at least; what should have been used by its 14th day is overdue.
    CHECK(made.keep_alive_in_1d >= 2);
    CHECK(made.keep_alive_in_7d == 5);
}
