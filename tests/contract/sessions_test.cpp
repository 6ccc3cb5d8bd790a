#include <type_traits>

#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

WallTime at(std::int64_t seconds) {
    return WallTime{std::chrono::seconds{seconds}};
}

SessionRow session(const std::string& id, const std::string& connection = "cn_1",
                   std::int64_t created_at = 10, std::int64_t expires_at = 1000) {
    SessionRow row;
    row.id = SessionId{id};
    row.connection = ConnectionId{connection};
    row.epoch = Epoch{3};
    row.key = ApiKeyId{"key"};
    row.secret_hash = "hash of " + id;
    row.created_at = at(created_at);
    row.expires_at = at(expires_at);
    return row;
}

template <class Bench>
SessionStore& sessions(Bench& bench) {
    if constexpr (std::is_same_v<Bench, MemoryBench>)
        return bench.adapter.sessions();
    else
        return bench.adapter->sessions();
}

template <class Bench>
std::string ids(Bench& bench, const std::string& connection) {
    std::string list;
    for (const auto& row : bench.ok(sessions(bench).of(ConnectionId{connection}, bench.by())))
        list += row.id.text + " ";
    return list;
}

}  // namespace

TEST_CASE_TEMPLATE("a gateway session comes back as it was stored", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    auto given = session("s1");
    given.renews = true;
    given.opened_by = SessionId{"other"};
    bench.done(sessions(bench).insert(given, at(20), bench.by()));
    const auto found = bench.ok(sessions(bench).find(given.id, bench.by()));
    CHECK(found.id == given.id);
    CHECK(found.connection == given.connection);
    CHECK(found.epoch == given.epoch);
    CHECK(found.key == given.key);
    CHECK(found.secret_hash == given.secret_hash);
    CHECK(found.renews);
    CHECK(found.opened_by == given.opened_by);
    CHECK(found.created_at == given.created_at);
    CHECK(found.expires_at == given.expires_at);
    CHECK(bench.refusal(sessions(bench).insert(given, at(20), bench.by())) ==
          "conflict session_exists");
    CHECK(bench.refusal(sessions(bench).find(SessionId{"s2"}, bench.by())) ==
          "not_found session_not_found");
}

TEST_CASE_TEMPLATE("gateway sessions are listed by connection, oldest first", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    bench.done(sessions(bench).insert(session("young", "cn_1", 9), at(10), bench.by()));
    bench.done(sessions(bench).insert(session("old", "cn_1", 5), at(10), bench.by()));
    bench.done(sessions(bench).insert(session("others", "cn_2", 7), at(10), bench.by()));
    CHECK(ids(bench, "cn_1") == "old young ");
    CHECK(ids(bench, "cn_2") == "others ");
    CHECK(ids(bench, "cn_3").empty());
}

TEST_CASE_TEMPLATE("a removed refresh token takes the sessions along that it has opened", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    auto token = session("token");
    token.renews = true;
    auto opened = session("opened");
    opened.opened_by = token.id;
    bench.done(sessions(bench).insert(token, at(10), bench.by()));
    bench.done(sessions(bench).insert(opened, at(10), bench.by()));
    bench.done(sessions(bench).insert(session("own"), at(10), bench.by()));
    CHECK(bench.refusal(sessions(bench).remove(ConnectionId{"cn_2"}, token.id, bench.by())) ==
          "not_found session_not_found");
    bench.done(sessions(bench).remove(token.connection, token.id, bench.by()));
    CHECK(ids(bench, "cn_1") == "own ");
    CHECK(bench.refusal(sessions(bench).remove(token.connection, token.id, bench.by())) ==
          "not_found session_not_found");
}

TEST_CASE_TEMPLATE("a new gateway session sweeps away some that have ended", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    bench.done(sessions(bench).insert(session("a", "cn_1", 1, 50), at(10), bench.by()));
    bench.done(sessions(bench).insert(session("b", "cn_2", 1, 51), at(10), bench.by()));
    bench.done(sessions(bench).insert(session("c", "cn_3", 50, 99), at(50), bench.by()));
    CHECK(ids(bench, "cn_1").empty());
    CHECK(ids(bench, "cn_2") == "b ");
}

TEST_CASE_TEMPLATE("a connection has so many gateway sessions and no more, ended ones apart", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    for (std::size_t i = 0; i < most_sessions; ++i) {
        auto row = session("s" + std::to_string(i), "cn_1", 1, i == 0 ? 50 : 1000);
        bench.done(sessions(bench).insert(std::move(row), at(10), bench.by()));
    }
    CHECK(bench.refusal(sessions(bench).insert(session("more"), at(49), bench.by())) ==
          "try_later too_many_sessions");
    bench.done(sessions(bench).insert(session("other", "cn_2"), at(49), bench.by()));
    bench.done(sessions(bench).insert(session("more"), at(50), bench.by()));
}
