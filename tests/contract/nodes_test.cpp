#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {
const NodeId node{"node-a"};
const BootId first{"boot-1"};
const BootId second{"boot-2"};
}  // namespace

TEST_CASE_TEMPLATE("M10: a second boot of a node is refused while the first may be alive", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& nodes = bench.store.nodes();
    const auto joined = bench.ok(nodes.join(node, first, std::nullopt, bench.by()));
    CHECK(joined.boot == first);
    CHECK(bench.refusal(nodes.join(node, second, std::nullopt, bench.by())) ==
          "conflict node_id_in_use");

    SUBCASE("it beats while the newcomer watches") {
        bench.done(nodes.beat(node, first, bench.by()));
        CHECK(bench.refusal(nodes.join(node, second, joined, bench.by())) ==
              "conflict node_id_in_use");
        bench.done(nodes.beat(node, first, bench.by()));
    }
    SUBCASE("it is silent, so the newcomer takes the name over and the old one hears of it") {
        CHECK(bench.ok(nodes.join(node, second, joined, bench.by())).boot == second);
        CHECK(bench.refusal(nodes.beat(node, first, bench.by())) == "conflict node_replaced");
        bench.done(nodes.beat(node, second, bench.by()));
        CHECK(bench.refusal(nodes.join(node, first, joined, bench.by())) ==
              "conflict node_id_in_use");
    }
    SUBCASE("it left in order, so the name is free") {
        bench.done(nodes.leave(node, first, bench.by()));
        bench.done(nodes.leave(node, first, bench.by()));
        CHECK(bench.refusal(nodes.beat(node, first, bench.by())) == "conflict node_replaced");
        CHECK(bench.ok(nodes.join(node, second, std::nullopt, bench.by())).boot == second);
        // The end of the former one, told once more, is not the new one's.
        bench.done(nodes.leave(node, first, bench.by()));
        bench.done(nodes.beat(node, second, bench.by()));
    }
}

TEST_CASE_TEMPLATE("a node that joins again with its own boot keeps its beats", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    auto& nodes = bench.store.nodes();
    bench.ok(nodes.join(node, first, std::nullopt, bench.by()));
    bench.done(nodes.beat(node, first, bench.by()));
    bench.done(nodes.beat(node, first, bench.by()));
    CHECK(bench.ok(nodes.join(node, first, std::nullopt, bench.by())).beats == 2);
}

TEST_CASE_TEMPLATE("who never joined cannot beat", Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    CHECK(bench.refusal(bench.store.nodes().beat(node, first, bench.by())) ==
          "conflict node_replaced");
    bench.done(bench.store.nodes().leave(node, first, bench.by()));
    CHECK(bench.ok(bench.store.nodes().list(bench.by())).empty());
}

TEST_CASE_TEMPLATE("the list tells of every node, also of those that left", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    auto& nodes = bench.store.nodes();
    bench.ok(nodes.join(NodeId{"b"}, first, std::nullopt, bench.by()));
    bench.ok(nodes.join(NodeId{"a"}, second, std::nullopt, bench.by()));
    bench.done(nodes.beat(NodeId{"b"}, first, bench.by()));
    bench.done(nodes.leave(NodeId{"a"}, second, bench.by()));
    const auto rows = bench.ok(nodes.list(bench.by()));
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].node == NodeId{"a"});
    CHECK(rows[0].boot == second);
    CHECK(rows[0].left);
    CHECK(rows[1].node == NodeId{"b"});
    CHECK(rows[1].beats == 1);
    CHECK_FALSE(rows[1].left);
}

TEST_CASE("a file of SQLite belongs to one process, a store in memory to whoever is in it") {
    CHECK_FALSE(MemoryBench{}.store.nodes().alone());
    SqliteBench sqlite;
    CHECK(sqlite.store.nodes().alone());
    const auto row = sqlite.ok(sqlite.store.nodes().join(node, first, std::nullopt, sqlite.by()));
    sqlite.reopen();
    CHECK(sqlite.refusal(sqlite.store.nodes().join(node, second, std::nullopt, sqlite.by())) ==
          "conflict node_id_in_use");
    CHECK(sqlite.ok(sqlite.store.nodes().join(node, second, row, sqlite.by())).boot == second);
}

TEST_CASE_TEMPLATE(
    "a start of a node tells which sealing key it reads, and the next one has to again", Bench,
    MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& nodes = bench.store.nodes();
    bench.ok(nodes.join(node, first, std::nullopt, bench.by()));
    CHECK(bench.ok(nodes.list(bench.by())).at(0).reads.empty());
    bench.done(nodes.reads(node, first, "00000002", bench.by()));
    bench.done(nodes.reads(node, first, "00000002", bench.by()));
    bench.done(nodes.beat(node, first, bench.by()));
    CHECK(bench.ok(nodes.list(bench.by())).at(0).reads == "00000002");
    CHECK(bench.refusal(nodes.reads(node, second, "00000003", bench.by())) ==
          "conflict node_replaced");
    bench.done(nodes.leave(node, first, bench.by()));
    CHECK(bench.refusal(nodes.reads(node, first, "00000003", bench.by())) ==
          "conflict node_replaced");
    bench.ok(nodes.join(node, second, std::nullopt, bench.by()));
    CHECK(bench.ok(nodes.list(bench.by())).at(0).reads.empty());
}
