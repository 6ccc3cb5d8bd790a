#include <map>

#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

using Kind = Settlement::Kind;

constexpr State all_states[] = {State::active,          State::in_flight, State::uncertain,
                                State::reauth_required, State::revoking,  State::revoked};

/// How an attempt's outcome meets the row.
enum class Meets {
    own,          ///< the row shows this attempt, nothing has happened since
    other,        ///< the row shows another attempt
    new_history,  ///< the store has another timeline now
    unconfirmed,  ///< the row shows this attempt; the answer was salvaged or recovered
};

/// A row of this state that shows attempt "a1", or "a2" for Meets::other.
template <class Bench>
GrantRow row_in(Bench& bench, State state, Meets meets) {
    connect(bench, "cn_1");
    auto row = claimed(bench, "cn_1", meets == Meets::other ? "a2" : "a1");
    if (state != State::in_flight) row = moved(bench, row, state);
    if (meets == Meets::new_history) bench.new_timeline();
    return row;
}

template <class Bench>
Result<GrantRow> settle(Bench& bench, const GrantRow& row, Kind kind, Meets meets) {
    auto outcome = settlement(row, kind);
    outcome.attempt = AttemptId{"a1"};
    outcome.confirmed = meets != Meets::unconfirmed;
    return bench.get(bench.store.grants().settle(outcome, bench.by()));
}

}  // namespace

TEST_CASE_TEMPLATE("a rotated token is stored whatever the state, and ACTIVE only if undisturbed",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    for (const auto meets : {Meets::own, Meets::other, Meets::new_history, Meets::unconfirmed})
        for (const auto state : all_states) {
            CAPTURE(name(state));
            Bench bench;
            const auto row = row_in(bench, state, meets);
            const auto after = settle(bench, row, Kind::rotated, meets);
            REQUIRE(after.has_value());
            CHECK(after->refresh_token == Sealed{"next refresh"});
            CHECK(after->access_token == Sealed{"next access"});
            CHECK(after->grant_generation == row.grant_generation.next());
            CHECK(after->generation == row.generation.next());
            CHECK(after->rotation_seen);
            CHECK(after->timeline == row.timeline);

            State expected = State::uncertain;
            if (state == State::in_flight && meets == Meets::own) expected = State::active;
            if (state == State::revoking || state == State::revoked) expected = State::revoking;
            CHECK(after->state == expected);
        }
}

TEST_CASE_TEMPLATE("an access token alone is stored, and ends the wait if undisturbed", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    for (const auto meets : {Meets::own, Meets::other, Meets::new_history, Meets::unconfirmed})
        for (const auto state : all_states) {
            CAPTURE(name(state));
            Bench bench;
            const auto row = row_in(bench, state, meets);
            const auto after = settle(bench, row, Kind::access_only, meets);
            REQUIRE(after.has_value());
            CHECK(after->access_token == Sealed{"next access"});
            CHECK(after->refresh_token == row.refresh_token);
            CHECK(after->grant_generation == row.grant_generation);
            CHECK(after->generation == row.generation.next());
            CHECK_FALSE(after->rotation_seen);

            const bool waited = state == State::in_flight || state == State::uncertain;
            CHECK(after->state == (waited && meets == Meets::own ? State::active : state));
        }
}

TEST_CASE_TEMPLATE("an outcome without tokens changes only the row of its own attempt", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    // What becomes of the row's state; absent: settle_conflict.
    const std::map<std::pair<Kind, State>, State> own{
        {{Kind::not_consumed, State::in_flight}, State::active},
        {{Kind::not_consumed, State::active}, State::active},  // stored before
        {{Kind::unknown, State::in_flight}, State::uncertain},
        {{Kind::unknown, State::uncertain}, State::uncertain},  // stored before
        {{Kind::dead, State::in_flight}, State::reauth_required},
        {{Kind::dead, State::uncertain}, State::reauth_required},
        {{Kind::dead, State::reauth_required}, State::reauth_required},  // stored before
    };
    for (const auto kind : {Kind::not_consumed, Kind::unknown, Kind::dead})
        for (const auto meets : {Meets::own, Meets::other})
            for (const auto state : all_states) {
                CAPTURE(static_cast<int>(kind));
                CAPTURE(name(state));
                Bench bench;
                const auto row = row_in(bench, state, meets);
                const auto after = settle(bench, row, kind, meets);
                const auto expected = own.find({kind, state});
                if (meets == Meets::other || expected == own.end()) {
                    REQUIRE_FALSE(after.has_value());
                    CHECK(after.error().code == "settle_conflict");
                    continue;
                }
                REQUIRE(after.has_value());
                CHECK(after->state == expected->second);
                CHECK(after->refresh_token == row.refresh_token);
                CHECK(after->generation == row.generation);
                CHECK(after->grant_generation == row.grant_generation);
            }
}

TEST_CASE_TEMPLATE("the reason of an outcome is stored, and goes with a good one", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    auto row = claimed(bench, "cn_1", "a1");
    auto outcome = settlement(row, Kind::not_consumed);
    outcome.reason = "invalid_client";
    row = bench.ok(bench.store.grants().settle(outcome, bench.by()));
    CHECK(row.reason == "invalid_client");

    row = claimed(bench, "cn_1", "a2");
    row = bench.ok(bench.store.grants().settle(settlement(row, Kind::rotated), bench.by()));
    CHECK(row.state == State::active);
    CHECK(row.reason.empty());
}

TEST_CASE_TEMPLATE("a settlement that is repeated finds itself stored", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    for (const auto kind :
         {Kind::rotated, Kind::access_only, Kind::not_consumed, Kind::unknown, Kind::dead}) {
        CAPTURE(static_cast<int>(kind));
        Bench bench;
        connect(bench, "cn_1");
        const auto row = claimed(bench, "cn_1", "a1");
        const auto outcome = settlement(row, kind);
        const auto once = bench.ok(bench.store.grants().settle(outcome, bench.by()));
        const auto twice = bench.ok(bench.store.grants().settle(outcome, bench.by()));
        CHECK(twice.state == once.state);
        CHECK(twice.generation == once.generation);
        CHECK(twice.grant_generation == once.grant_generation);
    }
}

TEST_CASE_TEMPLATE("an answer of a generation that is past fits no row", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    const auto first = claimed(bench, "cn_1", "a1");
    bench.ok(bench.store.grants().settle(settlement(first, Kind::rotated), bench.by()));
    for (const auto kind :
         {Kind::rotated, Kind::access_only, Kind::not_consumed, Kind::unknown, Kind::dead}) {
        auto late = settlement(first, kind);
        late.access_token = Sealed{"other access"};
        late.refresh_token = Sealed{"other refresh"};
        CHECK(bench.refusal(bench.store.grants().settle(late, bench.by())) ==
              "conflict settle_conflict");
        late.confirmed = false;
        CHECK(bench.refusal(bench.store.grants().settle(late, bench.by())) ==
              "conflict settle_conflict");
    }
    auto elsewhere = settlement(first, Kind::rotated);
    elsewhere.key = key_of("cn_1", 2);
    CHECK(bench.refusal(bench.store.grants().settle(elsewhere, bench.by())) ==
          "conflict settle_conflict");
}

TEST_CASE_TEMPLATE("tokens sealed for an access generation that is past must be sealed anew", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    const auto row = claimed(bench, "cn_1", "a1");
    bench.ok(bench.store.grants().settle(settlement(row, Kind::access_only), bench.by()));
    auto rotated = settlement(row, Kind::rotated);
    rotated.access_token = Sealed{"another access"};
    CHECK(bench.refusal(bench.store.grants().settle(rotated, bench.by())) ==
          "conflict settle_conflict");
    rotated.generation = row.generation.next();
    const auto after = bench.ok(bench.store.grants().settle(rotated, bench.by()));
    CHECK(after.generation == Generation{3});
    CHECK(after.grant_generation == GrantGeneration{2});
}

TEST_CASE_TEMPLATE("a salvaged refresh token without an access token leaves the generation alone",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    const auto row = claimed(bench, "cn_1", "a1");
    auto salvaged = settlement(row, Kind::rotated);
    salvaged.access_token.reset();
    salvaged.confirmed = false;
    const auto after = bench.ok(bench.store.grants().settle(salvaged, bench.by()));
    CHECK(after.state == State::uncertain);
    CHECK(after.grant_generation == row.grant_generation.next());
    CHECK(after.generation == row.generation);
    CHECK(after.access_token == row.access_token);
    CHECK(after.refresh_token == Sealed{"next refresh"});
}

TEST_CASE_TEMPLATE("a recovered answer brings a row forward that was put back to earlier", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    const auto row = connect(bench, "cn_1");
    auto recovered = settlement(row, Kind::rotated);
    recovered.grant_generation = GrantGeneration{7};
    recovered.generation = Generation{9};
    recovered.attempt = AttemptId{"long ago"};
    CHECK(bench.refusal(bench.store.grants().settle(recovered, bench.by())) ==
          "conflict settle_conflict");
    recovered.confirmed = false;
    const auto after = bench.ok(bench.store.grants().settle(recovered, bench.by()));
    CHECK(after.state == State::uncertain);
    CHECK(after.grant_generation == GrantGeneration{8});
    CHECK(after.generation == Generation{10});
}

TEST_CASE_TEMPLATE("a settlement can quarantine and cannot release", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    auto outcome = settlement(claimed(bench, "cn_1", "a1"), Kind::rotated);
    outcome.quarantine = "host_rejected";
    auto row = bench.ok(bench.store.grants().settle(outcome, bench.by()));
    CHECK(row.quarantine == "host_rejected");
    CHECK(row.refresh_token == Sealed{"next refresh"});

    outcome = settlement(claimed(bench, "cn_1", "a2"), Kind::rotated);
    row = bench.ok(bench.store.grants().settle(outcome, bench.by()));
    CHECK(row.quarantine == "host_rejected");
}

TEST_CASE_TEMPLATE("host, scopes and times of an answer are kept, absent ones left as they were",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    auto outcome = settlement(claimed(bench, "cn_1", "a1"), Kind::rotated);
    outcome.instance_url = "https://other.my.salesforce.com";
    outcome.scopes = {"api"};
    auto row = bench.ok(bench.store.grants().settle(outcome, bench.by()));
    CHECK(row.instance_url == "https://other.my.salesforce.com");
    CHECK(row.scopes == std::vector<std::string>{"api"});
    CHECK(row.access_received_at == outcome.received_at);
    CHECK_FALSE(row.access_expires_at.has_value());

    const auto shown = bench.ok(bench.store.connections().find(ConnectionId{"cn_1"}, bench.by()));
    CHECK(shown.refreshed_at == outcome.received_at);
    CHECK(shown.instance_url == "https://other.my.salesforce.com");
    CHECK(shown.generation == Generation{2});

    outcome = settlement(claimed(bench, "cn_1", "a2"), Kind::access_only);
    row = bench.ok(bench.store.grants().settle(outcome, bench.by()));
    CHECK(row.instance_url == "https://other.my.salesforce.com");
    CHECK(row.scopes == std::vector<std::string>{"api"});
}

TEST_CASE_TEMPLATE(
    "an answer of a consent that a restore forgot does not fit the next one of its epoch", Bench,
    MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    const auto before = bench.ok(bench.store.grants().timeline(bench.by()));
    bench.new_timeline();
    connect(bench, "cn_1");
    const auto row = claimed(bench, "cn_1", "a2");
    for (const auto kind : {Kind::rotated, Kind::access_only})
        for (const bool confirmed : {true, false}) {
            auto outcome = settlement(row, kind);
            outcome.attempt = AttemptId{"a1"};
            outcome.claimed_on = before;
            outcome.confirmed = confirmed;
            CHECK(bench.refusal(bench.store.grants().settle(outcome, bench.by())) ==
                  "conflict settle_conflict");
        }
    auto own = settlement(row, Kind::rotated);
    own.attempt = AttemptId{"a2"};
    own.claimed_on = row.timeline;
    CHECK(bench.ok(bench.store.grants().settle(own, bench.by())).state == State::active);
}
