#include "access/key_gate.h"

#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "access/stored_rules.h"
#include "tests/support/fake_clock.h"

using namespace latchkey;
using namespace latchkey::test;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<KeyGate> gate_of(std::int64_t rate, std::int64_t burst, std::int64_t concurrency) {
    KeyRules rules;
    rules.limits.rate = rate;
    rules.limits.burst = burst;
    rules.limits.concurrency = concurrency;
    return std::make_shared<KeyGate>(rules);
}

std::string stored(std::int64_t rate) {
    KeyRules rules;
    rules.limits.rate = rate;
    return print_rules(rules);
}

}  // namespace

TEST_CASE("a rate lets a burst in at once, then one after the other, and says how long to wait") {
    FakeClock clock;
    const auto gate = gate_of(2, 3, 0);
    for (int i = 0; i < 3; ++i) CHECK(KeyGate::enter(gate, clock.steady()).has_value());
    const auto refused = KeyGate::enter(gate, clock.steady());
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == "rate_limited");
    CHECK(refused.error().fault == Fault::try_later);
    CHECK(refused.error().retry_after == 1s);
    clock.advance(500ms);
    CHECK(KeyGate::enter(gate, clock.steady()).has_value());
    CHECK(KeyGate::enter(gate, clock.steady()).has_error());
    // Patience earns no more than the burst.
    clock.advance(1h);
    for (int i = 0; i < 3; ++i) CHECK(KeyGate::enter(gate, clock.steady()).has_value());
    CHECK(KeyGate::enter(gate, clock.steady()).has_error());
}

TEST_CASE("so many calls are under way at once, and one that ends makes room") {
    FakeClock clock;
    const auto gate = gate_of(0, 0, 2);
    auto first = KeyGate::enter(gate, clock.steady()).value();
    const auto second = KeyGate::enter(gate, clock.steady()).value();
    const auto refused = KeyGate::enter(gate, clock.steady());
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == "too_many_calls");
    CHECK(refused.error().retry_after == 1s);
    first.reset();
    CHECK(KeyGate::enter(gate, clock.steady()).has_value());
}

TEST_CASE("a call that comes too soon takes no place") {
    FakeClock clock;
    const auto gate = gate_of(1, 1, 2);
    const auto place = KeyGate::enter(gate, clock.steady()).value();
    for (int i = 0; i < 5; ++i)
        CHECK(KeyGate::enter(gate, clock.steady()).error().code == "rate_limited");
    clock.advance(1s);
    CHECK(KeyGate::enter(gate, clock.steady()).has_value());
}

TEST_CASE("loops that count with one gate let in no more than its burst together") {
    FakeClock clock;
    const auto gate = gate_of(1, 1000, 0);
    std::atomic<int> in{0};
    std::vector<std::thread> loops;
    for (int i = 0; i < 4; ++i)
        loops.emplace_back([&] {
            for (int call = 0; call < 1000; ++call)
                if (KeyGate::enter(gate, clock.steady())) ++in;
        });
    for (auto& loop : loops) loop.join();
    CHECK(in == 1000);
}

TEST_CASE("a key's counters are the same for everybody who serves it") {
    FakeClock clock;
    KeyGates gates{clock};
    CHECK(gates.of(ApiKeyId{"plain"}, "").value() == nullptr);
    const auto one = gates.of(ApiKeyId{"key"}, stored(5)).value();
    CHECK(gates.of(ApiKeyId{"key"}, stored(5)).value() == one);
    CHECK(gates.of(ApiKeyId{"other"}, stored(5)).value() != one);
    CHECK(gates.of(ApiKeyId{"bad"}, "{").error().code == "key_rules_unreadable");
    CHECK(gates.size() == 2);
}

TEST_CASE("gates are bounded: those at rest go, those that count stay") {
    FakeClock clock;
    KeyGates gates{clock};
    const auto busy = gates.of(ApiKeyId{"busy"}, stored(1)).value();
    REQUIRE(KeyGate::enter(busy, clock.steady()).has_value());
    const auto* const counting = gates.of(ApiKeyId{"counting"}, stored(1)).value().get();
    REQUIRE(KeyGate::enter(gates.of(ApiKeyId{"counting"}, stored(1)).value(), clock.steady())
                .has_value());
    const auto held = gates.of(ApiKeyId{"held"}, stored(1)).value();
    for (std::size_t i = 0; i < KeyGates::most; ++i)
        REQUIRE(gates.of(ApiKeyId{"key " + std::to_string(i)}, stored(1)).has_value());
    CHECK(gates.size() <= KeyGates::most);
    CHECK(gates.of(ApiKeyId{"busy"}, stored(1)).value() == busy);
    CHECK(gates.of(ApiKeyId{"held"}, stored(1)).value() == held);
    CHECK(gates.of(ApiKeyId{"counting"}, stored(1)).value().get() == counting);
}
