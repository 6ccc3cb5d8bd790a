#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

template <class Bench>
GrantRow doubted(Bench& bench, const std::string& connection) {
    connect(bench, connection);
    auto outcome = settlement(claimed(bench, connection, "attempt"), Settlement::Kind::unknown);
    outcome.reason = "timeout";
    return bench.ok(bench.store.grants().settle(outcome, bench.by()));
}

Resolving wish(const GrantRow& row, const std::string& seen, const std::string& mine) {
    Resolving made;
    made.key = row.key;
    made.grant_generation = row.grant_generation;
    made.attempt = row.attempt;
    made.seen = ResolverId{seen};
    made.mine = ResolverId{mine};
    return made;
}

Move verdict(const GrantRow& row, const std::string& resolver) {
    Move change;
    change.key = row.key;
    change.grant_generation = row.grant_generation;
    change.from = State::uncertain;
    change.attempt = row.attempt;
    change.resolver = ResolverId{resolver};
    change.to = State::active;
    return change;
}

}  // namespace

TEST_CASE_TEMPLATE("of those who want to find out about a row one is noted", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    const auto row = doubted(bench, "cn_1");
    CHECK(row.resolver.empty());
    CHECK(bench.ok(grants.take_resolution(wish(row, "", "r1"), bench.by())).resolver ==
          ResolverId{"r1"});
    CHECK(bench.refusal(grants.take_resolution(wish(row, "", "r2"), bench.by())) ==
          "conflict resolver_conflict");
    // Repeated, because the answer to the first call may have been lost.
    bench.ok(grants.take_resolution(wish(row, "", "r1"), bench.by()));
    CHECK(bench.ok(grants.find(row.key, bench.by())).resolver == ResolverId{"r1"});
}

TEST_CASE_TEMPLATE("who was replaced in finding out can no longer give a verdict", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    const auto row = doubted(bench, "cn_1");
    bench.ok(grants.take_resolution(wish(row, "", "r1"), bench.by()));
    bench.ok(grants.take_resolution(wish(row, "r1", "r2"), bench.by()));
    CHECK(bench.refusal(grants.move(verdict(row, "r1"), bench.by())) == "conflict move_conflict");
    CHECK(bench.refusal(grants.move(verdict(row, ""), bench.by())) == "conflict move_conflict");
    const auto works = bench.ok(grants.move(verdict(row, "r2"), bench.by()));
    CHECK(works.state == State::active);
    CHECK(works.resolver.empty());
}

TEST_CASE_TEMPLATE("nobody finds out about a row that is not in doubt, or in another one", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    const auto row = doubted(bench, "cn_1");
    auto other = wish(row, "", "r1");
    other.attempt = AttemptId{"another"};
    CHECK(bench.refusal(grants.take_resolution(other, bench.by())) == "conflict resolver_conflict");
    other = wish(row, "", "r1");
    other.grant_generation = GrantGeneration{2};
    CHECK(bench.refusal(grants.take_resolution(other, bench.by())) == "conflict resolver_conflict");
    other = wish(row, "", "r1");
    other.key.epoch = Epoch{2};
    CHECK(bench.refusal(grants.take_resolution(other, bench.by())) == "conflict resolver_conflict");
    bench.ok(grants.move(verdict(row, ""), bench.by()));
    CHECK(bench.refusal(grants.take_resolution(wish(row, "", "r1"), bench.by())) ==
          "conflict resolver_conflict");
}

TEST_CASE_TEMPLATE("a newer refresh token, a revocation and a new doubt each end the note", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    const auto row = doubted(bench, "cn_1");
    bench.ok(grants.take_resolution(wish(row, "", "r1"), bench.by()));
    SUBCASE("a late answer is stored") {
        auto late = settlement(row, Settlement::Kind::rotated);
        const auto next = bench.ok(grants.settle(late, bench.by()));
        CHECK(next.state == State::uncertain);
        CHECK(next.resolver.empty());
    }
    SUBCASE("it is revoked") {
        CHECK(bench.ok(grants.begin_revocation(ConnectionId{"cn_1"}, bench.by())).resolver.empty());
    }
    SUBCASE("it is used a second time") {
        auto change = verdict(row, "r1");
        change.to = State::in_flight;
        change.reason = second_use_reason;
        CHECK(bench.ok(grants.move(change, bench.by())).resolver.empty());
        auto outcome = settlement(row, Settlement::Kind::unknown);
        outcome.reason = second_use_reason;
        CHECK(bench.ok(grants.settle(outcome, bench.by())).resolver.empty());
        CHECK(bench.refusal(grants.move(change, bench.by())) == "conflict move_conflict");
    }
}

TEST_CASE_TEMPLATE("a new grant of a connection has nobody's note", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    const auto row = doubted(bench, "cn_1");
    bench.ok(grants.take_resolution(wish(row, "", "r1"), bench.by()));
    bench.done(grants.add_candidate(candidate("cn_1", 2), bench.by()));
    bench.ok(
        grants.promote(key_of("cn_1", 2), facts("cn_1"), row.generation, Sealed{"s"}, bench.by()));
    CHECK(bench.ok(grants.find(key_of("cn_1", 1), bench.by())).resolver.empty());
    CHECK(bench.ok(grants.find(key_of("cn_1", 2), bench.by())).resolver.empty());
}
