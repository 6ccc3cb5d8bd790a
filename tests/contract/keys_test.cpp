#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

ApiKeyRow api_key(const std::string& id, std::int64_t created_at) {
    ApiKeyRow key;
    key.id = ApiKeyId{id};
    key.secret_hash = "hash of " + id;
    key.label = "the key's 'label' \xd7\xa9";
    key.permissions = {"proxy", "read"};
    key.created_at = WallTime{std::chrono::seconds{created_at}};
    key.rules = R"({"v":1,"paths":["allow GET /services/data/**"]})";
    return key;
}

SealedKey sealing_key(const std::string& id) {
    SealedKey key;
    key.id = id;
    key.key = Sealed{std::string("seal\0ed", 7)};
    key.created_at = WallTime{std::chrono::seconds{5}};
    return key;
}

}  // namespace

TEST_CASE_TEMPLATE("an installation has its ids from the first start", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    const auto first = bench.ok(bench.store.keys().installation(bench.by()));
    CHECK(first.id.size() == 22);
    CHECK(first.incarnation == 1);
    CHECK(bench.ok(bench.store.keys().installation(bench.by())).id == first.id);
    Bench other;
    CHECK(other.ok(other.store.keys().installation(other.by())).id != first.id);
    bench.new_timeline();
    CHECK(bench.ok(bench.store.keys().installation(bench.by())).incarnation == 2);
}

TEST_CASE_TEMPLATE("sealing keys come back oldest first, each id once", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    CHECK(bench.ok(bench.store.keys().all(bench.by())).empty());
    bench.done(bench.store.keys().add(sealing_key("bbbbbbbb"), bench.by()));
    bench.done(bench.store.keys().add(sealing_key("aaaaaaaa"), bench.by()));
    CHECK(bench.refusal(bench.store.keys().add(sealing_key("bbbbbbbb"), bench.by())) ==
          "conflict key_exists");
    const auto all = bench.ok(bench.store.keys().all(bench.by()));
    REQUIRE(all.size() == 2);
    CHECK(all[0].id == "bbbbbbbb");
    CHECK(all[1].id == "aaaaaaaa");
    CHECK(all[0].key == sealing_key("").key);
    CHECK(all[0].created_at == sealing_key("").created_at);
}

TEST_CASE_TEMPLATE("a store is empty until anything sealed or hashed is in it", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    for (int kind = 0; kind < 3; ++kind) {
        Bench bench;
        bench.done(bench.store.keys().add(sealing_key("bbbbbbbb"), bench.by()));
        CHECK(bench.ok(bench.store.keys().empty(bench.by())));
        FlowRow flow;
        flow.id = FlowId{"cs_1"};
        if (kind == 0)
            bench.done(bench.store.grants().add_candidate(candidate("cn_1"), bench.by()));
        if (kind == 1) bench.done(bench.store.flows().insert(flow, bench.by()));
        if (kind == 2) bench.done(bench.store.api_keys().insert(api_key("k", 1), bench.by()));
        CHECK_FALSE(bench.ok(bench.store.keys().empty(bench.by())));
    }
}

TEST_CASE_TEMPLATE("an API key comes back as it was stored", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    const auto given = api_key("k1", 10);
    bench.done(bench.store.api_keys().insert(given, bench.by()));
    const auto found = bench.ok(bench.store.api_keys().find(given.id, bench.by()));
    CHECK(found.id == given.id);
    CHECK(found.secret_hash == given.secret_hash);
    CHECK(found.label == given.label);
    CHECK(found.permissions == given.permissions);
    CHECK(found.created_at == given.created_at);
    CHECK_FALSE(found.revoked_at.has_value());
    CHECK(found.rules == given.rules);
    auto plain = api_key("k3", 10);
    plain.rules.clear();
    bench.done(bench.store.api_keys().insert(plain, bench.by()));
    CHECK(bench.ok(bench.store.api_keys().find(plain.id, bench.by())).rules.empty());
    CHECK(bench.refusal(bench.store.api_keys().insert(given, bench.by())) ==
          "conflict api_key_exists");
    CHECK(bench.refusal(bench.store.api_keys().find(ApiKeyId{"k2"}, bench.by())) ==
          "not_found api_key_not_found");
}

TEST_CASE_TEMPLATE("API keys are listed oldest first, revoked ones too", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    bench.done(bench.store.api_keys().insert(api_key("young", 20), bench.by()));
    bench.done(bench.store.api_keys().insert(api_key("old", 10), bench.by()));
    const WallTime first{std::chrono::seconds{30}};
    const WallTime again{std::chrono::seconds{40}};
    bench.done(bench.store.api_keys().revoke(ApiKeyId{"old"}, first, bench.by()));
    bench.done(bench.store.api_keys().revoke(ApiKeyId{"old"}, again, bench.by()));
    const auto all = bench.ok(bench.store.api_keys().all(bench.by()));
    REQUIRE(all.size() == 2);
    CHECK(all[0].id == ApiKeyId{"old"});
    CHECK(all[0].revoked_at == first);
    CHECK(all[1].id == ApiKeyId{"young"});
    CHECK(bench.refusal(bench.store.api_keys().revoke(ApiKeyId{"none"}, first, bench.by())) ==
          "not_found api_key_not_found");
}
