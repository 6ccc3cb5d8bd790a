#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

WallTime at(std::int64_t seconds) {
    return WallTime{std::chrono::seconds{seconds}};
}

template <class Bench>
void connect_at(Bench& bench, const std::string& id, std::int64_t received,
                std::optional<WallTime> expires, bool renewable = true) {
    auto row = candidate(id);
    row.access_received_at = at(received);
    row.access_expires_at = expires;
    if (!renewable) row.refresh_token.reset();
    bench.done(bench.store.grants().add_candidate(row, bench.by()));
    bench.ok(
        bench.store.grants().promote(row.key, facts(id), Generation{0}, Sealed{"s"}, bench.by()));
}

using Names = std::vector<std::string>;

Names names(const std::vector<GrantRow>& rows) {
    Names all;
    for (const auto& row : rows) all.push_back(row.key.connection.text);
    return all;
}

}  // namespace

TEST_CASE_TEMPLATE("what is old and what ends soon is due, and nothing else", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    connect_at(bench, "cn_fresh", 5000, at(9000));
    connect_at(bench, "cn_old", 999, std::nullopt);
    connect_at(bench, "cn_at_the_line", 1000, at(9000));
    connect_at(bench, "cn_soon_over", 5000, at(7999));
    connect_at(bench, "cn_never_told", 5000, std::nullopt);

    DueBy when;
    CHECK(bench.ok(grants.due(when, GrantKey{}, 10, bench.by())).empty());
    when.received_before = at(1000);
    CHECK(names(bench.ok(grants.due(when, GrantKey{}, 10, bench.by()))) == Names{"cn_old"});
    when.expires_before = at(8000);
    CHECK(names(bench.ok(grants.due(when, GrantKey{}, 10, bench.by()))) ==
          Names{"cn_old", "cn_soon_over"});
    when.received_before.reset();
    CHECK(names(bench.ok(grants.due(when, GrantKey{}, 10, bench.by()))) == Names{"cn_soon_over"});
}

TEST_CASE_TEMPLATE("only what may be refreshed is due or suspect", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    for (const char* id : {"cn_fine", "cn_in_flight", "cn_over", "cn_quarantined"})
        connect_at(bench, id, 1, std::nullopt);
    connect_at(bench, "cn_without", 1, std::nullopt, false);
    bench.done(grants.add_candidate(candidate("cn_candidate"), bench.by()));
    claimed(bench, "cn_in_flight", "a");
    bench.ok(grants.begin_revocation(ConnectionId{"cn_over"}, bench.by()));
    bench.ok(grants.quarantine(ConnectionId{"cn_quarantined"}, "operator", bench.by()));

    DueBy when;
    when.received_before = at(100000);
    CHECK(names(bench.ok(grants.due(when, GrantKey{}, 10, bench.by()))) == Names{"cn_fine"});
    CHECK(bench.ok(grants.suspects(GrantKey{}, 10, bench.by())).empty());
    CHECK(bench.ok(bench.store.connections().suspect_count(bench.by())) == 0);
    bench.new_timeline();
    CHECK(names(bench.ok(grants.suspects(GrantKey{}, 10, bench.by()))) == Names{"cn_fine"});
    CHECK(bench.ok(bench.store.connections().suspect_count(bench.by())) == 1);
}

TEST_CASE_TEMPLATE("what is due or suspect comes in pages, and each row comes whole", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    Names all;
    for (int i = 0; i < 7; ++i) {
        all.push_back("cn_" + std::to_string(i));
        connect_at(bench, all.back(), 1, std::nullopt);
    }
    bench.new_timeline();
    DueBy when;
    when.received_before = at(100000);
    for (const bool suspect : {false, true}) {
        Names seen;
        GrantKey after;
        for (;;) {
            const auto page = bench.ok(suspect ? grants.suspects(after, 3, bench.by())
                                               : grants.due(when, after, 3, bench.by()));
            CHECK(page.size() <= 3);
            if (page.empty()) break;
            for (const auto& row : page) {
                seen.push_back(row.key.connection.text);
                CHECK(row.refresh_token.has_value());
            }
            after = page.back().key;
        }
        CHECK(seen == all);
    }
    CHECK(bench.ok(bench.store.connections().suspect_count(bench.by())) == 7);
}

TEST_CASE_TEMPLATE("CP52: a restored store's rows are suspect until each has been confirmed", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    connect(bench, "cn_1");
    connect(bench, "cn_2");
    const auto before = bench.ok(grants.timeline(bench.by()));
    bench.ok(grants.mark_restored(6, bench.by()));
    const auto after = bench.ok(grants.mark_restored(3, bench.by()));
    CHECK(incarnation_of(after) == 8);
    CHECK(after != before);
    CHECK(lies_behind(before, after));
    CHECK(bench.ok(grants.timeline(bench.by())) == after);
    CHECK(names(bench.ok(grants.suspects(GrantKey{}, 10, bench.by()))) == Names{"cn_1", "cn_2"});

    auto row = bench.ok(grants.find(ConnectionId{"cn_1"}, bench.by()));
    CHECK(bench.refusal(grants.claim(row.key, row.grant_generation, AttemptId{"a"}, NodeId{"n"},
                                     bench.by())) == "conflict claim_conflict");
    row = moved(bench, row, State::uncertain, "suspect");
    Move confirmed;
    confirmed.key = row.key;
    confirmed.grant_generation = row.grant_generation;
    confirmed.from = State::uncertain;
    confirmed.to = State::active;
    confirmed.confirmed_on = after;
    bench.ok(grants.move(confirmed, bench.by()));
    CHECK(names(bench.ok(grants.suspects(GrantKey{}, 10, bench.by()))) == Names{"cn_2"});
    claimed(bench, "cn_1", "a");
}

TEST_CASE_TEMPLATE("connections are counted by standing and reason", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    auto& grants = bench.store.grants();
    for (const char* id : {"cn_1", "cn_2", "cn_3", "cn_4", "cn_5", "cn_6"}) connect(bench, id);
    bench.done(grants.add_candidate(candidate("cn_7"), bench.by()));
    claimed(bench, "cn_2", "a");  // under way is active
    for (const char* id : {"cn_3", "cn_4"}) {
        auto outcome = settlement(claimed(bench, id, "a"), Settlement::Kind::dead);
        outcome.reason = "expired";
        bench.ok(grants.settle(outcome, bench.by()));
    }
    bench.ok(grants.quarantine(ConnectionId{"cn_5"}, "operator", bench.by()));
    bench.ok(grants.begin_revocation(ConnectionId{"cn_6"}, bench.by()));

    const auto counts = bench.ok(bench.store.connections().counts(bench.by()));
    std::vector<std::string> lines;
    for (const auto& count : counts)
        lines.push_back(std::string{name(count.standing)} + " " + count.reason + " " +
                        std::to_string(count.connections));
    CHECK(lines == std::vector<std::string>{"active  2", "reauth_required expired 2",
                                            "quarantined operator 1", "revoking  1"});
}
