#include "vault/resealer.h"

#include "crypto/sealed_format.h"
#include "vault/vault_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct Bench : VaultBench {
    MemoryStore store{clock, random};
    MemoryJournal journal{NodeId{"node"}, clock};
    Vault vault{store, journal, keys, "installation", random, clock};
    NoStops stops;
    Resealer resealer{store.keys(), keys, "installation", random, stops};

    void connect_many(int count) {
        for (int n = 0; n < count; ++n) connect(*this, vault, key_of("cn_" + std::to_string(n)));
    }
    void change_key() {
        REQUIRE(keys.add("ffffffff", Secret{std::string(32, 'n')}).has_value());
        REQUIRE(keys.seal_with("ffffffff").has_value());
    }
    /// All pages of one pass.
    ResealedPage pass() {
        ResealedPage sum;
        for (bool more = true; more; more = !sum.end) {
            const auto page = ok(resealer.page(sum.last, by()));
            sum.found += page.found;
            sum.changed += page.changed;
            sum.last = page.last;
            sum.end = page.end;
        }
        return sum;
    }
    bool all_sealed_with(const std::string& id) const {
        for (const auto& row : store.all_grants())
            for (const auto& token : {row.refresh_token, row.access_token})
                if (token && key_id_of(token->bytes) != id) return false;
        return true;
    }
};

}  // namespace

TEST_CASE("sealing anew changes the seals of every grant and nothing else") {
    Bench bench;
    bench.connect_many(250);
    const auto before = bench.store.all_grants();
    bench.change_key();
    const auto pass = bench.pass();
    CHECK(pass.found == 250);
    CHECK(pass.changed == 250);
    CHECK(bench.all_sealed_with("ffffffff"));
    const auto after = bench.store.all_grants();
    REQUIRE(after.size() == before.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
        CHECK(after[i].generation == before[i].generation);
        CHECK(after[i].grant_generation == before[i].grant_generation);
        CHECK(after[i].state == before[i].state);
    }
    const auto grant = bench.ok(bench.vault.open(ConnectionId{"cn_7"}, bench.by()));
    CHECK(grant.access_token.reveal() == "access-cn_7-1");
    CHECK(grant.refresh_token->reveal() == "refresh-cn_7-1");
    CHECK(bench.pass().found == 0);
}

TEST_CASE("a claim that was made before is settled on a grant that was sealed anew in between") {
    Bench bench;
    bench.connect_many(1);
    auto seen = bench.ok(bench.vault.open(ConnectionId{"cn_0"}, bench.by()));
    auto claim = bench.ok(bench.vault.claim(seen, bench.by()));
    bench.change_key();
    CHECK(bench.pass().changed == 1);
    const auto kept =
        bench.ok(bench.vault.keep(claim, tokens("access-2", "refresh-2"), bench.by()));
    CHECK(kept.refresh_token->reveal() == "refresh-2");
    CHECK(kept.row.state == State::active);
    CHECK(bench.all_sealed_with("ffffffff"));
}

TEST_CASE("what does not open is passed over and left as it is") {
    Bench bench;
    bench.connect_many(3);
    auto damaged = bench.store.all_grants().at(1);
    damaged.refresh_token->bytes.back() ^= 1;
    bench.store.overwrite(damaged);
    bench.change_key();
    const auto pass = bench.pass();
    CHECK(pass.found == 3);
    CHECK(pass.changed == 2);
    CHECK(bench.store.all_grants().at(1).refresh_token == damaged.refresh_token);
}

TEST_CASE("a store that goes away in the middle of a pass leaves the rest to the next") {
    Bench bench;
    bench.connect_many(2);
    bench.change_key();
    bench.store.fail_next("keys.replace_seals", MemoryStore::Trouble::unavailable);
    CHECK(bench.refusal(bench.resealer.page(GrantKey{}, bench.by())) == "storage_unavailable");
    CHECK(bench.pass().changed == 2);
    CHECK(bench.all_sealed_with("ffffffff"));
}
