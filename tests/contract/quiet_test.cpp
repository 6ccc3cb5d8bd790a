#include <memory>
#include <utility>

#include <boost/asio/detached.hpp>

#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

/// Asks twenty times from a loop that does not run on to hear the answers.
template <class Bench>
void ask_from(boost::asio::io_context& loop, Bench& bench, int& answered) {
    for (int i = 0; i < 20; ++i)
        boost::asio::co_spawn(loop, bench.store.grants().find(key_of("cn_1", 1), bench.by()),
                              [&answered](std::exception_ptr, Result<GrantRow> row) {
                                  if (row.has_value()) ++answered;
                              });
    loop.poll();
}

}  // namespace

TEST_CASE_TEMPLATE("a store is quiet when what was asked before has been answered", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    boost::asio::io_context other{1};
    int answered = 0;
    ask_from(other, bench, answered);
    bench.done(bench.store.quiet(bench.by()));
    other.restart();
    other.poll();
    CHECK(answered == 20);
}

TEST_CASE_TEMPLATE("a loop that asked may end as it is once the store is quiet", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    for (int ended = 0; ended < 10; ++ended) {
        int answered = 0;
        auto other = std::make_unique<boost::asio::io_context>(1);
        ask_from(*other, bench, answered);
        auto waiting = bench.store.changes().next(0, bench.by());
        boost::asio::co_spawn(*other, std::move(waiting), boost::asio::detached);
        other->poll();
        bench.done(bench.store.quiet(bench.by()));
        other.reset();
        // Who is told of a change must not be looked for on the loop that is gone.
        bench.ok(bench.store.grants().quarantine(ConnectionId{"cn_1"}, "operator", bench.by()));
    }
}
