#include <doctest/doctest.h>

#include <algorithm>

#include "refresh/pacing.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

/// Always the same bytes, so that pauses are known.
class FixedRandom final : public Random {
public:
    explicit FixedRandom(std::byte value) : value_(value) {}
    void fill(std::span<std::byte> out) override { std::ranges::fill(out, value_); }

private:
    std::byte value_;
};

struct Paced {
    FixedRandom random{std::byte{0}};
    Pacing pacing{ProtocolTimes{}, random};
    SteadyTime now{1000h};
    ConnectionId ada{"cn_ada"};
};

const Error wrong_secret{Fault::misconfigured, "invalid_client",
                         "Wrong secret. Set the right one."};
const Error away{Fault::try_later, "upstream_unavailable", "Not reached. Ask again later."};

Error limited(std::chrono::seconds after) {
    Error error{Fault::try_later, "rate_limited", "Too many logins. Wait."};
    error.retry_after = after;
    return error;
}

}  // namespace

TEST_CASE_FIXTURE(Paced, "one rotation a minute, and one more if the new token was refused") {
    CHECK_FALSE(pacing.too_soon(ada, false, now));
    pacing.rotated(ada, now);
    CHECK(pacing.too_soon(ada, false, now + 10s) == 50s);
    CHECK_FALSE(pacing.too_soon(ada, true, now + 10s));
    pacing.rotated(ada, now + 10s);
    CHECK(pacing.too_soon(ada, true, now + 20s) == 50s);
    CHECK_FALSE(pacing.too_soon(ada, true, now + 70s));
}

TEST_CASE_FIXTURE(Paced,
                  "a failure holds one connection back, longer each time, and no other one") {
    pacing.hold(ada, away, now);
    REQUIRE(pacing.held(ada, now));
    CHECK(pacing.held(ada, now)->code == "upstream_unavailable");
    CHECK(pacing.held(ada, now)->retry_after == 1s);
    CHECK_FALSE(pacing.held(ConnectionId{"cn_bob"}, now));
    CHECK_FALSE(pacing.held(ada, now + 500ms));

    for (int i = 0; i < 10; ++i) pacing.hold(ada, away, now);
    CHECK(pacing.held(ada, now)->retry_after == 30s);  // half of the longest pause is certain
    pacing.release(ada);
    CHECK_FALSE(pacing.held(ada, now));
}

TEST_CASE_FIXTURE(Paced, "B14: a Retry-After is kept to, between a second and an hour") {
    pacing.hold(ada, limited(120s), now);
    CHECK(pacing.held(ada, now)->retry_after == 120s);
    pacing.hold(ada, limited(0s), now);
    CHECK(pacing.held(ada, now)->retry_after == 1s);
    pacing.hold(ada, limited(24h), now);
    CHECK(pacing.held(ada, now)->retry_after == 3600s);
}

TEST_CASE("B14: pauses are spread, so that many do not come back at once") {
    FixedRandom low{std::byte{0}};
    FixedRandom high{std::byte{255}};
    Pacing early{ProtocolTimes{}, low};
    Pacing late{ProtocolTimes{}, high};
    const SteadyTime now{1000h};
    const ConnectionId ada{"cn_ada"};
    early.hold(ada, away, now);
    late.hold(ada, away, now);
    CHECK_FALSE(early.held(ada, now + 600ms));
    CHECK(late.held(ada, now + 600ms));
}

TEST_CASE_FIXTURE(Paced,
                  "an open circuit answers with what opened it, then lets one attempt probe") {
    REQUIRE(pacing.circuit("salesforce", now).has_value());
    CHECK(pacing.circuit_failed("salesforce", wrong_secret, now));
    CHECK_FALSE(pacing.circuit_failed("salesforce", wrong_secret, now));  // one alarm
    const auto refused = pacing.circuit("salesforce", now + 4s);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "invalid_client");
    CHECK(refused.error().retry_after == 1s);

    const auto probe = pacing.circuit("salesforce", now + 5s);
    REQUIRE(probe.has_value());
    CHECK(*probe);
    CHECK_FALSE(pacing.circuit("salesforce", now + 5s).has_value());
    CHECK(pacing.circuit_worked("salesforce"));
    const auto free = pacing.circuit("salesforce", now + 5s);
    REQUIRE(free.has_value());
    CHECK_FALSE(*free);
}

TEST_CASE_FIXTURE(Paced, "each failed probe doubles the time, up to five minutes") {
    pacing.circuit_failed("salesforce", wrong_secret, now);
    auto length = 5s;
    for (int i = 0; i < 8; ++i) {
        now += length;
        REQUIRE(pacing.circuit("salesforce", now).has_value());
        pacing.circuit_failed("salesforce", wrong_secret, now);
        length = std::min<std::chrono::seconds>(length * 2, 300s);
        CHECK_FALSE(pacing.circuit("salesforce", now + length - 1s).has_value());
    }
    CHECK(length == 300s);
}

TEST_CASE_FIXTURE(Paced, "a probe that ends without a verdict leaves the probing to the next") {
    pacing.circuit_failed("salesforce", wrong_secret, now);
    REQUIRE(pacing.circuit("salesforce", now + 5s).has_value());
    CHECK_FALSE(pacing.circuit("salesforce", now + 6s).has_value());
    pacing.circuit_idle("salesforce");
    CHECK(pacing.circuit("salesforce", now + 6s).has_value());
}

TEST_CASE_FIXTURE(Paced, "B14: a limit for everybody opens the circuit for as long as it says") {
    for (int i = 1; i < Pacing::row_of_org; ++i)
        CHECK_FALSE(pacing.org_strained("salesforce/00D1", limited(120s), now));
    CHECK(pacing.org_strained("salesforce/00D1", limited(120s), now));
    REQUIRE(pacing.circuit_open("salesforce/00D1", now + 119s));
    CHECK(pacing.circuit_open("salesforce/00D1", now + 119s)->code == "rate_limited");
    CHECK_FALSE(pacing.circuit_open("salesforce/00D1", now + 120s));
}

TEST_CASE_FIXTURE(Paced, "an answer in between breaks the row") {
    for (int i = 1; i < Pacing::row_of_org; ++i) pacing.org_strained("salesforce/00D1", away, now);
    pacing.answered("salesforce/00D1");
    CHECK_FALSE(pacing.org_strained("salesforce/00D1", away, now));
    CHECK_FALSE(pacing.circuit_open("salesforce/00D1", now));
}

TEST_CASE_FIXTURE(Paced, "a provider is left alone only if several of its orgs get no service") {
    for (int i = 0; i < 100; ++i)
        CHECK_FALSE(pacing.provider_strained("salesforce", "00D1", away, now));
    CHECK_FALSE(pacing.provider_strained("salesforce", "00D2", away, now));
    CHECK(pacing.provider_strained("salesforce", "00D3", away, now));
    CHECK(pacing.circuit_open("salesforce", now));
    REQUIRE(pacing.open_circuits().size() == 1);
    CHECK(pacing.open_circuits()[0].key == "salesforce");
    CHECK(pacing.open_circuits()[0].why.code == away.code);
}

TEST_CASE("nodes that met the same failure do not probe at the same moment") {
    FixedRandom low{std::byte{0}};
    FixedRandom high{std::byte{255}};
    Pacing early{ProtocolTimes{}, low};
    Pacing late{ProtocolTimes{}, high};
    const SteadyTime now{1000h};
    early.circuit_failed("salesforce", away, now);
    late.circuit_failed("salesforce", away, now);
    CHECK_FALSE(early.circuit_open("salesforce", now + 6s));
    CHECK(late.circuit_open("salesforce", now + 6s));
    CHECK_FALSE(late.circuit_open("salesforce", now + 6250ms));
}

TEST_CASE_FIXTURE(Paced, "pruning keeps what still matters") {
    pacing.rotated(ada, now);
    pacing.hold(ada, limited(120s), now);
    pacing.prune(now + 59s);
    CHECK(pacing.too_soon(ada, false, now + 59s));
    pacing.prune(now + 60s);
    CHECK(pacing.held(ada, now + 60s));
}
