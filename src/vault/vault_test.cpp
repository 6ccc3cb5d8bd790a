#include "vault/vault.h"

#include "vault/vault_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct Bench : VaultBench {
    MemoryStore store{clock, random};
    MemoryJournal journal{NodeId{"node"}, clock};
    Vault vault{store, journal, keys, "installation", random, clock};

    Grant connect(const std::string& name) { return test::connect(*this, vault, key_of(name)); }
    Grant open(const std::string& name) { return ok(vault.open(ConnectionId{name}, by())); }
    Claim claim(const std::string& name) { return ok(vault.claim(open(name), by())); }
};

}  // namespace

TEST_CASE("what is kept comes back readable, and the store never saw it so") {
    Bench bench;
    const Grant grant = bench.connect("cn_1");
    CHECK(grant.access_token.reveal() == "access-cn_1-1");
    REQUIRE(grant.refresh_token.has_value());
    CHECK(grant.refresh_token->reveal() == "refresh-cn_1-1");
    const auto row = bench.store.all_grants().at(0);
    CHECK(row.refresh_token->bytes.find("refresh") == std::string::npos);
    CHECK(row.access_token->bytes.find("access") == std::string::npos);
}

TEST_CASE("a grant without a refresh token opens without one") {
    Bench bench;
    bench.done(bench.vault.keep_candidate(grant_facts(key_of("cn_1")), tokens("a"), bench.by()));
    const auto grant = bench.ok(bench.vault.open(key_of("cn_1"), bench.by()));
    CHECK_FALSE(grant.refresh_token.has_value());
    CHECK(grant.access_token.reveal() == "a");
}

TEST_CASE("each claim has an attempt id of its own and shows the grant as claimed") {
    Bench bench;
    const Grant seen = bench.connect("cn_1");
    const Claim claim = bench.ok(bench.vault.claim(seen, bench.by()));
    CHECK(claim.grant.row.state == State::in_flight);
    CHECK(claim.grant.row.attempt.text.size() == 32);
    CHECK(claim.grant.refresh_token->reveal() == "refresh-cn_1-1");
    CHECK(bench.refusal(bench.vault.claim(seen, bench.by())) == "claim_conflict");

    bench.ok(bench.vault.settle(claim, Settlement::Kind::not_consumed, "", bench.by()));
    CHECK(bench.claim("cn_1").grant.row.attempt != claim.grant.row.attempt);
}

TEST_CASE("a claim whose outcome is unknown is handed through, so that nothing is sent") {
    Bench bench;
    const Grant seen = bench.connect("cn_1");
    bench.store.fail_next("grants.claim", MemoryStore::Trouble::lost_after);
    CHECK(bench.refusal(bench.vault.claim(seen, bench.by())) == "storage_outcome_unknown");
    CHECK(bench.open("cn_1").row.state == State::in_flight);
}

TEST_CASE("a row that is damaged between the look and the claim is given back unspent") {
    Bench bench;
    const Grant seen = bench.connect("cn_1");
    auto damaged = seen.row;
    damaged.refresh_token->bytes.back() ^= 1;
    bench.store.overwrite(damaged);
    CHECK(bench.refusal(bench.vault.claim(seen, bench.by())) == "corrupt");
    CHECK(bench.store.all_grants().at(0).state == State::active);
}

TEST_CASE("a rotated answer is kept as the next generation of both tokens") {
    Bench bench;
    bench.connect("cn_1");
    const Claim claim = bench.claim("cn_1");
    auto fresh = tokens("access-2", "refresh-2");
    fresh.instance_url = "https://moved.my.salesforce.com";
    const Grant kept = bench.ok(bench.vault.keep(claim, fresh, bench.by()));
    CHECK(kept.row.state == State::active);
    CHECK(kept.row.generation == Generation{2});
    CHECK(kept.row.grant_generation == GrantGeneration{2});
    CHECK(kept.row.instance_url == "https://moved.my.salesforce.com");
    const Grant grant = bench.open("cn_1");
    CHECK(grant.access_token.reveal() == "access-2");
    CHECK(grant.refresh_token->reveal() == "refresh-2");
}

TEST_CASE("an answer without a refresh token, or with the same one, consumes nothing") {
    for (const char* resent : {"", "refresh-cn_1-1"}) {
        Bench bench;
        bench.connect("cn_1");
        const Claim claim = bench.claim("cn_1");
        const Grant kept =
            bench.ok(bench.vault.keep(claim, tokens("access-2", resent), bench.by()));
        CHECK(kept.row.state == State::active);
        CHECK(kept.row.generation == Generation{2});
        CHECK(kept.row.grant_generation == GrantGeneration{1});
        CHECK(kept.refresh_token->reveal() == "refresh-cn_1-1");
        CHECK(kept.access_token.reveal() == "access-2");
        CHECK_FALSE(kept.row.rotation_seen);
    }
}

TEST_CASE("an answer that was kept while the outcome was unknown is found when kept again") {
    for (const char* refresh : {"refresh-2", ""})
        for (const auto trouble :
             {MemoryStore::Trouble::lost_after, MemoryStore::Trouble::lost_before}) {
            Bench bench;
            bench.connect("cn_1");
            const Claim claim = bench.claim("cn_1");
            const auto fresh = tokens("access-2", refresh);
            bench.store.fail_next("grants.settle", trouble);
            CHECK(bench.refusal(bench.vault.keep(claim, fresh, bench.by())) ==
                  "storage_outcome_unknown");
            const Grant kept = bench.ok(bench.vault.keep(claim, fresh, bench.by()));
            CHECK(kept.row.generation == Generation{2});
            CHECK(bench.open("cn_1").access_token.reveal() == "access-2");
        }
}

TEST_CASE("a late answer is sealed anew when only the access token has moved on") {
    Bench bench;
    bench.connect("cn_1");
    const Claim claim = bench.claim("cn_1");
    // Somebody stores an access token for the same refresh token in between.
    bench.ok(bench.vault.keep(claim, tokens("between"), bench.by()));
    const Grant kept = bench.ok(bench.vault.keep(claim, tokens("late", "refresh-2"), bench.by()));
    CHECK(kept.row.generation == Generation{3});
    CHECK(kept.row.grant_generation == GrantGeneration{2});
    const Grant grant = bench.open("cn_1");
    CHECK(grant.access_token.reveal() == "late");
    CHECK(grant.refresh_token->reveal() == "refresh-2");
}

TEST_CASE("an answer for a refresh token that has moved on is refused") {
    Bench bench;
    bench.connect("cn_1");
    const Claim claim = bench.claim("cn_1");
    bench.ok(bench.vault.keep(claim, tokens("access-2", "refresh-2"), bench.by()));
    CHECK(bench.refusal(bench.vault.keep(claim, tokens("other", "other"), bench.by())) ==
          "settle_conflict");
    CHECK(bench.refusal(bench.vault.keep(claim, tokens("other"), bench.by())) == "settle_conflict");
    CHECK(bench.open("cn_1").refresh_token->reveal() == "refresh-2");
}

TEST_CASE("a salvaged refresh token alone is kept, unconfirmed, beside the old access token") {
    Bench bench;
    bench.connect("cn_1");
    const Claim claim = bench.claim("cn_1");
    auto salvaged = tokens("", "refresh-2");
    salvaged.confirmed = false;
    bench.ok(bench.vault.keep(claim, salvaged, bench.by()));
    const Grant grant = bench.open("cn_1");
    CHECK(grant.row.state == State::uncertain);
    CHECK(grant.row.generation == Generation{1});
    CHECK(grant.refresh_token->reveal() == "refresh-2");
    CHECK(grant.access_token.reveal() == "access-cn_1-1");
}

TEST_CASE("the outcomes without tokens settle the row of the claim") {
    using Kind = Settlement::Kind;
    const std::pair<Kind, State> outcomes[] = {{Kind::not_consumed, State::active},
                                               {Kind::unknown, State::uncertain},
                                               {Kind::dead, State::reauth_required}};
    for (const auto& [kind, state] : outcomes) {
        Bench bench;
        bench.connect("cn_1");
        const Claim claim = bench.claim("cn_1");
        const auto row = bench.ok(bench.vault.settle(claim, kind, "why", bench.by()));
        CHECK(row.state == state);
        CHECK(row.reason == "why");
        CHECK(bench.open("cn_1").refresh_token->reveal() == "refresh-cn_1-1");
    }
}

TEST_CASE("a noted answer comes back as it was noted, with whom it was for") {
    Bench bench;
    bench.connect("cn_1");
    const Claim claim = bench.claim("cn_1");
    const auto first = bench.ok(bench.vault.note(claim, Secret{"answer"}, bench.by()));
    bench.ok(bench.vault.note_exchange(key_of("cn_2"), FlowId{"cs_1"}, Secret{"code answer"},
                                       bench.by()));
    const auto noted = bench.ok(bench.vault.noted(0, 10, bench.by()));
    REQUIRE(noted.size() == 2);
    CHECK(noted[0].record.number == first);
    CHECK(noted[0].record.key == claim.grant.row.key);
    CHECK(noted[0].record.attempt == claim.grant.row.attempt);
    CHECK(noted[0].record.grant_generation == GrantGeneration{1});
    CHECK(noted[0].packed.reveal() == "answer");
    CHECK(noted[1].record.flow == FlowId{"cs_1"});
    CHECK(noted[1].record.grant_generation == GrantGeneration{0});
    CHECK(noted[1].packed.reveal() == "code answer");
}

TEST_CASE("I4: a row set back to its older copy is seen to lie behind the journal") {
    Bench bench;
    const Grant before = bench.connect("cn_1");
    Claim claim = bench.claim("cn_1");
    bench.ok(bench.vault.note(claim, Secret{"second"}, bench.by()));
    bench.ok(bench.vault.keep(claim, tokens("access-2", "refresh-2"), bench.by()));
    claim = bench.claim("cn_1");
    bench.ok(bench.vault.note(claim, Secret{"third"}, bench.by()));
    bench.ok(bench.vault.keep(claim, tokens("access-3", "refresh-3"), bench.by()));

    // The copy is whole and opens: only what was noted since tells that it is old.
    bench.store.overwrite(before.row);
    const Grant old = bench.open("cn_1");
    CHECK(old.refresh_token->reveal() == "refresh-cn_1-1");
    const auto noted = bench.ok(bench.vault.noted(0, 10, bench.by()));
    REQUIRE(noted.size() == 2);
    CHECK(noted[1].record.grant_generation.next() > old.row.grant_generation);

    const auto row =
        bench.ok(bench.vault.apply_noted(noted[1], tokens("access-3", "refresh-3"), bench.by()));
    CHECK(row.state == State::uncertain);
    CHECK(row.grant_generation == GrantGeneration{3});
    CHECK(bench.refusal(bench.vault.claim(old, bench.by())) == "claim_conflict");
    const Grant recovered = bench.open("cn_1");
    CHECK(recovered.refresh_token->reveal() == "refresh-3");
    CHECK(recovered.access_token.reveal() == "access-3");
    // The older record no longer fits.
    CHECK(bench.refusal(bench.vault.apply_noted(noted[0], tokens("access-2", "refresh-2"),
                                                bench.by())) == "settle_conflict");
}

TEST_CASE("a noted answer that the row has is not applied again") {
    for (const char* refresh : {"refresh-2", "refresh-cn_1-1", ""}) {
        Bench bench;
        bench.connect("cn_1");
        const Claim claim = bench.claim("cn_1");
        bench.ok(bench.vault.note(claim, Secret{"answer"}, bench.by()));
        bench.ok(bench.vault.keep(claim, tokens("access-2", refresh), bench.by()));
        const auto noted = bench.ok(bench.vault.noted(0, 10, bench.by()));
        CHECK(bench.refusal(bench.vault.apply_noted(noted.at(0), tokens("access-2", refresh),
                                                    bench.by())) == "settle_conflict");
        CHECK(bench.open("cn_1").row.state == State::active);
    }
}

TEST_CASE("a noted answer that was never kept is applied unconfirmed") {
    Bench bench;
    bench.connect("cn_1");
    const Claim claim = bench.claim("cn_1");
    bench.ok(bench.vault.note(claim, Secret{"answer"}, bench.by()));
    const auto noted = bench.ok(bench.vault.noted(0, 10, bench.by()));
    const auto row =
        bench.ok(bench.vault.apply_noted(noted.at(0), tokens("access-2", "refresh-2"), bench.by()));
    CHECK(row.state == State::uncertain);
    CHECK(bench.open("cn_1").refresh_token->reveal() == "refresh-2");
}

TEST_CASE("a reconnect gets the next generation, sealed for it") {
    Bench bench;
    bench.connect("cn_1");
    const Claim claim = bench.claim("cn_1");
    bench.ok(bench.vault.keep(claim, tokens("access-2", "refresh-2"), bench.by()));
    const Grant again = connect(bench, bench.vault, key_of("cn_1", 2));
    CHECK(again.row.generation == Generation{3});
    CHECK(again.row.grant_generation == GrantGeneration{1});
    CHECK(again.access_token.reveal() == "access-cn_1-2");
    // The grant it replaced still opens, to be revoked.
    const Grant former = bench.ok(bench.vault.open(key_of("cn_1", 1), bench.by()));
    CHECK(former.row.state == State::revoking);
    CHECK(former.refresh_token->reveal() == "refresh-2");
}

TEST_CASE("a promotion whose outcome was not known is found done when repeated") {
    for (const auto trouble :
         {MemoryStore::Trouble::lost_after, MemoryStore::Trouble::lost_before}) {
        Bench bench;
        const auto key = key_of("cn_1");
        bench.done(bench.vault.keep_candidate(grant_facts(key), tokens("a", "r"), bench.by()));
        bench.store.fail_next("grants.promote", trouble);
        CHECK(bench.refusal(bench.vault.promote(key, plain_facts(key), bench.by())) ==
              "storage_outcome_unknown");
        const auto shown = bench.ok(bench.vault.promote(key, plain_facts(key), bench.by()));
        CHECK(shown.generation == Generation{1});
        CHECK(bench.open("cn_1").access_token.reveal() == "a");
    }
}

TEST_CASE("a candidate that a later consent has overtaken is superseded") {
    Bench bench;
    bench.connect("cn_1");
    const auto early = key_of("cn_1", 2);
    bench.done(bench.vault.keep_candidate(grant_facts(early), tokens("a", "r"), bench.by()));
    connect(bench, bench.vault, key_of("cn_1", 3));
    CHECK(bench.refusal(bench.vault.promote(early, plain_facts(early), bench.by())) ==
          "superseded");
    CHECK(bench.open("cn_1").row.key.epoch == Epoch{3});
}

TEST_CASE("what a flow keeps opens for that flow and column only") {
    Bench bench;
    const FlowId flow{"cs_1"};
    const auto sealed = bench.vault.seal_for_flow(flow, "verifier", Secret{"v"}).value();
    CHECK(bench.vault.open_for_flow(flow, "verifier", sealed)->reveal() == "v");
    CHECK(bench.vault.open_for_flow(flow, "callback", sealed).error().code == "corrupt");
    CHECK(bench.vault.open_for_flow(FlowId{"cs_2"}, "verifier", sealed).error().code == "corrupt");
}

TEST_CASE("a store that is away is reported as it says") {
    Bench bench;
    bench.connect("cn_1");
    bench.store.fail_next("grants.find", MemoryStore::Trouble::unavailable);
    const auto result = bench.get(bench.vault.open(ConnectionId{"cn_1"}, bench.by()));
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().fault == Fault::try_later);
    CHECK(bench.refusal(bench.vault.open(ConnectionId{"cn_2"}, bench.by())) ==
          "connection_not_found");
}
