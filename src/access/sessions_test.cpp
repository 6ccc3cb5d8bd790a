#include "access/sessions.h"

#include <algorithm>
#include <regex>

#include <doctest/doctest.h>

#include "access/api_keys.h"
#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

using namespace latchkey;
using namespace latchkey::test;
using namespace std::chrono_literals;

namespace {

struct Bench {
    boost::asio::io_context loop{1};
    FakeClock clock;
    SystemRandom random;
    MemoryStore store{clock, random};
    KeyRing ring;
    ApiKeys api_keys{store.api_keys(), ring, random, clock};
    Sessions sessions{store.sessions(), store.grants(), store.api_keys(), api_keys.gates(), ring,
                      random,           clock};
    ConnectionId ada{"cn_ada"};
    ApiKeyId key;

    Bench() {
        REQUIRE(ring.add("0a1b2c3d", Secret{std::string(32, 'k')}).has_value());
        key = make_key({Permission::proxy});
        connect(1);
    }

    Deadline by() const { return clock.in(5s); }

    ApiKeyId make_key(std::set<Permission> may) {
        ApiKeyWish wish{"label", std::move(may)};
        return run(loop, api_keys.create(std::move(wish), by())).value().row.id;
    }
    /// A consent of ada's user; the org's id is the one that the row has.
    void connect(std::int64_t epoch, const std::string& org = "00D000000000001AAA") {
        GrantRow row;
        row.key = GrantKey{ada, Epoch{epoch}};
        row.refresh_token = Sealed{"refresh"};
        row.org_id = org;
        REQUIRE(run(loop, store.grants().add_candidate(row, by())).has_value());
        Connection facts;
        facts.id = ada;
        facts.end_user = "ada";
        REQUIRE(run(loop, store.grants().promote(row.key, facts, Generation{epoch - 1},
                                                 Sealed{"access"}, by()))
                    .has_value());
    }
    SessionWish wish(bool refresh = false) {
        SessionWish wanted{ada, key};
        wanted.refresh = refresh;
        return wanted;
    }
    NewSession open(bool refresh = false) {
        return run(loop, sessions.open(wish(refresh), by())).value();
    }
    template <class T>
    static std::string verdict(const Result<T>& result) {
        return result.has_value() ? "good" : result.error().code;
    }
    std::string check(const Secret& token) {
        return verdict(run(loop, sessions.check(token, by())));
    }
    std::string renew(const Secret& token) {
        return verdict(run(loop, sessions.renew(token, by())));
    }
};

Secret changed(const Secret& token, std::size_t at) {
    std::string text{token.reveal()};
    text[at] = text[at] == 'x' ? 'y' : 'x';
    return Secret{text};
}

}  // namespace

TEST_CASE("a session's token passes for Salesforce's and leads to its connection and key") {
    Bench bench;
    const auto opened = bench.open();
    const std::string token{opened.access_token.reveal()};
    CHECK(std::regex_match(token, std::regex{R"((00D\w{12,15})![.\w]*)"}));
    CHECK(token.starts_with("00D000000000001AAA!" + opened.session.id.text + "."));
    CHECK(token.find("cn_") == std::string::npos);
    CHECK(session_in(token) == opened.session.id.text);
    CHECK_FALSE(opened.refresh_token.has_value());
    CHECK(opened.session.expires_at == bench.clock.wall() + 8h);
    const auto caller = run(bench.loop, bench.sessions.check(opened.access_token, bench.by()));
    REQUIRE(caller.has_value());
    CHECK(caller->connection == bench.ada);
    CHECK(caller->session == opened.session.id);
    CHECK(caller->key == bench.key);
}

TEST_CASE("a session of a connection whose org is not known has the shape all the same") {
    Bench bench;
    bench.connect(2, "");
    const auto opened = bench.open();
    CHECK(opened.access_token.reveal().starts_with("00D000000000000!"));
    CHECK(bench.check(opened.access_token) == "good");
}

TEST_CASE("F2: the store has nothing that opens a session") {
    Bench bench;
    const auto opened = bench.open(true);
    const auto rows = run(bench.loop, bench.store.sessions().of(bench.ada, bench.by())).value();
    REQUIRE(rows.size() == 2);
    for (const auto& row : rows) {
        CHECK(opened.access_token.reveal().find(row.secret_hash) == std::string_view::npos);
        CHECK(bench.check(Secret{row.secret_hash}) == "invalid_session");
        CHECK(bench.renew(Secret{row.secret_hash}) == "invalid_session");
    }
}

TEST_CASE("F1: every token that is no good is refused alike, after one look") {
    Bench bench;
    const auto opened = bench.open(true);
    const auto& good = opened.access_token;
    std::vector<Secret> wrong;
    for (std::size_t at = 0; at < good.size(); at += 5) wrong.push_back(changed(good, at));
    wrong.emplace_back(std::string{good.reveal()} + "x");
    wrong.emplace_back(good.reveal().substr(0, good.size() - 1));
    wrong.emplace_back(std::string{"lk_000000000000_"} + std::string(43, 'A'));
    wrong.emplace_back("");
    wrong.push_back(*opened.refresh_token);  // a refresh token is no session
    for (const auto& token : wrong) {
        const auto before = bench.store.calls("sessions.find");
        const auto refused = run(bench.loop, bench.sessions.check(token, bench.by()));
        REQUIRE(refused.has_error());
        CHECK(refused.error().fault == Fault::denied);
        CHECK(refused.error().code == "invalid_session");
        CHECK(bench.store.calls("sessions.find") == before + 1);
    }
    CHECK(bench.check(good) == "good");
    CHECK(bench.renew(good) == "invalid_session");
}

TEST_CASE("a session ends with its time, and lasts a day at most") {
    Bench bench;
    auto wish = bench.wish();
    wish.ttl = 60s;
    const auto opened = run(bench.loop, bench.sessions.open(wish, bench.by())).value();
    bench.clock.advance(59s);
    CHECK(bench.check(opened.access_token) == "good");
    bench.clock.advance(1s);
    CHECK(bench.check(opened.access_token) == "invalid_session");
    CHECK(run(bench.loop, bench.sessions.list(bench.ada, bench.by())).value().empty());
    for (const auto ttl : {59s, 86401s}) {
        wish.ttl = ttl;
        CHECK(Bench::verdict(run(bench.loop, bench.sessions.open(wish, bench.by()))) ==
              "invalid_ttl");
    }
    wish.ttl = 86400s;
    CHECK(Bench::verdict(run(bench.loop, bench.sessions.open(wish, bench.by()))) == "good");
}

TEST_CASE("a session ends with the API key that opened it, and with that key's permission") {
    Bench bench;
    const auto opened = bench.open(true);
    REQUIRE(run(bench.loop, bench.api_keys.revoke(bench.key, bench.by())).has_value());
    CHECK(bench.check(opened.access_token) == "invalid_session");
    CHECK(bench.renew(*opened.refresh_token) == "invalid_session");

    bench.key = bench.make_key({Permission::read});
    const auto unused = bench.open();
    CHECK(bench.check(unused.access_token) == "invalid_session");
}

TEST_CASE("a session ends with the consent that it was opened under") {
    Bench bench;
    const auto opened = bench.open(true);
    bench.connect(2);
    CHECK(bench.check(opened.access_token) == "invalid_session");
    CHECK(bench.renew(*opened.refresh_token) == "invalid_session");
    CHECK(run(bench.loop, bench.sessions.list(bench.ada, bench.by())).value().empty());

    const auto next = bench.open();
    CHECK(bench.check(next.access_token) == "good");
    REQUIRE(
        run(bench.loop, bench.store.grants().begin_revocation(bench.ada, bench.by())).has_value());
    CHECK(bench.check(next.access_token) == "invalid_session");
    CHECK(Bench::verdict(run(bench.loop, bench.sessions.open(bench.wish(), bench.by()))) ==
          "connection_revoked");
}

TEST_CASE("a refresh token opens sessions for thirty days, and takes them along when it ends") {
    Bench bench;
    const auto opened = bench.open(true);
    REQUIRE(opened.refresh_token.has_value());
    CHECK(std::regex_match(std::string{opened.refresh_token->reveal()},
                           std::regex{R"(lkr_[A-Za-z0-9._-]+)"}));
    bench.clock.advance(8h);
    CHECK(bench.check(opened.access_token) == "invalid_session");
    const auto second = run(bench.loop, bench.sessions.renew(*opened.refresh_token, bench.by()));
    REQUIRE(second.has_value());
    CHECK_FALSE(second->refresh_token.has_value());
    CHECK(bench.check(second->access_token) == "good");

    bench.clock.advance(30 * 24h - 9h);  // an hour is left of it
    const auto last = run(bench.loop, bench.sessions.renew(*opened.refresh_token, bench.by()));
    REQUIRE(last.has_value());
    CHECK(last->session.expires_at == bench.clock.wall() + 1h);

    REQUIRE(run(bench.loop, bench.sessions.end(*opened.refresh_token, bench.by())).has_value());
    CHECK(bench.check(last->access_token) == "invalid_session");
    CHECK(bench.renew(*opened.refresh_token) == "invalid_session");
    CHECK(Bench::verdict(run(bench.loop, bench.sessions.end(*opened.refresh_token, bench.by()))) ==
          "invalid_session");
}

TEST_CASE("sessions are listed without what opens them, and ended by their id") {
    Bench bench;
    const auto first = bench.open();
    bench.clock.advance(1s);
    bench.open(true);
    const auto list = run(bench.loop, bench.sessions.list(bench.ada, bench.by())).value();
    REQUIRE(list.size() == 3);
    CHECK(list[0].id == first.session.id);
    CHECK(std::count_if(list.begin(), list.end(), [](const auto& s) { return s.renews; }) == 1);
    const auto end = [&](const ConnectionId& connection) {
        return Bench::verdict(
            run(bench.loop, bench.sessions.end(connection, first.session.id, bench.by())));
    };
    CHECK(end(ConnectionId{"cn_other"}) == "session_not_found");
    CHECK(end(bench.ada) == "good");
    CHECK(bench.check(first.access_token) == "invalid_session");
}

TEST_CASE("a session counts with the gate of the key that opened it") {
    Bench bench;
    CHECK(run(bench.loop, bench.sessions.check(bench.open().access_token, bench.by()))->gate ==
          nullptr);
    ApiKeyWish wish{"narrow", {Permission::proxy}};
    wish.rules.limits.concurrency = 3;
    const auto key = run(bench.loop, bench.api_keys.create(wish, bench.by())).value();
    bench.key = key.row.id;
    const auto session =
        run(bench.loop, bench.sessions.check(bench.open().access_token, bench.by())).value();
    const auto caller = run(bench.loop, bench.api_keys.check(key.key, bench.by())).value();
    REQUIRE(session.gate != nullptr);
    CHECK(session.gate == caller.gate);
}
