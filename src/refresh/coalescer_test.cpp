#include <algorithm>

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "refresh/coalescer.h"
#include "refresh/token_memory.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

struct Bench {
    boost::asio::io_context loop;
    test::FakeClock clock;
    ConnectionId ada{"cn_ada"};
};

AccessToken token_of(std::int64_t generation) {
    AccessToken token;
    token.token = Secret{"access token"};
    token.generation = Generation{generation};
    return token;
}

Async<void> await_event(std::shared_ptr<Event> event, Clock& clock, SteadyTime until, int* happened,
                        int* timed_out) {
    const bool over = co_await wait_for(std::move(event), clock, until);
    ++*(over ? happened : timed_out);
}

Async<void> take_share(Shares& shares, std::string key, int* taken) {
    co_await shares.take(std::move(key));
    ++*taken;
}

Async<void> take_slot(Slots& slots, int* taken) {
    co_await slots.take();
    ++*taken;
}

void poll(boost::asio::io_context& loop) {
    loop.restart();
    loop.poll();
}

}  // namespace

TEST_CASE_FIXTURE(Bench, "everybody who waits is woken, each within their own deadline") {
    auto event = std::make_shared<Event>(loop);
    int happened = 0;
    int timed_out = 0;
    for (const auto wait : {1s, 10s, 20s})
        boost::asio::co_spawn(
            loop, await_event(event, clock, clock.steady() + wait, &happened, &timed_out),
            boost::asio::detached);
    poll(loop);
    clock.advance(1s);
    poll(loop);
    CHECK(timed_out == 1);
    CHECK(happened == 0);
    event->set();
    poll(loop);
    CHECK(happened == 2);
}

TEST_CASE_FIXTURE(Bench, "a connection has one work at a time, and its first answer counts") {
    Coalescer works{loop};
    auto work = works.begin(ada);
    REQUIRE(work);
    CHECK_FALSE(works.begin(ada));
    CHECK(works.begin(ConnectionId{"cn_bob"}));
    CHECK(works.find(ada) == work);

    work->answer(token_of(2));
    work->answer(Error{Fault::internal, "late", "Too late. Nothing to do."});
    REQUIRE(work->given());
    REQUIRE(work->given()->has_value());
    CHECK((*work->given())->generation == Generation{2});
    works.end(ada);
    CHECK_FALSE(works.find(ada));
}

TEST_CASE_FIXTURE(Bench, "a work that ends without an answer wakes its waiters to look again") {
    Coalescer works{loop};
    auto work = works.begin(ada);
    works.end(ada);
    CHECK(work->answered()->is_set());
    CHECK_FALSE(work->given());
}

TEST_CASE_FIXTURE(Bench, "slots are given out in order, and given back to who waits longest") {
    Slots slots{loop, 2};
    int taken = 0;
    for (int i = 0; i < 4; ++i)
        boost::asio::co_spawn(loop, take_slot(slots, &taken), boost::asio::detached);
    poll(loop);
    CHECK(taken == 2);
    slots.give_back();
    poll(loop);
    CHECK(taken == 3);
    slots.give_back();
    poll(loop);
    CHECK(taken == 4);
}

TEST_CASE_FIXTURE(Bench,
                  "an org's share of the slots is its own, and forgotten when it is unused") {
    Shares shares{loop, 2};
    int slow = 0;
    int other = 0;
    for (int i = 0; i < 5; ++i)
        boost::asio::co_spawn(loop, take_share(shares, "slow", &slow), boost::asio::detached);
    boost::asio::co_spawn(loop, take_share(shares, "other", &other), boost::asio::detached);
    poll(loop);
    CHECK(slow == 2);
    CHECK(other == 1);
    CHECK(shares.keys() == 2);
    shares.give_back("other");
    CHECK(shares.keys() == 1);
    for (int i = 0; i < 5; ++i) {
        shares.give_back("slow");
        poll(loop);
        CHECK(slow == std::min(3 + i, 5));
    }
    CHECK(shares.keys() == 0);
}

TEST_CASE_FIXTURE(Bench, "a remembered token serves for its time, and only who may have it") {
    TokenMemory memory{5s};
    const auto now = clock.steady();
    auto token = token_of(3);
    token.expires_at = clock.wall() + 100s;
    memory.remember(ada, token, now);
    CHECK(memory.find(ada, TokenDemand{}, clock.wall(), now + 4s));
    CHECK_FALSE(memory.find(ada, TokenDemand{}, clock.wall(), now + 5s));
    CHECK_FALSE(memory.find(ada, TokenDemand{101s}, clock.wall(), now));
    CHECK_FALSE(memory.find(ada, TokenDemand::newer(Generation{3}), clock.wall(), now));
    CHECK(memory.find(ada, TokenDemand::newer(Generation{2}), clock.wall(), now));
    memory.forget(ada);
    CHECK_FALSE(memory.find(ada, TokenDemand{}, clock.wall(), now));
}

TEST_CASE(
    "what was read before a newer token came, or before it was forgotten, is not remembered") {
    const ConnectionId ada{"cn_ada"};
    TokenMemory memory{5s};
    const WallTime wall{};
    const SteadyTime now{1000s};
    AccessToken older;
    older.generation = Generation{1};
    AccessToken newer = older;
    newer.generation = Generation{2};
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now));
    memory.remember(ada, newer, now + 1s);
    memory.remember(ada, older, now);
    CHECK(memory.find(ada, TokenDemand{}, wall, now + 2s)->generation == Generation{2});

    memory.forget(ada);
    memory.remember(ada, older, now + 1s);
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now + 3s));
    memory.forget_all();
    memory.remember(ada, newer, now + 3s);
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now + 4s));
    // Only on another history may generations fall.
    memory.remember(ada, older, now + 4s);
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now + 4s));
    memory.start_over();
    memory.remember(ada, older, now + 4s);
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now + 4s));
    memory.remember(ada, older, now + 5s);
    CHECK(memory.find(ada, TokenDemand{}, wall, now + 5s));
    CHECK(memory.find(ada, TokenDemand{}, wall, now + 4s));
    memory.surpass(ada, Generation{1});
    CHECK(memory.find(ada, TokenDemand{}, wall, now + 4s));
    memory.surpass(ada, Generation{2});
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now + 4s));
}

TEST_CASE("a slow read does not bring back a token after a newer one that was itself not kept") {
    const ConnectionId ada{"cn_ada"};
    TokenMemory memory{5s};
    const WallTime wall{};
    const SteadyTime now{1000s};
    AccessToken older;
    older.generation = Generation{1};
    AccessToken newer = older;
    newer.generation = Generation{2};
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now));
    memory.forget(ada);
    memory.remember(ada, newer, now);
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now + 1s));
    memory.remember(ada, older, now + 1s);
    CHECK_FALSE(memory.find(ada, TokenDemand{}, wall, now + 2s));
    memory.remember(ada, newer, now + 2s);
    CHECK(memory.find(ada, TokenDemand{}, wall, now + 2s)->generation == Generation{2});

    const ConnectionId bob{"cn_bob"};
    memory.forget(bob);
    memory.remember(bob, older, now + 3s);
    memory.remember(bob, newer, now + 2s);
    CHECK_FALSE(memory.find(bob, TokenDemand{}, wall, now + 3s));
}
