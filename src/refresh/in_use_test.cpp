#include <doctest/doctest.h>

#include <algorithm>

#include "refresh/in_use.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

class FixedRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override { std::ranges::fill(out, value); }
    std::byte value{0};
};

struct Used {
    FixedRandom random;
    InUse in_use{PlanTimes{}, random};
    const ConnectionId ada{"cn_ada"};
    const WallTime wall{std::chrono::seconds{1763900000}};
    const SteadyTime now{1000h};

    AccessToken token(std::int64_t generation, std::chrono::seconds lives) const {
        AccessToken made;
        made.generation = Generation{generation};
        made.received_at = wall;
        made.expires_at = wall + lives;
        return made;
    }
    std::size_t due_after(std::chrono::seconds time) { return in_use.take(now + time, 10).size(); }
};

}  // namespace

TEST_CASE_FIXTURE(Used, "a token in use is due a tenth of its life before its end, at most") {
    in_use.used(ada, token(1, 1h), wall, now);
    in_use.used(ada, token(1, 1h), wall + 50min, now + 50min);
    CHECK(due_after(54min) == 0);
    CHECK(due_after(57min) == 1);
    CHECK(due_after(2h) == 0);  // once

    random.value = std::byte{255};
    in_use.used(ada, token(2, 1h), wall, now);
    in_use.used(ada, token(2, 1h), wall + 50min, now + 50min);
    CHECK(due_after(53min) == 0);
    CHECK(due_after(55min) == 1);
}

TEST_CASE_FIXTURE(Used, "a token that nobody has used lately is not due") {
    in_use.used(ada, token(1, 1h), wall, now);
    CHECK(due_after(2h) == 0);
    CHECK(in_use.size() == 0);
}

TEST_CASE_FIXTURE(Used, "a new token takes the place of the old one") {
    in_use.used(ada, token(1, 1h), wall, now);
    in_use.used(ada, token(2, 3h), wall, now + 1s);
    in_use.used(ada, token(1, 1h), wall, now + 2h);  // somebody still holds the old one
    CHECK(due_after(2h) == 0);
    const auto due = in_use.take(now + 3h, 10);
    REQUIRE(due.size() == 1);
    CHECK(due[0].generation == Generation{2});
}

TEST_CASE_FIXTURE(Used, "unknown ends, short lives and tokens that are over are left to who asks") {
    auto unknown = token(1, 1h);
    unknown.expires_at.reset();
    in_use.used(ada, unknown, wall, now);
    in_use.used(ada, token(1, 4min), wall, now);
    in_use.used(ada, token(1, 1h), wall + 1h, now);
    CHECK(in_use.size() == 0);
}

TEST_CASE_FIXTURE(Used, "what is remembered has a bound") {
    for (std::size_t i = 0; i < InUse::most + 10; ++i)
        in_use.used(ConnectionId{"cn_" + std::to_string(i)}, token(1, 1h), wall, now);
    CHECK(in_use.size() == InUse::most);
}
