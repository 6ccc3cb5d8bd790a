#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

TEST_CASE_TEMPLATE("a grant comes back as it was stored, on the present timeline", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto given = candidate("cn_1");
    given.rotation_seen = true;
    given.attempt = AttemptId{"earlier"};
    given.attempt_node = NodeId{"other node"};
    given.reason = "why";
    given.timeline = Timeline{"made up"};
    bench.done(bench.store.grants().add_candidate(given, bench.by()));

    const auto row = bench.ok(bench.store.grants().find(key_of("cn_1", 1), bench.by()));
    CHECK(row.key == given.key);
    CHECK(row.role == Role::candidate);
    CHECK(row.state == State::active);
    CHECK(row.timeline == bench.ok(bench.store.grants().timeline(bench.by())));
    CHECK(row.refresh_token == given.refresh_token);
    CHECK(row.access_token == given.access_token);
    CHECK(row.provider == given.provider);
    CHECK(row.login_url == given.login_url);
    CHECK(row.instance_url == given.instance_url);
    CHECK(row.org_id == given.org_id);
    CHECK(row.user_id == given.user_id);
    CHECK(row.scopes == given.scopes);
    CHECK(row.access_received_at == given.access_received_at);
    CHECK(row.access_expires_at == given.access_expires_at);
    CHECK(row.rotation_seen);
    CHECK(row.attempt == given.attempt);
    CHECK(row.attempt_node == given.attempt_node);
    CHECK(row.reason == "why");
    CHECK(row.grant_generation == GrantGeneration{1});
    CHECK(row.generation == Generation{1});
}

TEST_CASE_TEMPLATE("what a grant does not have stays absent", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    auto given = candidate("cn_1");
    given.refresh_token.reset();
    given.access_token.reset();
    given.access_expires_at.reset();
    given.scopes.clear();
    bench.done(bench.store.grants().add_candidate(given, bench.by()));
    const auto row = bench.ok(bench.store.grants().find(key_of("cn_1", 1), bench.by()));
    CHECK_FALSE(row.refresh_token.has_value());
    CHECK_FALSE(row.access_token.has_value());
    CHECK_FALSE(row.access_expires_at.has_value());
    CHECK(row.scopes.empty());
}

TEST_CASE_TEMPLATE("a candidate is not a connection yet", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    bench.done(bench.store.grants().add_candidate(candidate("cn_1"), bench.by()));
    CHECK(bench.refusal(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by())) ==
          "not_found connection_not_found");
    CHECK(bench.refusal(bench.store.grants().find(key_of("cn_1", 2), bench.by())) ==
          "not_found grant_not_found");
    CHECK(bench.refusal(bench.store.connections().find(ConnectionId{"cn_1"}, bench.by())) ==
          "not_found connection_not_found");
    CHECK(bench.refusal(bench.store.grants().claim(key_of("cn_1", 1), GrantGeneration{1},
                                                   AttemptId{"a"}, NodeId{"n"}, bench.by())) ==
          "conflict claim_conflict");
}

TEST_CASE_TEMPLATE("the first epoch is 1 and each next one is higher", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    CHECK(bench.ok(grants.last_epoch(ConnectionId{"cn_1"}, bench.by())) == Epoch{0});
    CHECK(bench.refusal(grants.add_candidate(candidate("cn_1", 2), bench.by())) ==
          "conflict epoch_conflict");
    bench.done(grants.add_candidate(candidate("cn_1", 1), bench.by()));
    CHECK(bench.refusal(grants.add_candidate(candidate("cn_1", 1), bench.by())) ==
          "conflict epoch_conflict");
    bench.done(grants.add_candidate(candidate("cn_1", 3), bench.by()));
    CHECK(bench.refusal(grants.add_candidate(candidate("cn_1", 2), bench.by())) ==
          "conflict epoch_conflict");
    CHECK(bench.ok(grants.last_epoch(ConnectionId{"cn_1"}, bench.by())) == Epoch{3});
    CHECK(bench.ok(grants.last_epoch(ConnectionId{"cn_2"}, bench.by())) == Epoch{0});
}

TEST_CASE_TEMPLATE("of two claims of one generation one wins", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    const auto row = connect(bench, "cn_1");
    std::vector<Result<GrantRow>> answers;
    for (const char* attempt : {"first", "second"}) {
        auto call = bench.store.grants().claim(row.key, row.grant_generation, AttemptId{attempt},
                                               NodeId{"node"}, bench.by());
        boost::asio::co_spawn(bench.loop, std::move(call),
                              [&](std::exception_ptr, Result<GrantRow> answer) {
                                  answers.push_back(std::move(answer));
                              });
    }
    bench.loop.restart();
    bench.loop.run();
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].has_value() != answers[1].has_value());
    const auto& loser = answers[0].has_value() ? answers[1] : answers[0];
    CHECK(loser.error().code == "claim_conflict");

    const auto stored = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    const auto& winner = answers[0].has_value() ? answers[0] : answers[1];
    CHECK(stored.state == State::in_flight);
    CHECK(stored.attempt == winner->attempt);
    CHECK(stored.attempt_node == NodeId{"node"});
}

TEST_CASE_TEMPLATE("a claim needs the generation, epoch, state and timeline that were read", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    const auto row = connect(bench, "cn_1");
    const auto claim = [&](GrantKey key, std::int64_t seen) {
        return bench.refusal(bench.store.grants().claim(std::move(key), GrantGeneration{seen},
                                                        AttemptId{"a"}, NodeId{"n"}, bench.by()));
    };
    CHECK(claim(row.key, 2) == "conflict claim_conflict");
    CHECK(claim(key_of("cn_1", 2), 1) == "conflict claim_conflict");
    CHECK(claim(key_of("cn_2", 1), 1) == "conflict claim_conflict");
    bench.new_timeline();
    CHECK(claim(row.key, 1) == "conflict claim_conflict");
    const auto found = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    CHECK(found.state == State::active);
    CHECK(found.attempt.empty());
}

TEST_CASE_TEMPLATE("a row that is not ACTIVE cannot be claimed", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    for (const auto state : {State::in_flight, State::uncertain, State::reauth_required,
                             State::revoking, State::revoked}) {
        Bench bench;
        auto row = connect(bench, "cn_1");
        moved(bench, row, state);
        CHECK(bench.refusal(bench.store.grants().claim(row.key, row.grant_generation,
                                                       AttemptId{"a"}, NodeId{"n"}, bench.by())) ==
              "conflict claim_conflict");
    }
}

TEST_CASE_TEMPLATE("a move needs all that was read and writes the reason", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    const auto row = claimed(bench, "cn_1", "a1");
    Move right;
    right.key = row.key;
    right.grant_generation = row.grant_generation;
    right.from = State::in_flight;
    right.attempt = row.attempt;
    right.to = State::uncertain;
    right.reason = "owner_silent";

    auto wrong_attempt = right;
    wrong_attempt.attempt = AttemptId{"a2"};
    auto wrong_state = right;
    wrong_state.from = State::active;
    auto wrong_generation = right;
    wrong_generation.grant_generation = GrantGeneration{2};
    auto wrong_epoch = right;
    wrong_epoch.key = key_of("cn_1", 2);
    for (const auto& wrong : {wrong_attempt, wrong_state, wrong_generation, wrong_epoch})
        CHECK(bench.refusal(bench.store.grants().move(wrong, bench.by())) ==
              "conflict move_conflict");

    const auto after = bench.ok(bench.store.grants().move(right, bench.by()));
    CHECK(after.state == State::uncertain);
    CHECK(after.reason == "owner_silent");
    CHECK(after.attempt == row.attempt);
    CHECK(bench.refusal(bench.store.grants().move(right, bench.by())) == "conflict move_conflict");
}

TEST_CASE_TEMPLATE("only a resolution puts a row on the present timeline", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    const auto before = connect(bench, "cn_1");
    bench.new_timeline();
    const auto now = bench.ok(bench.store.grants().timeline(bench.by()));
    REQUIRE(now != before.timeline);

    auto row = moved(bench, before, State::uncertain);
    CHECK(row.timeline == before.timeline);

    Move resolution;
    resolution.key = row.key;
    resolution.grant_generation = row.grant_generation;
    resolution.from = State::uncertain;
    resolution.to = State::active;
    // Asked on the former history: what was said then may not be true of this row.
    resolution.confirmed_on = before.timeline;
    CHECK(bench.refusal(bench.store.grants().move(resolution, bench.by())) ==
          "conflict move_conflict");
    resolution.confirmed_on = now;
    row = bench.ok(bench.store.grants().move(resolution, bench.by()));
    CHECK(row.timeline == now);
    CHECK(bench
              .ok(bench.store.grants().claim(row.key, row.grant_generation, AttemptId{"a"},
                                             NodeId{"n"}, bench.by()))
              .state == State::in_flight);
}

TEST_CASE_TEMPLATE("a quarantine is set and cleared, and shown until the end", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    const ConnectionId who{"cn_1"};
    CHECK(bench.ok(bench.store.grants().quarantine(who, "operator", bench.by())).quarantine ==
          "operator");
    auto shown = bench.ok(bench.store.connections().find(who, bench.by()));
    CHECK(shown.standing == Standing::quarantined);
    CHECK(shown.reason == "operator");
    CHECK(bench.ok(bench.store.grants().quarantine(who, "", bench.by())).quarantine.empty());
    shown = bench.ok(bench.store.connections().find(who, bench.by()));
    CHECK(shown.standing == Standing::active);
    CHECK(bench.refusal(bench.store.grants().quarantine(ConnectionId{"cn_2"}, "x", bench.by())) ==
          "not_found connection_not_found");
}

TEST_CASE_TEMPLATE("revocation begins in any state, and a revoked grant stays revoked", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    for (const auto state : {State::active, State::in_flight, State::uncertain,
                             State::reauth_required, State::revoking, State::revoked}) {
        Bench bench;
        const auto row = moved(bench, connect(bench, "cn_1"), state);
        const auto after =
            bench.ok(bench.store.grants().begin_revocation(ConnectionId{"cn_1"}, bench.by()));
        CHECK(after.state == (state == State::revoked ? State::revoked : State::revoking));
        CHECK(bench.refusal(bench.store.grants().begin_revocation(
                  ConnectionId{"cn_2"}, bench.by())) == "not_found connection_not_found");
    }
}

TEST_CASE_TEMPLATE("grants of a state come in order, a bounded page at a time", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    for (const char* name : {"cn_c", "cn_a", "cn_b"}) connect(bench, name);
    bench.done(bench.store.grants().add_candidate(candidate("cn_a", 2), bench.by()));
    moved(bench, bench.ok(bench.store.grants().find(ConnectionId{"cn_b"}, bench.by())),
          State::uncertain);

    const auto page = [&](GrantKey after, std::size_t limit) {
        std::string keys;
        for (const auto& row : bench.ok(
                 bench.store.grants().in_state(State::active, std::move(after), limit, bench.by())))
            keys += row.key.connection.text + std::to_string(row.key.epoch.value) + " ";
        return keys;
    };
    CHECK(page(GrantKey{}, 500) == "cn_a1 cn_a2 cn_c1 ");
    CHECK(page(GrantKey{}, 2) == "cn_a1 cn_a2 ");
    CHECK(page(key_of("cn_a", 1), 500) == "cn_a2 cn_c1 ");
    CHECK(page(key_of("cn_c", 1), 500).empty());
}

TEST_CASE_TEMPLATE("a revoked connection is forgotten after its time, with its former grants",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    const auto revoked = connect(bench, "cn_old");
    connect(bench, "cn_live");
    moved(bench, revoked, State::revoked);
    const auto then = bench.clock.wall();
    bench.clock.advance(std::chrono::hours{24 * 30});

    CHECK(bench.ok(bench.store.grants().forget_revoked(then, bench.by())) == 0);
    CHECK(bench.ok(bench.store.grants().forget_revoked(then + std::chrono::seconds{1},
                                                       bench.by())) == 1);
    CHECK(bench.refusal(bench.store.connections().find(ConnectionId{"cn_old"}, bench.by())) ==
          "not_found connection_not_found");
    CHECK(bench.refusal(bench.store.grants().find(key_of("cn_old", 1), bench.by())) ==
          "not_found grant_not_found");
    CHECK(bench.ok(bench.store.connections().find(ConnectionId{"cn_live"}, bench.by())).id ==
          ConnectionId{"cn_live"});
}

TEST_CASE_TEMPLATE("nothing is forgotten while a grant of the connection waits to be revoked",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1");
    bench.done(bench.store.grants().add_candidate(candidate("cn_1", 2), bench.by()));
    bench.ok(bench.store.grants().promote(key_of("cn_1", 2), facts("cn_1"), Generation{1},
                                          Sealed{"s"}, bench.by()));
    const auto current = bench.ok(bench.store.grants().find(ConnectionId{"cn_1"}, bench.by()));
    moved(bench, current, State::revoked);
    const auto later = bench.clock.wall() + std::chrono::hours{1};
    CHECK(bench.ok(bench.store.grants().forget_revoked(later, bench.by())) == 0);

    const auto former = bench.ok(bench.store.grants().find(key_of("cn_1", 1), bench.by()));
    moved(bench, former, State::revoked);
    CHECK(bench.ok(bench.store.grants().forget_revoked(later, bench.by())) == 2);
}

TEST_CASE_TEMPLATE("a call whose time is over changes nothing", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    const Deadline passed{bench.clock.steady()};
    CHECK(bench.refusal(bench.store.grants().add_candidate(candidate("cn_1"), passed)) ==
          "try_later storage_unavailable");
    CHECK(bench.ok(bench.store.grants().last_epoch(ConnectionId{"cn_1"}, bench.by())) == Epoch{0});
}
