#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "refresh/gate.h"
#include "tests/support/fake_clock.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

/// A gate, and whoever has passed it.
struct Gated {
    boost::asio::io_context loop;
    test::FakeClock clock;
    std::shared_ptr<Event> stopping = std::make_shared<Event>(loop);
    std::shared_ptr<Gate> gate = std::make_shared<Gate>(loop, clock, stopping, Pace{40, 8});
    int urgent = 0;
    int planned = 0;

    static Async<void> go(std::shared_ptr<Gate> gate, bool is_planned, int* passed) {
        co_await gate->pass(is_planned);
        ++*passed;
    }
    void arrive(int urgent_ones, int planned_ones) {
        for (int i = 0; i < planned_ones; ++i)
            boost::asio::co_spawn(loop, go(gate, true, &planned), boost::asio::detached);
        for (int i = 0; i < urgent_ones; ++i)
            boost::asio::co_spawn(loop, go(gate, false, &urgent), boost::asio::detached);
        settle();
    }
    void settle() {
        do {
            loop.restart();
        } while (loop.poll() != 0);
    }
    void pass(std::chrono::milliseconds time) {
        for (; time > 0ms; time -= 50ms) {
            clock.advance(50ms);
            settle();
        }
    }
    ~Gated() {
        stopping->set();
        settle();
    }
};

}  // namespace

TEST_CASE_FIXTURE(Gated, "a quarter of a second's worth passes at once, the rest at its pace") {
    arrive(100, 0);
    CHECK(urgent == 10);
    pass(1s);
    CHECK(urgent == 50);
    pass(2s);
    CHECK(urgent == 100);
    pass(1h);
    arrive(100, 0);
    CHECK(urgent == 110);  // an hour without traffic saves up no more than that
}

TEST_CASE_FIXTURE(Gated,
                  "L1: those that somebody waits for go first, planned ones at a pace of theirs") {
    arrive(0, 20);
    CHECK(planned == 2);
    arrive(200, 0);
    pass(4500ms);
    CHECK(urgent == 188);
    CHECK(planned == 2);
    pass(1s);
    CHECK(urgent == 200);
    CHECK(planned > 2);
    CHECK(planned <= 2 + 2 + 8);
    pass(10s);
    CHECK(planned == 20);
}

TEST_CASE_FIXTURE(Gated,
                  "a gate that is shut holds nobody back: the circuit has an answer for them") {
    arrive(40, 40);
    gate->shut();
    settle();
    CHECK(urgent == 40);
    CHECK(planned == 40);
    CHECK(gate->waiting() == 0);
    arrive(40, 0);
    CHECK(urgent == 80);
}

TEST_CASE_FIXTURE(Gated, "L7: after an outage the pace begins low and doubles") {
    gate->shut();
    pass(1h);
    gate->reopen(clock.steady());
    arrive(2000, 0);
    int former = urgent;
    CHECK(former <= 1);
    for (int step = 0; step < 7; ++step) {
        pass(5s);
        const int began = urgent - former;
        CHECK(began <= 2 + static_cast<int>(5 * 40 * 0.01 * (1 << step)));
        former = urgent;
    }
    pass(10s);
    CHECK(urgent - former >= 390);  // the full pace again
}

TEST_CASE_FIXTURE(Gated, "who stands in line when the process stops is let go") {
    arrive(40, 40);
    stopping->set();
    settle();
    CHECK(urgent == 40);
    CHECK(planned == 40);
}

TEST_CASE("an org has its own pace, and leaves room for the others of its provider") {
    const auto paces = Paces::of(100);
    CHECK(paces.provider.all == 100);
    CHECK(paces.provider.planned == 10);
    CHECK(paces.org.all == 50);
    CHECK(paces.org.planned == 2);
}
