#include <doctest/doctest.h>

#include <array>
#include <set>

#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;

// Refreshes that nobody asked for.

namespace {

constexpr std::chrono::hours day{24};

struct Planned : Bench {
    void begin_planning() {
        boost::asio::co_spawn(loop, refresher->run_plan(), boost::asio::detached);
    }
    /// Days pass in steps that are short against everything that is planned.
    void pass_days(int days, std::chrono::milliseconds step = 10min) {
        for (std::chrono::milliseconds left = days * day; left > 0ms; left -= step) {
            settle();
            clock.advance(step);
        }
        settle();
    }
    std::vector<ConnectionId> connect_many(int many, const std::string& prefix = "user") {
        std::vector<ConnectionId> all;
        all.reserve(static_cast<std::size_t>(many));
        for (int i = 0; i < many; ++i) all.push_back(connect(prefix + std::to_string(i)));
        return all;
    }
    /// The next connections are of this org.
    void in_org(int number) {
        auto digits = std::to_string(number);
        salesforce.own_identities = true;
        salesforce.org =
            salesforce::id18("00D" + std::string(12 - digits.size(), '0') + digits).value();
    }
    ~Planned() { end(); }
};

}  // namespace

TEST_CASE_FIXTURE(Planned, "J29: connections that nobody uses for 40 days stay alive") {
    salesforce.idle_end = 30 * day;
    const auto all = connect_many(200);
    const auto started = clock.steady();
    begin_planning();
    pass_days(40);

    std::array<int, 41> on_day{};
    for (const auto at : salesforce.asked_at)
        ++on_day.at(static_cast<std::size_t>((at - started) / day));
    for (int i = 0; i < 7; ++i) CHECK(on_day.at(static_cast<std::size_t>(i)) == 0);
    int first_week = 0;
    for (int i = 7; i < 14; ++i) {
        const int of_day = on_day.at(static_cast<std::size_t>(i));
        CHECK(of_day > 10);  // 200 over seven days: some 28 a day
        CHECK(of_day < 50);
        first_week += of_day;
    }
    CHECK(first_week >= 198);  // the last moments are found by the sweep after them
    CHECK(salesforce.reuses == 0);
    CHECK(salesforce.refreshes < 200 * 6);
    for (const auto& who : all) {
        CHECK(row(who).state == State::active);
        CHECK(row(who).generation >= Generation{3});
        CHECK(salesforce.alive(stored_refresh_token(who)));
    }
    CHECK(meter.counts["planned_refreshes_total provider=salesforce why=keep_alive result=done"] ==
          salesforce.refreshes);
}

TEST_CASE_FIXTURE(Planned, "J29: without anybody to use them they would have ended") {
    salesforce.idle_end = 30 * day;
    const auto ada = connect();
    pass_days(40);
    CHECK_FALSE(newer(ada).has_value());
    CHECK(row(ada).state == State::reauth_required);
}

TEST_CASE_FIXTURE(Planned, "a connection in use keeps itself alive") {
    const auto ada = connect();
    begin_planning();
    for (int i = 0; i < 8; ++i) {
        pass_days(5);
        CHECK(newer(ada).has_value());
    }
    CHECK(salesforce.refreshes == 8);
}

TEST_CASE_FIXTURE(Planned,
                  "what is quarantined, over or without refresh token is not planned for") {
    const auto ada = connect("ada");
    const auto bob = connect("bob");
    run(store.grants().quarantine(ada, "operator", clock.in(5s))).value();
    auto bare = row(bob);
    bare.refresh_token.reset();
    store.overwrite(bare);
    begin_planning();
    pass_days(20);
    CHECK(salesforce.token_requests == 0);
    CHECK(row(bob).state == State::active);
}

TEST_CASE_FIXTURE(Planned, "two nodes that plan for the same connections refresh each once") {
    const auto all = connect_many(50);
    MemoryJournal its_journal{NodeId{"node-2"}, clock};
    Vault its_vault{store, its_journal, keys, "installation", random, clock};
    RefresherParts parts{loop,  its_vault, store, its_journal, endpoint, providers,
                         clock, random,    log,   stops,       {},       meter};
    Refresher other{std::move(parts)};
    pass_days(14, 1h);  // all of them are due when both begin
    begin_planning();
    boost::asio::co_spawn(loop, other.run_plan(), boost::asio::detached);
    pass(10min);
    CHECK(salesforce.refreshes == 50);
    CHECK(salesforce.reuses == 0);
    CHECK(salesforce.most_in_flight == 1);
    boost::asio::co_spawn(loop, other.stop(clock.in(1s)), boost::asio::detached);
    settle();
}

TEST_CASE_FIXTURE(Planned,
                  "L1: very many that are due at once keep to the pace, refused ones first") {
    constexpr int orgs = 20;
    for (int i = 0; i < orgs; ++i) {
        in_org(i + 1);
        connect_many(100, "org" + std::to_string(i) + "user");
    }
    pass_days(14, 1h);
    const auto eve = connect("eve");
    begin_planning();
    pass(70s);  // the first sweep is under way
    REQUIRE(salesforce.token_requests > 0);
    REQUIRE(salesforce.token_requests < 700);

    // Somebody who waits does not stand behind them.
    const auto before = clock.steady();
    CHECK(newer(eve).has_value());
    CHECK(clock.steady() - before < 1s);

    for (int i = 0; i < 3; ++i) pass(90s);
    CHECK(salesforce.refreshes == orgs * 100 + 1);
    // 10 a second, and what was saved up for the first second.
    std::multiset<SteadyTime> times(salesforce.asked_at.begin(), salesforce.asked_at.end());
    for (const auto at : salesforce.asked_at) {
        const auto in_ten_seconds =
            std::distance(times.lower_bound(at), times.lower_bound(at + 10s));
        CHECK(in_ten_seconds <= 10 * 10 + 10 + 1);
    }
}

TEST_CASE_FIXTURE(Planned, "an access token in use is replaced before its known end") {
    salesforce.own_identities = true;
    const auto ada = connect("ada", 2h);
    const auto idle = connect("idle", 2h);
    begin_planning();
    CHECK(token(idle).has_value());
    for (int i = 0; i < 11; ++i) {
        CHECK(token(ada)->generation == Generation{1});
        pass(10min);
    }
    CHECK(token(ada).has_value());
    pass(10min);
    CHECK(row(ada).generation == Generation{2});
    CHECK(row(idle).generation == Generation{1});  // used at the beginning of its life only
    CHECK(meter.counts["planned_refreshes_total provider=salesforce why=expiry result=done"] == 1);
}

TEST_CASE_FIXTURE(Planned, "a forecast is made after the start, and again every few hours") {
    connect_many(3);
    pass_days(25, 1h);
    REQUIRE_FALSE(refresher->signs().forecast);
    salesforce.unreachable = Error{Fault::try_later, "connect_failed", "Not reached. Wait."};
    begin_planning();
    pass(3min);
    REQUIRE(refresher->signs().forecast);
    CHECK(refresher->signs().forecast->connections == 3);
    CHECK(refresher->signs().forecast->idle_end_in_7d == 3);
    salesforce.unreachable.reset();
    pass_days(1);
    CHECK(refresher->signs().forecast->idle_end_in_16d == 0);
}
