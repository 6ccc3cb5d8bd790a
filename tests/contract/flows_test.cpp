#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

FlowRow flow(const std::string& id, const FakeClock& clock) {
    FlowRow row;
    row.id = FlowId{id};
    row.owner = ApiKeyId{"owner of " + id};
    row.end_user = "ada";
    row.provider = ProviderId{"salesforce"};
    row.purpose = "sync";
    row.return_url = "https://app.example.com/done";
    row.login_url = "https://login.salesforce.com";
    row.reconnects = ConnectionId{"cn_9"};
    row.link_hash = "link of " + id;
    row.state_hash = "state of " + id;
    row.cookie_hash = "cookie";
    row.ticket_hash = "ticket";
    row.verifier = Sealed{std::string("veri\0fier", 9)};
    row.callback = Sealed{"callback"};
    row.ticket_expires_at = clock.wall() + std::chrono::seconds{60};
    row.created_at = clock.wall();
    row.expires_at = clock.wall() + std::chrono::seconds{600};
    row.connection = ConnectionId{"cn_8"};
    row.failure = "denied";
    return row;
}

bool same(const FlowRow& a, const FlowRow& b) {
    return a.id == b.id && a.version == b.version && a.state == b.state && a.owner == b.owner &&
           a.end_user == b.end_user && a.provider == b.provider && a.purpose == b.purpose &&
           a.return_url == b.return_url && a.login_url == b.login_url &&
           a.reconnects == b.reconnects && a.link_hash == b.link_hash &&
           a.state_hash == b.state_hash && a.cookie_hash == b.cookie_hash &&
           a.ticket_hash == b.ticket_hash && a.verifier == b.verifier && a.callback == b.callback &&
           a.ticket_expires_at == b.ticket_expires_at && a.created_at == b.created_at &&
           a.expires_at == b.expires_at && a.connection == b.connection && a.failure == b.failure;
}

}  // namespace

TEST_CASE_TEMPLATE("a flow is found by id, link and state, as it was stored", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    const auto given = flow("cs_1", bench.clock);
    bench.done(bench.store.flows().insert(given, bench.by()));
    bench.done(bench.store.flows().insert(flow("cs_2", bench.clock), bench.by()));
    CHECK(same(bench.ok(bench.store.flows().by_id(given.id, bench.by())), given));
    CHECK(same(bench.ok(bench.store.flows().by_link("link of cs_1", bench.by())), given));
    CHECK(same(bench.ok(bench.store.flows().by_state("state of cs_1", bench.by())), given));
}

TEST_CASE_TEMPLATE("an unknown flow is not found, and an empty state hash finds none", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto open = flow("cs_1", bench.clock);
    open.state_hash.clear();
    auto second = flow("cs_2", bench.clock);
    second.state_hash.clear();
    bench.done(bench.store.flows().insert(open, bench.by()));
    bench.done(bench.store.flows().insert(second, bench.by()));
    CHECK(bench.refusal(bench.store.flows().by_state("", bench.by())) ==
          "not_found flow_not_found");
    CHECK(bench.refusal(bench.store.flows().by_id(FlowId{"cs_3"}, bench.by())) ==
          "not_found flow_not_found");
    CHECK(bench.refusal(bench.store.flows().by_link("x", bench.by())) ==
          "not_found flow_not_found");
    CHECK(bench.refusal(bench.store.flows().by_state("x", bench.by())) ==
          "not_found flow_not_found");
}

TEST_CASE_TEMPLATE("one id and one link make one flow", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    bench.done(bench.store.flows().insert(flow("cs_1", bench.clock), bench.by()));
    auto same_id = flow("cs_1", bench.clock);
    same_id.link_hash = "other";
    same_id.state_hash = "other";
    auto same_link = flow("cs_2", bench.clock);
    same_link.link_hash = "link of cs_1";
    CHECK(bench.refusal(bench.store.flows().insert(same_id, bench.by())) == "conflict flow_exists");
    CHECK(bench.refusal(bench.store.flows().insert(same_link, bench.by())) ==
          "conflict flow_exists");
}

TEST_CASE_TEMPLATE("of two writers who read one version of a flow, one wins", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    bench.done(bench.store.flows().insert(flow("cs_1", bench.clock), bench.by()));
    const auto read = bench.ok(bench.store.flows().by_id(FlowId{"cs_1"}, bench.by()));
    auto mine = read;
    mine.state = FlowState::exchanging;
    mine.callback = Sealed{"new"};
    auto theirs = read;
    theirs.state = FlowState::failed;

    const auto stored = bench.ok(bench.store.flows().replace(mine, bench.by()));
    CHECK(stored.version == 2);
    CHECK(stored.state == FlowState::exchanging);
    CHECK(bench.refusal(bench.store.flows().replace(theirs, bench.by())) ==
          "conflict flow_conflict");
    CHECK(same(bench.ok(bench.store.flows().by_id(FlowId{"cs_1"}, bench.by())), stored));

    auto unknown = read;
    unknown.id = FlowId{"cs_2"};
    CHECK(bench.refusal(bench.store.flows().replace(unknown, bench.by())) ==
          "not_found flow_not_found");
}

TEST_CASE_TEMPLATE("every state of a flow comes back, and flows of one are listed oldest first",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    int number = 0;
    for (const auto state :
         {FlowState::open, FlowState::started, FlowState::returned, FlowState::exchanging,
          FlowState::done, FlowState::failed, FlowState::exchanging}) {
        auto row = flow("cs_" + std::to_string(++number), bench.clock);
        row.state = state;
        row.created_at = bench.clock.wall() - std::chrono::seconds{number};
        bench.done(bench.store.flows().insert(row, bench.by()));
        CHECK(bench.ok(bench.store.flows().by_id(row.id, bench.by())).state == state);
    }
    const auto spending =
        bench.ok(bench.store.flows().in_state(FlowState::exchanging, 10, bench.by()));
    REQUIRE(spending.size() == 2);
    CHECK(spending[0].id == FlowId{"cs_7"});
    CHECK(spending[1].id == FlowId{"cs_4"});
    CHECK(bench.ok(bench.store.flows().in_state(FlowState::exchanging, 1, bench.by())).size() == 1);
}

TEST_CASE_TEMPLATE("unexpired flows are bounded, and expired ones make room when they are erased",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    for (std::size_t i = 0; i < bench.limits.unexpired_flows; ++i)
        bench.done(
            bench.store.flows().insert(flow("cs_" + std::to_string(i), bench.clock), bench.by()));
    CHECK(bench.refusal(bench.store.flows().insert(flow("one more", bench.clock), bench.by())) ==
          "try_later too_many_flows");

    bench.clock.advance(std::chrono::seconds{601});
    bench.done(bench.store.flows().insert(flow("one more", bench.clock), bench.by()));
    CHECK(bench.ok(bench.store.flows().erase_expired(bench.clock.wall(), bench.by())) ==
          bench.limits.unexpired_flows);
    CHECK(bench.refusal(bench.store.flows().by_id(FlowId{"cs_0"}, bench.by())) ==
          "not_found flow_not_found");
    CHECK(bench.ok(bench.store.flows().by_id(FlowId{"one more"}, bench.by())).id ==
          FlowId{"one more"});
}

TEST_CASE_TEMPLATE("A20: one key has so many flows open, and others go on", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    const auto of = [&](const std::string& id, const std::string& owner) {
        auto row = flow(id, bench.clock);
        row.owner = ApiKeyId{owner};
        return row;
    };
    const auto insert = [&](const FlowRow& row) {
        return bench.refusal(bench.store.flows().insert(row, bench.by()));
    };
    for (std::size_t i = 0; i < bench.limits.open_flows_of_key; ++i)
        REQUIRE(insert(of("cs_" + std::to_string(i), "greedy")).empty());
    CHECK(insert(of("more", "greedy")) == "try_later too_many_connect_sessions");
    CHECK(insert(of("other", "modest")).empty());
    CHECK(insert(of("cs_0", "greedy")) == "conflict flow_exists");

    // One that is over makes room, though it is kept until it expires.
    auto over = bench.ok(bench.store.flows().by_id(FlowId{"cs_0"}, bench.by()));
    over.state = FlowState::done;
    bench.ok(bench.store.flows().replace(over, bench.by()));
    CHECK(insert(of("more", "greedy")).empty());
    CHECK(insert(of("and more", "greedy")) == "try_later too_many_connect_sessions");
    bench.clock.advance(std::chrono::seconds{601});
    CHECK(insert(of("and more", "greedy")).empty());
}

TEST_CASE_TEMPLATE("a program's own flows, which no key opened, have the common bound alone", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    for (std::size_t i = 0; i <= bench.limits.open_flows_of_key; ++i) {
        auto row = flow("cs_" + std::to_string(i), bench.clock);
        row.owner = ApiKeyId{};
        bench.done(bench.store.flows().insert(row, bench.by()));
    }
}
