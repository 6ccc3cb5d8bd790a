#include <doctest/doctest.h>

#include <algorithm>

#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;

// Very many callers at once: what each of them waits for, and what Salesforce sees of it.

namespace {

struct Load : Bench {
    int answered = 0;
    int refused = 0;

    /// A caller who notes what he was given.
    static Async<void> call(Load* load, ConnectionId who, TokenDemand demand, Deadline by) {
        auto token = co_await load->refresher->token(who, demand, by);
        ++(token ? load->answered : load->refused);
    }
    void arrive(const ConnectionId& who, TokenDemand demand, std::chrono::milliseconds patience) {
        boost::asio::co_spawn(loop, call(this, who, demand, clock.in(patience)),
                              boost::asio::detached);
    }
    void arrive(const ConnectionId& who, std::chrono::milliseconds patience) {
        arrive(who, TokenDemand{}, patience);
    }
    /// The next connections are of this org.
    void in_org(int number) {
        const auto digits = std::to_string(number);
        salesforce.own_identities = true;
        salesforce.org =
            salesforce::id18("00D" + std::string(12 - digits.size(), '0') + digits).value();
    }
    std::vector<ConnectionId> connect_many(int many, const std::string& prefix,
                                           std::optional<std::chrono::seconds> lives) {
        std::vector<ConnectionId> all;
        all.reserve(static_cast<std::size_t>(many));
        for (int i = 0; i < many; ++i) all.push_back(connect(prefix + std::to_string(i), lives));
        return all;
    }
    /// How many requests arrived in the ten seconds that had most.
    std::ptrdiff_t most_in_ten_seconds() const {
        const auto& times = salesforce.asked_at;  // in order
        std::ptrdiff_t most = 0;
        auto end = times.begin();
        for (auto begin = times.begin(); begin != times.end(); ++begin) {
            while (end != times.end() && *end < *begin + 10s) ++end;
            most = std::max(most, end - begin);
        }
        return most;
    }
    ~Load() { end(); }
};

}  // namespace

TEST_CASE_FIXTURE(
    Load,
    "L1: twenty thousand sessions that end in one minute are renewed at the pace, each once") {
    constexpr int orgs = 20;
    constexpr int of_each = 1000;
    std::vector<ConnectionId> all;
    for (int i = 0; i < orgs; ++i) {
        in_org(i + 1);
        const auto some = connect_many(of_each, "org" + std::to_string(i) + "user", 1h);
        all.insert(all.end(), some.begin(), some.end());
    }
    const auto eve = connect("eve", 24h);
    clock.advance(1h);
    for (const auto& who : all) arrive(who, 30min);
    const auto begun = clock.steady();
    for (int i = 0; i < 20; ++i) {
        pass(1s);
        // Whose token is good is not behind those.
        const auto before = clock.steady();
        CHECK(token(eve)->generation == Generation{1});
        CHECK(clock.steady() == before);
    }
    for (int i = 0; i < 30 && answered < orgs * of_each; ++i) pass(10s);
    CHECK(answered == orgs * of_each);
    CHECK(clock.steady() - begun <= 200s + 30s);  // at 100 a second
    CHECK(most_in_ten_seconds() <= 100 * 10 + 25 + 1);
    CHECK(salesforce.refreshes == orgs * of_each);
    CHECK(salesforce.reuses == 0);
    CHECK(salesforce.most_in_flight == 1);
}

TEST_CASE_FIXTURE(
    Load, "L2: ten thousand callers of one ended session cause one refresh, and each has it") {
    const auto ada = connect("ada", 1h);
    clock.advance(1h);
    test::Turn slow;
    slow.hold = std::make_shared<Event>(loop);
    const auto hold = slow.hold;
    salesforce.turns.push_back(std::move(slow));
    for (int i = 0; i < 10'000; ++i) arrive(ada, 30s);
    pass(5s);
    CHECK(refresher->signs().under_way == 1);
    CHECK(answered == 0);
    hold->set();
    settle();
    CHECK(answered == 10'000);
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(Load,
                  "L2: ten thousand callers of a refresh that does not end wait no longer "
                  "than they wanted to") {
    const auto ada = connect("ada", 1h);
    clock.advance(1h);
    test::Turn slow;
    slow.hold = std::make_shared<Event>(loop);
    salesforce.turns.push_back(std::move(slow));
    for (int i = 0; i < 10'000; ++i) arrive(ada, 5s);
    pass(4750ms);
    CHECK(refused == 0);
    pass(500ms);
    CHECK(refused == 10'000);
    CHECK(salesforce.token_requests == 1);
}

TEST_CASE_FIXTURE(
    Load, "L4: an org that answers after half a minute keeps no other org's callers waiting") {
    in_org(1);
    const auto slow = connect_many(5000, "slow", 1h);
    auto over = std::make_shared<Event>(loop);
    salesforce.slow_orgs[salesforce.org] = over;
    in_org(2);
    const auto swift = connect_many(50, "swift", 1h);
    clock.advance(1h);
    for (const auto& who : slow) arrive(who, 10min);
    pass(15s);  // more of its refreshes have had their turn than may be under way at once
    for (const auto& who : swift) {
        const auto before = clock.steady();
        CHECK(token(who).has_value());
        CHECK(clock.steady() - before <= 250ms);
    }
    CHECK(answered == 0);
    over->set();
    for (int i = 0; i < 20; ++i) pass(10s);
    CHECK(answered == 5000);
    CHECK(salesforce.refreshes == 5050);
    CHECK(salesforce.reuses == 0);
}
