#include "facade/registration.h"

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

struct Registered {
    boost::asio::io_context loop{1};
    test::FakeClock clock;
    SystemRandom random;
    MemoryStore store{clock, random};
    const NodeIdentity first{NodeId{"node-a"}, BootId{"boot-1"}};
    const NodeIdentity second{NodeId{"node-a"}, BootId{"boot-2"}};

    void join(const NodeIdentity& who) {
        REQUIRE(test::run(loop, join_nodes(store.nodes(), who, clock)).has_value());
    }
    /// A start that may have to watch, while something happens once a second.
    std::string join_while(const NodeIdentity& who, const std::function<void(int)>& each_second) {
        std::optional<Result<void>> joined;
        boost::asio::co_spawn(loop, join_nodes(store.nodes(), who, clock),
                              [&](std::exception_ptr, Result<void> result) { joined = result; });
        for (waited = 0; waited < 60 && !joined; ++waited) {
            turn();
            each_second(waited);
            turn();
            clock.advance(1s);
        }
        turn();
        REQUIRE(joined.has_value());
        return joined->has_error() ? joined->error().code : "joined";
    }
    void turn() {
        loop.restart();
        while (loop.poll() != 0) loop.restart();
    }
    void beat(const NodeIdentity& who) {
        boost::asio::co_spawn(loop, store.nodes().beat(who.node, who.boot, clock.in(1s)),
                              boost::asio::detached);
    }
    int waited = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Registered, "a first start, and one after an orderly end, wait for nothing") {
    CHECK(join_while(first, [](int) {}) == "joined");
    CHECK(waited <= 1);
    REQUIRE(test::run(loop, store.nodes().leave(first.node, first.boot, clock.in(1s))).has_value());
    CHECK(join_while(second, [](int) {}) == "joined");
    CHECK(waited <= 1);
}

TEST_CASE_FIXTURE(Registered,
                  "M10: a clone of a living node is refused at its first sign of life") {
    join(first);
    CHECK(join_while(second, [&](int second_of) {
              if (second_of % 5 == 4) beat(first);
          }) == "node_id_in_use");
    CHECK(waited < 10);
}

TEST_CASE_FIXTURE(Registered,
                  "M10: the name of a node that shows no life is taken over, not sooner") {
    join(first);
    CHECK(join_while(second, [](int) {}) == "joined");
    CHECK(waited >= 20);
    const auto told = test::run(loop, store.nodes().beat(first.node, first.boot, clock.in(1s)));
    REQUIRE(told.has_error());
    CHECK(told.error().code == "node_replaced");
}

TEST_CASE_FIXTURE(Registered, "a node that ends while it is watched leaves its name at once") {
    join(first);
    CHECK(join_while(second, [&](int second_of) {
              if (second_of == 3)
                  boost::asio::co_spawn(loop,
                                        store.nodes().leave(first.node, first.boot, clock.in(1s)),
                                        boost::asio::detached);
          }) == "joined");
    CHECK(waited < 10);
}
