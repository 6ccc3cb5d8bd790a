#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "connect/backoff.h"
#include "connect/flow_bench.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;
using test::Crash;
using test::FlowBench;
using test::TokenJson;

template <class T>
std::string code_of(const Result<T>& result) {
    return result.has_value() ? "" : result.error().code;
}

/// A bench whose revoker runs in the background.
struct RevokerBench : FlowBench {
    std::unique_ptr<Revoker> revoker = std::make_unique<Revoker>(parts());
    std::exception_ptr ended;

    void run_revoker() {
        boost::asio::co_spawn(loop, revoker->run(),
                              [this](std::exception_ptr failed) { ended = failed; });
        settle();
    }
    void stop_revoker() {
        revoker->stop();
        settle();
    }
    Result<Connection> revoke(const ConnectionId& who) {
        return test::run(loop, revoker->revoke(who, soon()));
    }
    Standing standing(const ConnectionId& who) {
        return test::run(loop, store.connections().find(who, soon())).value().standing;
    }
    void pass(std::chrono::milliseconds time) {
        clock.advance(time);
        settle();
    }
};

TEST_CASE("B25: a revocation stops handing out before Salesforce is told, and ends as revoked") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    const auto begun = bench.revoke(ada.id);
    REQUIRE(begun.has_value());
    CHECK(begun->standing == Standing::revoking);
    CHECK(bench.changed.back() == ada.id);
    CHECK(bench.revocations() == 0);

    bench.server.answer(200);
    bench.run_revoker();
    CHECK(bench.standing(ada.id) == Standing::revoked);
    CHECK(bench.revocations() == 1);
    const auto& told = bench.server.seen().back();
    CHECK(told.to.host == "login.salesforce.com");
    CHECK(told.request.body.find("token=5Aep861.refresh-1") != std::string::npos);
    bench.stop_revoker();
    CHECK(bench.ended == nullptr);
}

TEST_CASE("B25: a revocation may be repeated, before and after it is done") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    REQUIRE(bench.revoke(ada.id).has_value());
    CHECK(bench.revoke(ada.id)->standing == Standing::revoking);
    bench.server.answer(200);
    bench.run_revoker();
    CHECK(bench.revoke(ada.id)->standing == Standing::revoked);
    bench.pass(1h);
    CHECK(bench.revocations() == 1);
    bench.stop_revoker();
}

TEST_CASE("a connection that does not exist cannot be revoked") {
    RevokerBench bench;
    CHECK(code_of(bench.revoke(ConnectionId{"cn_none"})) == "connection_not_found");
}

TEST_CASE("B25: Salesforce's word that the token is dead already counts as done") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    bench.server.answer(400, "error=invalid_token&error_description=invalid%20token");
    bench.run_revoker();
    REQUIRE(bench.revoke(ada.id).has_value());
    bench.settle();
    CHECK(bench.standing(ada.id) == Standing::revoked);
    bench.stop_revoker();
}

TEST_CASE(
    "B25: without a definite answer the revocation is repeated, ever more slowly, until one "
    "comes") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    bench.run_revoker();
    bench.server.answer(503);
    REQUIRE(bench.revoke(ada.id).has_value());
    bench.settle();
    CHECK(bench.revocations() == 1);
    CHECK(bench.standing(ada.id) == Standing::revoking);

    bench.server.answer_lost();
    bench.pass(1s);
    CHECK(bench.revocations() == 2);
    bench.server.answer(500);
    bench.pass(2s);
    CHECK(bench.revocations() == 3);
    bench.pass(1s);
    CHECK(bench.revocations() == 3);  // the third pause is at least two seconds
    bench.server.answer(200);
    bench.pass(3s);
    CHECK(bench.revocations() == 4);
    CHECK(bench.standing(ada.id) == Standing::revoked);
    bench.pass(1h);
    CHECK(bench.revocations() == 4);
    bench.stop_revoker();
}

TEST_CASE("pauses double from one second to five minutes, each between half and all of that") {
    test::SeededRandom random;
    for (int run = 0; run < 20; ++run) {
        connect::Backoff backoff;
        const SteadyTime now{1h};
        std::chrono::milliseconds whole = 1s;
        for (int failure = 0; failure < 20; ++failure) {
            backoff.failed(now, random, 0s);
            CHECK(backoff.due() - now >= whole / 2);
            CHECK(backoff.due() - now <= whole);
            whole = std::min<std::chrono::milliseconds>(whole * 2, 5min);
        }
        backoff.failed(now, random, 1h);
        CHECK(backoff.due() - now == 1h);
    }
}

TEST_CASE(
    "CP41, CP43: a revocation that a crash interrupted is taken up again by the next process") {
    for (const char* point : {"CP41", "CP43"}) {
        CAPTURE(point);
        RevokerBench bench;
        const auto ada = bench.connect("ada");
        REQUIRE(bench.revoke(ada.id).has_value());
        bench.server.answer(200);
        bench.stops.at = point;
        bench.run_revoker();
        REQUIRE(bench.ended != nullptr);
        CHECK_THROWS_AS(std::rethrow_exception(bench.ended), Crash);
        CHECK(bench.standing(ada.id) == Standing::revoking);

        bench.stops.at.clear();
        bench.revoker = std::make_unique<Revoker>(bench.parts());
        bench.server.answer(400, "error=invalid_token");
        bench.run_revoker();
        CHECK(bench.standing(ada.id) == Standing::revoked);
        bench.stop_revoker();
    }
}

TEST_CASE("CP42: a revocation whose answer was lost is sent again") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    REQUIRE(bench.revoke(ada.id).has_value());
    bench.server.answer_lost();
    bench.run_revoker();
    CHECK(bench.standing(ada.id) == Standing::revoking);
    bench.revoker = std::make_unique<Revoker>(bench.parts());  // the first one's pause is forgotten
    bench.server.answer(400, "error=invalid_token");
    bench.run_revoker();
    CHECK(bench.revocations() == 2);
    CHECK(bench.standing(ada.id) == Standing::revoked);
    bench.stop_revoker();
}

TEST_CASE("a grant without a refresh token is given back by its access token") {
    RevokerBench bench;
    TokenJson tokens;
    tokens.refresh.clear();
    const auto ada = bench.connect("ada", tokens);
    REQUIRE(bench.revoke(ada.id).has_value());
    bench.server.answer(200);
    bench.run_revoker();
    CHECK(bench.server.seen().back().request.body.find("token=00Dxx%21access-1") !=
          std::string::npos);
    CHECK(bench.standing(ada.id) == Standing::revoked);
    bench.stop_revoker();
}

TEST_CASE("the grant that a reconnect replaced is given back without anybody asking") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    const auto again = bench.arrive(bench.reconnect_of(ada));
    TokenJson fresh;
    fresh.access = "00Dxx!access-2";
    fresh.refresh = "5Aep861.refresh-2";
    bench.will_issue(fresh);
    REQUIRE(bench.complete(again.id, again.ticket).has_value());
    bench.server.answer(200);
    bench.run_revoker();
    CHECK(bench.server.seen().back().request.body.find("refresh-1") != std::string::npos);
    CHECK(bench.grants_of(ada.id)[0].state == State::revoked);
    CHECK(bench.standing(ada.id) == Standing::active);
    bench.stop_revoker();
}

TEST_CASE("tokens that do not open end as revoked, reason corrupt, and an operator is told") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    REQUIRE(bench.revoke(ada.id).has_value());
    auto row = bench.grants_of(ada.id).front();
    row.refresh_token->bytes.back() ^= 1;
    bench.store.overwrite(row);
    bench.run_revoker();
    CHECK(bench.grants_of(ada.id).front().state == State::revoked);
    CHECK(bench.grants_of(ada.id).front().reason == "corrupt");
    CHECK(bench.log.count("revocation_impossible") == 1);
    CHECK(bench.revocations() == 0);
    bench.stop_revoker();
}

TEST_CASE("a login host that was changed in the store gets no token") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    REQUIRE(bench.revoke(ada.id).has_value());
    auto row = bench.grants_of(ada.id).front();
    row.login_url = "https://evil.example";
    bench.store.overwrite(row);
    const int dialled = bench.server.dialled();
    bench.run_revoker();
    CHECK(bench.server.dialled() == dialled);
    CHECK(bench.standing(ada.id) == Standing::revoking);
    bench.stop_revoker();
}

TEST_CASE("a server that does not answer is asked for one grant a round, not for all") {
    RevokerBench bench;
    std::vector<ConnectionId> all;
    for (const char* user : {"a", "b", "c"}) all.push_back(bench.connect(user).id);
    for (const auto& id : all) REQUIRE(bench.revoke(id).has_value());
    bench.server.answer(503);
    bench.run_revoker();
    CHECK(bench.revocations() == 1);
    for (int i = 0; i < 3; ++i) bench.server.answer(200);
    bench.pass(1s);
    bench.pass(1s);
    CHECK(bench.revocations() == 4);
    for (const auto& id : all) CHECK(bench.standing(id) == Standing::revoked);
    bench.stop_revoker();
}

TEST_CASE("while the store is away nothing is lost, and the revocation goes on when it is back") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    bench.run_revoker();
    bench.store.fail_next("grants.in_state", MemoryStore::Trouble::unavailable);
    bench.store.fail_next("grants.begin_revocation", MemoryStore::Trouble::lost_after);
    REQUIRE(bench.revoke(ada.id).has_value());
    bench.settle();
    CHECK(bench.revocations() == 0);
    bench.server.answer(200);
    bench.store.fail_next("grants.move", MemoryStore::Trouble::unavailable);
    bench.pass(30s);
    CHECK(bench.revocations() == 1);
    CHECK(bench.standing(ada.id) == Standing::revoking);
    bench.server.answer(400, "error=invalid_token");
    bench.pass(1s);
    CHECK(bench.standing(ada.id) == Standing::revoked);
    bench.stop_revoker();
}

TEST_CASE("a revoked connection is forgotten after thirty days") {
    RevokerBench bench;
    const auto ada = bench.connect("ada");
    REQUIRE(bench.revoke(ada.id).has_value());
    bench.server.answer(200);
    bench.run_revoker();
    for (int day = 0; day < 29; ++day) bench.pass(24h);
    CHECK(bench.standing(ada.id) == Standing::revoked);
    for (int hour = 0; hour < 27; ++hour) bench.pass(1h);
    CHECK(code_of(test::run(bench.loop, bench.store.connections().find(ada.id, bench.soon()))) ==
          "connection_not_found");
    bench.stop_revoker();
}

}  // namespace
}  // namespace latchkey
