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

TEST_CASE_TEMPLATE("a new sealing key is announced, one at a time, and then put in use", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& keys = bench.store.keys();
    bench.done(keys.add(sealing_key("00000001"), bench.by()));
    auto next = sealing_key("00000002");
    next.stage = KeyStage::announced;
    bench.done(keys.add(next, bench.by()));
    CHECK(bench.ok(keys.all(bench.by())).at(0).stage == KeyStage::in_use);
    CHECK(bench.ok(keys.all(bench.by())).at(1).stage == KeyStage::announced);

    auto third = sealing_key("00000003");
    third.stage = KeyStage::announced;
    CHECK(bench.refusal(keys.add(third, bench.by())) == "conflict key_change_under_way");
    CHECK(bench.refusal(keys.put_in_use("00000003", bench.by())) == "not_found key_not_found");
    bench.done(keys.put_in_use("00000002", bench.by()));
    bench.done(keys.put_in_use("00000002", bench.by()));
    CHECK(bench.ok(keys.all(bench.by())).at(1).stage == KeyStage::in_use);
    bench.done(keys.add(third, bench.by()));
}

TEST_CASE_TEMPLATE("sealing keys are wrapped anew all together or not at all", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    auto& keys = bench.store.keys();
    auto first = sealing_key("00000001");
    auto second = sealing_key("00000002");
    bench.done(keys.add(first, bench.by()));
    bench.done(keys.add(second, bench.by()));
    for (const std::size_t length : {1, 2, 3, 4, 61}) {
        first.key = Sealed{std::string(length, '\xfb')};
        second.key = Sealed{std::string(length, '\xff')};
        bench.done(keys.rewrap({first, second}, bench.by()));
        CHECK(bench.ok(keys.all(bench.by())).at(0).key == first.key);
        CHECK(bench.ok(keys.all(bench.by())).at(1).key == second.key);
    }

    auto other = first;
    other.key = Sealed{"other"};
    CHECK(bench.refusal(keys.rewrap({other}, bench.by())) == "conflict key_conflict");
    CHECK(bench.refusal(keys.rewrap({other, sealing_key("00000003")}, bench.by())) ==
          "conflict key_conflict");
    CHECK(bench.ok(keys.all(bench.by())).at(0).key == first.key);
}

TEST_CASE_TEMPLATE("grants whose tokens another key sealed are found page by page and replaced",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& keys = bench.store.keys();
    const auto sealed = [](const std::string& text) { return Sealed{text}; };
    for (const char* id : {"cn_1", "cn_2", "cn_3"}) {
        auto row = candidate(id);
        row.refresh_token = sealed(id == std::string{"cn_3"} ? "new:r" : "old:r");
        row.access_token = sealed(id == std::string{"cn_2"} ? "new:a" : "old:a");
        bench.done(bench.store.grants().add_candidate(row, bench.by()));
    }
    auto counts = bench.ok(keys.tokens_by_header(4, bench.by()));
    CHECK(counts.size() == 2);
    CHECK(counts["old:"] == 4);
    CHECK(counts["new:"] == 2);

    auto page = bench.ok(keys.sealed_otherwise("new:", GrantKey{}, 2, bench.by()));
    REQUIRE(page.size() == 2);
    CHECK(page[0].key == GrantKey{ConnectionId{"cn_1"}, Epoch{1}});
    CHECK(page[1].key == GrantKey{ConnectionId{"cn_2"}, Epoch{1}});
    const auto rest = bench.ok(keys.sealed_otherwise("new:", page[1].key, 2, bench.by()));
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].key == GrantKey{ConnectionId{"cn_3"}, Epoch{1}});

    SealChange change;
    change.key = page[0].key;
    change.former_refresh_token = page[0].refresh_token;
    change.former_access_token = page[0].access_token;
    change.refresh_token = sealed("new:r");
    change.access_token = sealed("new:a");
    CHECK(bench.ok(keys.replace_seals(change, bench.by())));
    const auto now = bench.ok(bench.store.grants().find(page[0].key, bench.by()));
    CHECK(now.refresh_token == change.refresh_token);
    CHECK(now.access_token == change.access_token);
    CHECK(now.generation == page[0].generation);
    CHECK(now.state == page[0].state);
    // It fits once: the row holds other tokens by then.
    CHECK_FALSE(bench.ok(keys.replace_seals(change, bench.by())));
    CHECK(bench.ok(keys.sealed_otherwise("new:", GrantKey{}, 5, bench.by())).size() == 2);

    SealChange without;
    without.key = rest[0].key;
    without.former_refresh_token = rest[0].refresh_token;
    CHECK_FALSE(bench.ok(keys.replace_seals(without, bench.by())));
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
