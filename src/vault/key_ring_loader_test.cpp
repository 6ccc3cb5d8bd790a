#include "vault/key_ring_loader.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "vault/bindings.h"
#include "vault/vault_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct Bench : VaultBench {
    MemoryStore store{clock, random};
    MasterKey master = MasterKey::generate(random);

    Result<KeyRing> load(const MasterKey& with) {
        return get(load_key_ring(store.keys(), with, random, clock, by()));
    }
    std::string refusal_with(const MasterKey& with) {
        const auto ring = load(with);
        return ring.has_value() ? std::string{} : ring.error().code;
    }
    std::size_t kept() { return ok(store.keys().all(by())).size(); }
};

}  // namespace

TEST_CASE("a new store gets one sealing key, which the next start opens") {
    Bench bench;
    const auto first = bench.load(bench.master);
    REQUIRE(first.has_value());
    CHECK(first->sealing().size() == 8);
    CHECK(bench.kept() == 1);
    const Sealed sealed = first->seal(Binding{"x"}, Secret{"v"}, bench.random).value();

    const auto second = bench.load(bench.master);
    REQUIRE(second.has_value());
    CHECK(bench.kept() == 1);
    CHECK(second->sealing() == first->sealing());
    CHECK(second->open(Binding{"x"}, sealed)->reveal() == "v");
}

TEST_CASE("I15: nodes that start together on an empty store all have the one sealing key") {
    Bench bench;
    std::vector<KeyRing> rings;
    for (int node = 0; node < 4; ++node)
        boost::asio::co_spawn(
            bench.loop,
            load_key_ring(bench.store.keys(), bench.master, bench.random, bench.clock, bench.by()),
            [&](std::exception_ptr, Result<KeyRing> ring) {
                if (ring.has_value()) rings.push_back(std::move(*ring));
            });
    bench.loop.restart();
    bench.loop.run();
    REQUIRE(rings.size() == 4);
    CHECK(bench.kept() == 1);
    const Sealed sealed = rings.front().seal(Binding{"x"}, Secret{"v"}, bench.random).value();
    for (const auto& ring : rings) {
        const auto opened = ring.open(Binding{"x"}, sealed);
        REQUIRE(opened.has_value());
        CHECK(opened->reveal() == "v");
    }
}

TEST_CASE("I5: the wrong master key is refused and nothing is written") {
    Bench bench;
    REQUIRE(bench.load(bench.master).has_value());
    const auto before = bench.ok(bench.store.keys().all(bench.by()));
    const auto wrong = MasterKey::generate(bench.random);
    CHECK(bench.refusal_with(wrong) == "wrong_master_key");
    CHECK(bench.store.calls("keys.add") == 1);
    const auto after = bench.ok(bench.store.keys().all(bench.by()));
    REQUIRE(after.size() == 1);
    CHECK(after[0].key == before[0].key);
    CHECK(bench.refusal_with(bench.master).empty());
}

TEST_CASE("I5: the sealing keys of another installation are refused under the same master key") {
    Bench here;
    Bench there;
    REQUIRE(there.load(here.master).has_value());
    here.done(here.store.keys().add(there.ok(there.store.keys().all(there.by())).at(0), here.by()));
    CHECK(here.refusal_with(here.master) == "wrong_master_key");
}

TEST_CASE("I5: beside old data no new key ring is made") {
    for (int kind = 0; kind < 3; ++kind) {
        Bench bench;
        if (kind == 0)
            bench.done(bench.store.grants().add_candidate(grant_facts(key_of("cn_1")), bench.by()));
        if (kind == 1) bench.done(bench.store.flows().insert(FlowRow{}, bench.by()));
        if (kind == 2) bench.done(bench.store.api_keys().insert(ApiKeyRow{}, bench.by()));
        CHECK(bench.refusal_with(bench.master) == "key_ring_missing");
        CHECK(bench.kept() == 0);
    }
}

TEST_CASE("every key of the ring is loaded, and the newest seals") {
    Bench bench;
    const auto first = bench.load(bench.master);
    REQUIRE(first.has_value());
    const auto id = bench.ok(bench.store.keys().installation(bench.by())).id;
    const std::string young = "ffffffff";
    SealedKey next;
    next.id = young;
    next.key = bench.master.wrap(
        Binding{"sealing_keys"}.add("sealed").add(id).add(default_tenant).add(young),
        Secret{std::string(32, 'y')}, bench.random);
    bench.done(bench.store.keys().add(next, bench.by()));
    const Sealed old = first->seal(Binding{"x"}, Secret{"v"}, bench.random).value();

    const auto both = bench.load(bench.master);
    REQUIRE(both.has_value());
    CHECK(both->sealing() == young);
    CHECK(both->open(Binding{"x"}, old)->reveal() == "v");
}

TEST_CASE("CP46: a start on a key that is only announced reads it and does not seal with it") {
    Bench bench;
    const auto first = bench.load(bench.master);
    REQUIRE(first.has_value());
    const auto installation = bench.ok(bench.store.keys().installation(bench.by())).id;
    SealedKey next;
    next.id = "00000002";
    next.key = bench.master.wrap(Bindings{installation}.sealing_key(next.id),
                                 Secret{std::string(32, 'y')}, bench.random);
    next.stage = KeyStage::announced;
    bench.done(bench.store.keys().add(next, bench.by()));

    auto both = bench.load(bench.master);
    REQUIRE(both.has_value());
    CHECK(both->sealing() == first->sealing());
    CHECK(both->has("00000002"));
    bench.done(bench.store.keys().put_in_use("00000002", bench.by()));
    CHECK(bench.load(bench.master)->sealing() == "00000002");
}

TEST_CASE("a store that does not take the first key gives no ring") {
    Bench bench;
    bench.store.fail_next("keys.add", MemoryStore::Trouble::lost_after);
    CHECK(bench.refusal_with(bench.master) == "storage_outcome_unknown");
    // The key was stored after all; the next start uses it and makes no second one.
    CHECK(bench.refusal_with(bench.master).empty());
    CHECK(bench.kept() == 1);
}
