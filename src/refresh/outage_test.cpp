#include <doctest/doctest.h>

#include "refresh/pacing.h"
#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;

// Salesforce is away, or wants to be left alone, for everybody.

namespace {

/// 200 users of 8 orgs, whose access tokens the API refuses from now on, and who ask every ten
/// seconds until they have new ones.
struct Outage : Bench {
    static constexpr int orgs = 8;
    static constexpr int users = 200;
    std::vector<ConnectionId> all = connect_all();
    using Answer = std::shared_ptr<std::optional<Result<AccessToken>>>;
    std::vector<Answer> last = std::vector<Answer>(users);

    std::vector<ConnectionId> connect_all() {
        salesforce.own_identities = true;
        std::vector<ConnectionId> connected;
        for (int i = 0; i < users; ++i) {
            const auto org = "00D" + std::string(11, '0') + std::to_string(1 + i % orgs);
            salesforce.org = salesforce::id18(org).value();
            connected.push_back(connect("user" + std::to_string(i)));
        }
        return connected;
    }
    bool served(int i) const {
        const auto& answer = last[static_cast<std::size_t>(i)];
        return answer && answer->has_value() && (*answer)->has_value();
    }
    int served() const {
        int count = 0;
        for (int i = 0; i < users; ++i) count += served(i) ? 1 : 0;
        return count;
    }
    /// Everybody who has no token yet asks, every ten seconds.
    void everybody_asks_for(std::chrono::milliseconds time) {
        for (; time > 0ms; time -= 10s) {
            for (int i = 0; i < users; ++i) {
                auto& answer = last[static_cast<std::size_t>(i)];
                if (served(i) || (answer && !answer->has_value())) continue;
                answer = begin(refresher->token(all[static_cast<std::size_t>(i)],
                                                TokenDemand::newer(Generation{1}), clock.in(8s)));
            }
            for (int step = 0; step < 40; ++step) {
                settle();
                clock.advance(250ms);
            }
        }
        settle();
    }
    int asked_since(SteadyTime from, std::chrono::milliseconds time) const {
        int count = 0;
        for (const auto at : salesforce.asked_at) count += at >= from && at < from + time ? 1 : 0;
        return count;
    }
    void check_nobody_is_lost() {
        for (const auto& who : all) CHECK(row(who).state == State::active);
        CHECK(salesforce.reuses == 0);
        CHECK(salesforce.most_in_flight <= 1);
    }
    ~Outage() { end(); }
};

HttpResponse too_many() {
    Headers headers;
    headers.add("Content-Type", "application/json");
    return HttpResponse{429, std::move(headers), "{\"error\":\"rate_limit_exceeded\"}"};
}

}  // namespace

TEST_CASE_FIXTURE(Outage, "L7: ten minutes of 429 for everything cost few requests and no grant") {
    salesforce.to_all = too_many();
    everybody_asks_for(10min);
    const auto during = salesforce.token_requests;
    CHECK(during < 60);
    CHECK(log.counts["refresh_circuit_opened"] >= 1);
    check_nobody_is_lost();

    salesforce.to_all.reset();
    const auto back = clock.steady();
    everybody_asks_for(10min);
    CHECK(served() == users);
    CHECK(salesforce.token_requests - during == users);
    // No stampede: the pace begins with one a second, whenever the first got through.
    REQUIRE(salesforce.asked_at.size() > static_cast<std::size_t>(during));
    const auto first = salesforce.asked_at[static_cast<std::size_t>(during)];
    CHECK(first - back <= 6min);
    CHECK(asked_since(first, 5s) <= 12);
    CHECK(asked_since(first, 10s) <= 30);
    check_nobody_is_lost();
}

TEST_CASE_FIXTURE(Outage, "L7: an hour without Salesforce is no hour of knocking at its door") {
    salesforce.unreachable = Error{Fault::try_later, "connect_failed", "Not reached. Wait."};
    everybody_asks_for(1h);
    CHECK(salesforce.dials < 100);
    check_nobody_is_lost();

    salesforce.unreachable.reset();
    const auto back = clock.steady();
    everybody_asks_for(15min);
    CHECK(served() == users);
    CHECK(salesforce.refreshes == users);
    const auto first = salesforce.asked_at.front();
    CHECK(first - back <= 7min);
    CHECK(asked_since(first, 5s) <= 12);
    check_nobody_is_lost();
}

TEST_CASE_FIXTURE(Outage,
                  "L7: a server that answers 5xx is asked a few times, not for every grant") {
    HttpResponse broken{503, Headers{}, "away"};
    salesforce.to_all = broken;
    everybody_asks_for(2min);
    // Each of these puts a grant in doubt, so there must be few.
    CHECK(salesforce.token_requests <= 40);
    begin_resolving();
    salesforce.to_all.reset();
    pass(3min);
    everybody_asks_for(10min);
    CHECK(served() == users);
    check_nobody_is_lost();
}

TEST_CASE_FIXTURE(Bench, "one org that is away leaves the others of its provider alone") {
    salesforce.own_identities = true;
    std::vector<ConnectionId> away;
    salesforce.org = salesforce::id18("00D000000000001").value();
    for (int i = 0; i < 20; ++i) away.push_back(connect("away" + std::to_string(i)));
    salesforce.org = salesforce::id18("00D000000000002").value();
    const auto well = connect("well");
    for (const auto& who : away) {
        salesforce.turns.push_back(test::answered(too_many()));
        CHECK_FALSE(newer(who).has_value());
        salesforce.turns.clear();
    }
    CHECK(salesforce.token_requests == Pacing::row_of_org);
    CHECK(log.counts["refresh_circuit_opened"] == 1);
    REQUIRE(refresher->signs().open_circuits.size() == 1);
    CHECK(refresher->signs().open_circuits[0].org_id ==
          salesforce::id18("00D000000000001").value());
    CHECK(newer(well).has_value());
}

TEST_CASE_FIXTURE(
    Outage, "J35: a node whose address no org lets in stops refreshing, and marks none dead") {
    salesforce.to_all =
        test::plain(400, "{\"error\":\"invalid_grant\",\"error_description\":\"ip restricted\"}");
    everybody_asks_for(5min);
    CHECK(salesforce.token_requests < 60);
    CHECK(log.counts["connection_reauth_required"] == 0);
    const auto& told = *last[0];
    REQUIRE(told.has_value());
    REQUIRE_FALSE(told->has_value());
    CHECK(told->error().code == "ip_restricted");
    CHECK(told->error().fault == Fault::misconfigured);
    check_nobody_is_lost();

    salesforce.to_all.reset();  // the address is on the list now
    everybody_asks_for(15min);
    CHECK(served() == users);
}
