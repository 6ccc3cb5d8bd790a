#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

/// "kind reason" of every event, in order.
template <class Bench>
std::vector<std::string> told(Bench& bench) {
    std::vector<std::string> all;
    for (const auto& event : bench.ok(bench.store.events().read(0, 500, bench.by())))
        all.push_back(std::string{name(event.kind)} + " " + event.reason);
    return all;
}

using Told = std::vector<std::string>;

template <class Bench>
void settled(Bench& bench, const GrantRow& row, Settlement::Kind kind, const std::string& reason) {
    auto outcome = settlement(row, kind);
    outcome.reason = reason;
    bench.ok(bench.store.grants().settle(outcome, bench.by()));
}

}  // namespace

TEST_CASE_TEMPLATE("an ordinary life raises no event", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    settled(bench, claimed(bench, "cn_1", "a1"), Settlement::Kind::rotated, "");
    settled(bench, claimed(bench, "cn_1", "a2"), Settlement::Kind::not_consumed, "unreachable");
    bench.ok(bench.store.grants().quarantine(ConnectionId{"cn_1"}, "operator", bench.by()));
    bench.ok(bench.store.grants().quarantine(ConnectionId{"cn_1"}, "", bench.by()));
    bench.ok(bench.store.grants().begin_revocation(ConnectionId{"cn_1"}, bench.by()));
    CHECK(told(bench).empty());
}

TEST_CASE_TEMPLATE("doubt, its end and a lost grant are told once each, in order", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    const auto first = claimed(bench, "cn_1", "a1");
    settled(bench, first, Settlement::Kind::unknown, "server_error");
    settled(bench, first, Settlement::Kind::unknown, "server_error");  // repeated
    auto row = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    moved(bench, row, State::active);
    settled(bench, claimed(bench, "cn_1", "a2"), Settlement::Kind::dead, "expired");
    CHECK(told(bench) == Told{"connection.uncertain server_error", "connection.recovered ",
                              "connection.reauth_required expired"});
}

TEST_CASE_TEMPLATE("an event says whose it is, when it was, and what the connection had then",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    settled(bench, claimed(bench, "cn_1", "a1"), Settlement::Kind::rotated, "");
    settled(bench, claimed(bench, "cn_1", "a2"), Settlement::Kind::dead, "expired");
    const auto events = bench.ok(bench.store.events().read(0, 500, bench.by()));
    REQUIRE(events.size() == 1);
    CHECK(events[0].number > 0);
    CHECK(events[0].at == bench.clock.wall());
    CHECK(events[0].kind == EventKind::reauth_required);
    CHECK(events[0].connection == ConnectionId{"cn_1"});
    CHECK(events[0].epoch == Epoch{1});
    CHECK(events[0].generation == Generation{2});
}

TEST_CASE_TEMPLATE("a recorded second use is one doubt from its beginning to its end", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    settled(bench, claimed(bench, "cn_1", "a1"), Settlement::Kind::unknown, "timeout");
    auto row = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    row = moved(bench, row, State::in_flight, second_use_reason);
    settled(bench, row, Settlement::Kind::unknown, second_use_reason);
    row = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    row = moved(bench, row, State::in_flight, second_use_reason);
    settled(bench, row, Settlement::Kind::rotated, "");
    CHECK(told(bench) == Told{"connection.uncertain timeout", "connection.recovered "});
}

TEST_CASE_TEMPLATE("a row that is suspect for the database's sake is no news, unless it is over",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    for (const char* id : {"cn_1", "cn_2"}) {
        auto row = moved(bench, connect(bench, id), State::uncertain, suspect_reason);
        const bool over = row.key.connection == ConnectionId{"cn_2"};
        moved(bench, row, over ? State::reauth_required : State::active, over ? "lost" : "");
    }
    CHECK(told(bench) == Told{"connection.reauth_required lost"});
}

TEST_CASE_TEMPLATE("a late answer takes a lost grant back into doubt, and that is told", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    const auto row = claimed(bench, "cn_1", "a1");
    settled(bench, row, Settlement::Kind::unknown, "timeout");
    moved(bench, bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by())),
          State::reauth_required, "answer_lost");
    settled(bench, row, Settlement::Kind::rotated, "late");
    moved(bench, bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by())),
          State::active);
    CHECK(told(bench) == Told{"connection.uncertain timeout",
                              "connection.reauth_required answer_lost", "connection.uncertain late",
                              "connection.recovered "});
}

TEST_CASE_TEMPLATE("a user who connects anew ends the trouble of the grant before", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    settled(bench, claimed(bench, "cn_1", "a1"), Settlement::Kind::dead, "expired");
    for (const std::int64_t epoch : {2, 3}) {
        const auto present = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
        bench.done(bench.store.grants().add_candidate(candidate("cn_1", epoch), bench.by()));
        for (int repeated = 0; repeated < 2; ++repeated)
            bench.ok(bench.store.grants().promote(key_of("cn_1", epoch), facts("cn_1"),
                                                  present.generation, Sealed{"s"}, bench.by()));
    }
    CHECK(told(bench) == Told{"connection.reauth_required expired", "connection.recovered "});
}

TEST_CASE_TEMPLATE("a change that did not take effect raises nothing", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    auto outcome = settlement(claimed(bench, "cn_1", "a1"), Settlement::Kind::dead);
    outcome.attempt = AttemptId{"another"};
    CHECK(bench.refusal(bench.store.grants().settle(outcome, bench.by())) ==
          "conflict settle_conflict");
    CHECK(told(bench).empty());
}

TEST_CASE_TEMPLATE("events are read on from a number and pruned by their age", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    const auto begin = bench.clock.wall();
    for (const char* id : {"cn_1", "cn_2", "cn_3"}) {
        connect(bench, id);
        settled(bench, claimed(bench, id, "a"), Settlement::Kind::dead, "expired");
        bench.clock.advance(std::chrono::hours{1});
    }
    auto& events = bench.store.events();
    const auto two = bench.ok(events.read(0, 2, bench.by()));
    REQUIRE(two.size() == 2);
    const auto rest = bench.ok(events.read(two.back().number, 2, bench.by()));
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].connection == ConnectionId{"cn_3"});
    CHECK(bench.ok(events.read(rest[0].number, 2, bench.by())).empty());

    CHECK(bench.ok(events.prune(begin + std::chrono::hours{2}, bench.by())) == 2);
    const auto left = bench.ok(events.read(0, 10, bench.by()));
    REQUIRE(left.size() == 1);
    CHECK(left[0].number == rest[0].number);
    CHECK(bench.ok(events.prune(begin + std::chrono::hours{9}, bench.by())) == 1);

    // A number never comes again, so a reader misses nothing.
    settled(
        bench,
        [&] {
            connect(bench, "cn_4");
            return claimed(bench, "cn_4", "a");
        }(),
        Settlement::Kind::dead, "expired");
    CHECK(bench.ok(events.read(rest[0].number, 10, bench.by())).size() == 1);
}
