#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

TEST_CASE_TEMPLATE("a first connect makes a connection with generation 1", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    bench.done(bench.store.grants().add_candidate(candidate("cn_1"), bench.by()));
    auto known = facts("cn_1");
    known.instance_url = "https://moved.my.salesforce.com";
    const auto shown = bench.ok(bench.store.grants().promote(
        key_of("cn_1", 1), known, Generation{0}, Sealed{"access for 1"}, bench.by()));
    CHECK(shown.id == ConnectionId{"cn_1"});
    CHECK(shown.end_user == "ada");
    CHECK(shown.username == "ada@acme.example");
    CHECK(shown.standing == Standing::active);
    CHECK(shown.generation == Generation{1});
    CHECK(shown.instance_url == "https://moved.my.salesforce.com");
    CHECK(shown.org_id == "00D000000000001AAA");
    CHECK(shown.provider == ProviderId{"salesforce"});
    CHECK(shown.connected_at == known.connected_at);
    CHECK_FALSE(shown.refreshed_at.has_value());

    const auto row = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    CHECK(row.role == Role::current);
    CHECK(row.access_token == Sealed{"access for 1"});
    CHECK(row.instance_url == "https://moved.my.salesforce.com");
}

TEST_CASE_TEMPLATE("a reconnect replaces the grant and leaves the old one to be revoked", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    bench.ok(bench.store.grants().settle(
        settlement(claimed(bench, "cn_1", "a1"), Settlement::Kind::rotated), bench.by()));
    bench.done(bench.store.grants().add_candidate(candidate("cn_1", 2), bench.by()));
    const auto shown = bench.ok(bench.store.grants().promote(
        key_of("cn_1", 2), facts("cn_1"), Generation{2}, Sealed{"access for 3"}, bench.by()));
    CHECK(shown.generation == Generation{3});

    const auto current = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    CHECK(current.key.epoch == Epoch{2});
    CHECK(current.grant_generation == GrantGeneration{1});
    const auto former = bench.ok(bench.store.grants().find(key_of("cn_1", 1), bench.by()));
    CHECK(former.role == Role::former);
    CHECK(former.state == State::revoking);
    CHECK(former.refresh_token == Sealed{"next refresh"});
}

TEST_CASE_TEMPLATE("a grant that was revoked already is not revoked again by a reconnect", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    moved(bench, connect(bench, "cn_1"), State::revoked);
    bench.done(bench.store.grants().add_candidate(candidate("cn_1", 2), bench.by()));
    bench.ok(bench.store.grants().promote(key_of("cn_1", 2), facts("cn_1"), Generation{1},
                                          Sealed{"s"}, bench.by()));
    CHECK(bench.ok(bench.store.grants().find(key_of("cn_1", 1), bench.by())).state ==
          State::revoked);
}

TEST_CASE_TEMPLATE("a promotion that saw another generation changes nothing", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    bench.done(bench.store.grants().add_candidate(candidate("cn_1", 2), bench.by()));
    for (const std::int64_t seen : {0, 2})
        CHECK(bench.refusal(bench.store.grants().promote(
                  key_of("cn_1", 2), facts("cn_1", "eve"), Generation{seen}, Sealed{"s"},
                  bench.by())) == "conflict promote_conflict");
    CHECK(bench.ok(bench.store.connections().find(ConnectionId{"cn_1"}, bench.by())).end_user ==
          "ada");
    CHECK(bench.ok(bench.store.grants().find(key_of("cn_1", 1), bench.by())).state ==
          State::active);
    CHECK(bench.refusal(bench.store.grants().promote(key_of("cn_1", 3), facts("cn_1"),
                                                     Generation{1}, Sealed{"s"}, bench.by())) ==
          "not_found grant_not_found");
}

TEST_CASE_TEMPLATE("of two consents the later one stays in use", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    bench.done(bench.store.grants().add_candidate(candidate("cn_1", 2), bench.by()));
    bench.done(bench.store.grants().add_candidate(candidate("cn_1", 3), bench.by()));
    bench.ok(bench.store.grants().promote(key_of("cn_1", 3), facts("cn_1"), Generation{1},
                                          Sealed{"s"}, bench.by()));
    CHECK(bench.refusal(bench.store.grants().promote(key_of("cn_1", 2), facts("cn_1"),
                                                     Generation{2}, Sealed{"t"}, bench.by())) ==
          "conflict superseded");
    CHECK(bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by())).key.epoch ==
          Epoch{3});
}

TEST_CASE_TEMPLATE("a promotion that is repeated finds itself done", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1", "ada");
    const auto shown =
        bench.ok(bench.store.grants().promote(key_of("cn_1", 1), facts("cn_1"), Generation{0},
                                              Sealed{"sealed access for 1"}, bench.by()));
    CHECK(shown.generation == Generation{1});
    CHECK(bench.refusal(bench.store.grants().promote(key_of("cn_1", 1), facts("cn_1"),
                                                     Generation{0}, Sealed{"other"}, bench.by())) ==
          "conflict promote_conflict");
}

TEST_CASE_TEMPLATE("a refused candidate goes to be revoked and the old grant stays", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    bench.done(bench.store.grants().add_candidate(candidate("cn_1", 2), bench.by()));
    for (int i = 0; i < 2; ++i)
        bench.done(
            bench.store.grants().refuse_candidate(key_of("cn_1", 2), "user_mismatch", bench.by()));
    const auto refused = bench.ok(bench.store.grants().find(key_of("cn_1", 2), bench.by()));
    CHECK(refused.role == Role::former);
    CHECK(refused.state == State::revoking);
    CHECK(refused.reason == "user_mismatch");
    CHECK(bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by())).state ==
          State::active);
    CHECK(bench.refusal(bench.store.grants().promote(key_of("cn_1", 2), facts("cn_1"),
                                                     Generation{1}, Sealed{"s"}, bench.by())) ==
          "conflict superseded");
    CHECK(bench.refusal(bench.store.grants().refuse_candidate(
              key_of("cn_1", 1), "x", bench.by())) == "conflict move_conflict");
    CHECK(bench.refusal(bench.store.grants().refuse_candidate(
              key_of("cn_1", 9), "x", bench.by())) == "not_found grant_not_found");
}
