#include "gateway/org_budget.h"

#include <doctest/doctest.h>

#include "tests/support/fake_clock.h"

using namespace latchkey;
using namespace latchkey::test;
using namespace std::chrono_literals;

namespace {

struct Bench {
    FakeClock clock;
    OrgBudget budget{DailyReserve{}};

    void used(int calls) { budget.learn("api-usage=" + std::to_string(calls) + "/1000", clock); }
    std::string ask(Priority priority) {
        const auto let = budget.admit(priority, clock.steady());
        return let ? "goes" : let.error().code;
    }
};

AccessToken token(const std::string& text, const std::string& instance) {
    AccessToken made;
    made.token = Secret{text};
    made.instance_url = instance;
    return made;
}

}  // namespace

TEST_CASE("an org's usage is read as Salesforce writes it, and nothing else is") {
    const auto usage = api_usage_in("api-usage=18/5000").value();
    CHECK(usage.used == 18);
    CHECK(usage.limit == 5000);
    CHECK(api_usage_in("api-usage=25/5000; per-app-api-usage=17/250(appName=x)")->used == 25);
    for (const char* text :
         {"", "api-usage=", "api-usage=1", "api-usage=1/", "api-usage=/5", "api-usage=-1/5",
          "api-usage=1/0", "api-usage=1/-5", "api-usage=1/5x", "api-usage=1 /5",
          "per-app-api-usage=17/250", "API-usage=1/5", "api-usage=1/99999999999999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(api_usage_in(text).has_value());
    }
}

TEST_CASE("calls are counted by the org that a token names, or by its host") {
    CHECK(org_of(token("00D000000000001!AQ.x", "https://a.my.salesforce.com")) ==
          "00D000000000001");
    CHECK(org_of(token("00D000000000001AAA!x", "https://a.my.salesforce.com")) ==
          "00D000000000001");
    for (const char* other : {"eyJ0.eyJ.x", "00D1!x", "00Dxxxxxxxxx..x!y", "", "!"})
        CHECK(org_of(token(other, "https://a.my.salesforce.com")) == "a.my.salesforce.com");
}

TEST_CASE("below its reserve an org refuses low priority, then normal, and never high") {
    Bench bench;
    const auto verdicts = [&] {
        return bench.ask(Priority::high) + " " + bench.ask(Priority::normal) + " " +
               bench.ask(Priority::low);
    };
    CHECK(verdicts() == "goes goes goes");
    bench.used(900);
    CHECK_FALSE(bench.budget.scarce());
    CHECK(verdicts() == "goes goes goes");
    bench.used(901);
    CHECK(bench.budget.scarce());
    CHECK(verdicts() == "goes goes daily_limit_reserved");
    bench.used(981);
    CHECK(verdicts() == "goes daily_limit_reserved daily_limit_reserved");
    bench.used(1200);
    CHECK(verdicts() == "goes daily_limit_reserved daily_limit_reserved");
    bench.used(10);
    CHECK(verdicts() == "goes goes goes");
}

TEST_CASE("a refusal says what is used and when news may come") {
    Bench bench;
    bench.used(950);
    bench.clock.advance(60s);
    const auto refused = bench.budget.admit(Priority::low, bench.clock.steady());
    REQUIRE(refused.has_error());
    CHECK(refused.error().fault == Fault::try_later);
    CHECK(refused.error().message.find("950 of its 1000") != std::string::npos);
    CHECK(refused.error().retry_after == 241s);
}

TEST_CASE("after five minutes without an answer one call is let through to bring news") {
    Bench bench;
    bench.used(950);
    bench.clock.advance(299s);
    CHECK(bench.ask(Priority::low) == "daily_limit_reserved");
    bench.clock.advance(1s);
    CHECK(bench.ask(Priority::low) == "goes");
    CHECK(bench.ask(Priority::low) == "daily_limit_reserved");
    // Its answer was lost: the next one goes five minutes later. News of others put it off too.
    bench.clock.advance(200s);
    bench.used(960);
    bench.clock.advance(100s);
    CHECK(bench.ask(Priority::low) == "daily_limit_reserved");
    bench.clock.advance(200s);
    CHECK(bench.ask(Priority::low) == "goes");
    bench.used(500);
    CHECK(bench.ask(Priority::low) == "goes");
    CHECK(bench.ask(Priority::low) == "goes");
}

TEST_CASE("a line that cannot be read changes nothing, and a reserve of nothing refuses nobody") {
    Bench bench;
    bench.used(950);
    bench.budget.learn("api-usage=1/", bench.clock);
    CHECK(bench.ask(Priority::low) == "daily_limit_reserved");
    OrgBudget open{DailyReserve{0, 0}};
    open.learn("api-usage=1001/1000", bench.clock);
    CHECK_FALSE(open.scarce());
}

TEST_CASE("orgs are bounded: those with enough left are forgotten, those that are short are not") {
    FakeClock clock;
    OrgBudgets orgs{DailyReserve{}};
    orgs.of("short")->learn("api-usage=999/1000", clock);
    orgs.of("plenty")->learn("api-usage=1/1000", clock);
    const auto held = orgs.of("held");
    CHECK(orgs.refusing(Priority::low) == 1);
    CHECK(orgs.refusing(Priority::high) == 0);
    CHECK(orgs.shortest(5).size() == 2);
    CHECK(orgs.shortest(1).front().org == "short");
    CHECK(orgs.shortest(1).front().refuses_normal);
    for (std::size_t i = 0; i < OrgBudgets::most; ++i) orgs.of("org " + std::to_string(i));
    CHECK(orgs.size() <= OrgBudgets::most);
    CHECK(orgs.of("short")->scarce());
    CHECK(orgs.of("held") == held);
    CHECK(orgs.of("plenty")->usage().limit == 0);
}
