#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

KillSwitch wish(const std::string& provider, std::int64_t since, const std::string& reason) {
    KillSwitch made;
    made.provider = ProviderId{provider};
    made.since = WallTime{std::chrono::seconds{since}};
    made.reason = reason;
    return made;
}

}  // namespace

TEST_CASE_TEMPLATE("kill switches are listed with the one for all first, until they are turned off",
                   Bench, MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& switches = bench.store.kill_switches();
    CHECK(bench.ok(switches.list(bench.by())).empty());
    bench.ok(switches.turn_on(wish("salesforce", 5, "a key was seen"), bench.by()));
    bench.ok(switches.turn_on(wish("", 6, "all of them"), bench.by()));
    const auto on = bench.ok(switches.list(bench.by()));
    REQUIRE(on.size() == 2);
    CHECK(on[0].provider.text.empty());
    CHECK(on[1].provider == ProviderId{"salesforce"});
    CHECK(on[1].since == WallTime{std::chrono::seconds{5}});
    CHECK(on[1].reason == "a key was seen");
    CHECK_FALSE(on[1].revokes);
    bench.done(switches.turn_off(ProviderId{}, bench.by()));
    CHECK(bench.refusal(switches.turn_off(ProviderId{}, bench.by())) ==
          "not_found kill_switch_not_found");
    CHECK(bench.ok(switches.list(bench.by())).size() == 1);
}

TEST_CASE_TEMPLATE("a kill switch may gain the order to revoke and cannot lose it", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto& switches = bench.store.kill_switches();
    const ProviderId all;
    bench.ok(switches.turn_on(wish("", 5, "seen"), bench.by()));
    bench.done(switches.note_swept(all, bench.by()));
    CHECK_FALSE(bench.ok(switches.list(bench.by())).at(0).swept);

    auto harder = wish("", 9, "");
    harder.revokes = true;
    auto now = bench.ok(switches.turn_on(harder, bench.by()));
    CHECK(now.revokes);
    CHECK_FALSE(now.swept);
    CHECK(now.reason == "seen");
    CHECK(now.since == WallTime{std::chrono::seconds{5}});
    bench.done(switches.note_swept(all, bench.by()));
    CHECK(bench.ok(switches.list(bench.by())).at(0).swept);

    now = bench.ok(switches.turn_on(wish("", 10, "again"), bench.by()));
    CHECK(now.revokes);
    CHECK(now.swept);
    CHECK(now.reason == "again");
    bench.done(switches.turn_off(all, bench.by()));
    bench.done(switches.note_swept(all, bench.by()));
    CHECK(bench.ok(switches.list(bench.by())).empty());
}
