#include <doctest/doctest.h>

#include "refresh/refresh_bench.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;

// What is counted, and that nothing else is.

TEST_CASE_FIXTURE(Bench, "a refresh is one attempt, and whoever shares it is counted apart") {
    const auto ada = connect();
    std::vector<std::shared_ptr<std::optional<Result<AccessToken>>>> answers;
    for (int i = 0; i < 10; ++i)
        answers.push_back(
            begin(refresher->token(ada, TokenDemand::newer(Generation{1}), clock.in(30s))));
    settle();
    CHECK(meter.counts["refresh_attempts_total provider=salesforce result=rotated code="] == 1);
    CHECK(meter.counts["refresh_waits_total provider=salesforce end=answered"] == 10);
    CHECK(meter.counts["refresh_shared_total provider=salesforce"] == 9);
    CHECK(meter.counts["refresh_seconds provider=salesforce"] == 1);
}

TEST_CASE_FIXTURE(Bench, "an attempt is counted by what came of it, a refusal by its code") {
    const auto ada = connect();
    salesforce.turns.push_back(
        test::refused_with(400, "invalid_grant", "expired access/refresh token"));
    CHECK_FALSE(newer(ada).has_value());
    CHECK(meter.counts["refresh_attempts_total provider=salesforce result=dead "
                       "code=token_expired"] == 1);

    const auto bob = connect("bob");
    salesforce.unreachable = Error{Fault::try_later, "connect_failed", "Not reached. Wait."};
    CHECK_FALSE(newer(bob).has_value());
    CHECK(meter.counts["refresh_attempts_total provider=salesforce result=not_sent "
                       "code=connect_failed"] == 1);
}

TEST_CASE_FIXTURE(Bench, "a doubt is counted when it ends, with how long it lasted") {
    const auto ada = connect();
    salesforce.turns.push_back(test::lost(false));
    CHECK_FALSE(newer(ada).has_value());
    begin_resolving();
    pass(2min);
    CHECK(row(ada).state == State::active);
    CHECK(meter.counts["resolutions_total provider=salesforce finding=works"] == 1);
    CHECK(meter.counts["resolution_seconds provider=salesforce"] == 1);
    CHECK(meter.longest >= 60s);
}

TEST_CASE_FIXTURE(Bench, "N5: no number tells which connection, user or org it is about") {
    const auto ada = connect();
    const auto bob = connect("bob");
    salesforce.turns.push_back(test::lost(true));
    CHECK_FALSE(newer(ada).has_value());
    CHECK(newer(bob).has_value());
    begin_resolving();
    pass(2min);
    CHECK(meter.counts.size() >= 6);
    for (const auto& [text, times] : meter.counts) {
        CAPTURE(text);
        for (const auto* part : {"cn_", "ada", "bob", "node-1", "acme", "00D", "005", "https"})
            CHECK(text.find(part) == std::string::npos);
    }
}
