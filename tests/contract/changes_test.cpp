#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

/// A call that runs while the test goes on.
struct Listening {
    std::shared_ptr<std::optional<Result<ChangeBatch>>> heard =
        std::make_shared<std::optional<Result<ChangeBatch>>>();

    template <class Bench>
    Listening(Bench& bench, std::int64_t mark, std::chrono::milliseconds time) {
        boost::asio::co_spawn(bench.loop, bench.store.changes().next(mark, bench.clock.in(time)),
                              [into = heard](std::exception_ptr, Result<ChangeBatch> batch) {
                                  into->emplace(std::move(batch));
                              });
        turn(bench);
    }
    template <class Bench>
    void turn(Bench& bench) {
        bench.loop.restart();
        bench.loop.poll();
    }
    ChangeBatch batch() const {
        REQUIRE(heard->has_value());
        REQUIRE((*heard)->has_value());
        return ***heard;
    }
};

using Ids = std::vector<ConnectionId>;

}  // namespace

TEST_CASE_TEMPLATE("who listens where nothing changes hears nothing, at the deadline", Bench,
                   MemoryBench, SqliteBench) {
    Bench bench;
    connect(bench, "cn_1");
    Listening one{bench, 0, std::chrono::seconds{3}};
    bench.clock.advance(std::chrono::milliseconds{2900});
    one.turn(bench);
    CHECK_FALSE(one.heard->has_value());
    bench.clock.advance(std::chrono::milliseconds{200});
    one.turn(bench);
    CHECK(one.batch().empty());
}

TEST_CASE("everybody who listens hears what another has changed, each from its own mark") {
    MemoryBench bench;
    connect(bench, "cn_1");
    connect(bench, "cn_2");
    Listening one{bench, 0, std::chrono::minutes{1}};
    Listening two{bench, 0, std::chrono::minutes{1}};
    claimed(bench, "cn_1", "a");
    one.turn(bench);
    CHECK(one.batch().connections == Ids{ConnectionId{"cn_1"}});
    CHECK(two.batch().connections == Ids{ConnectionId{"cn_1"}});

    // What happens while nobody waits is not missed.
    const auto mark = one.batch().mark;
    claimed(bench, "cn_2", "a");
    bench.ok(bench.store.grants().begin_revocation(ConnectionId{"cn_1"}, bench.by()));
    bench.ok(bench.store.grants().begin_revocation(ConnectionId{"cn_1"}, bench.by()));
    Listening later{bench, mark, std::chrono::minutes{1}};
    CHECK(later.batch().connections == Ids{ConnectionId{"cn_1"}, ConnectionId{"cn_2"}});
    Listening up_to_date{bench, later.batch().mark, std::chrono::minutes{1}};
    CHECK_FALSE(up_to_date.heard->has_value());
    bench.clock.advance(std::chrono::minutes{2});
    up_to_date.turn(bench);
    CHECK(up_to_date.batch().empty());
}

TEST_CASE("who lags far behind is told that anything may have changed") {
    MemoryBench bench;
    connect(bench, "cn_1");
    Listening start{bench, 0, std::chrono::minutes{1}};
    bench.ok(bench.store.grants().quarantine(ConnectionId{"cn_1"}, "operator", bench.by()));
    start.turn(bench);
    const auto mark = start.batch().mark;
    for (int i = 0; i < 1001; ++i)
        bench.ok(bench.store.grants().quarantine(ConnectionId{"cn_1"}, "operator", bench.by()));
    Listening late{bench, mark, std::chrono::minutes{1}};
    CHECK(late.batch().anything);
    Listening next{bench, late.batch().mark, std::chrono::minutes{1}};
    CHECK_FALSE(next.heard->has_value());
    bench.clock.advance(std::chrono::minutes{2});
    next.turn(bench);
}
