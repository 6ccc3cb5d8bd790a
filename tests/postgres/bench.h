#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/postgres/postgres_store.h"
#include "tests/support/postgres_database.h"
#include "tests/support/run.h"
#include "tests/support/tcp_relay.h"

namespace latchkey::test {

using namespace std::chrono_literals;

/// A real database, stores that reach it directly or through a relay, and real time: what is tested
/// is what waits for the network.
struct Faults {
    boost::asio::io_context loop{1};
    SystemClock clock;
    SystemRandom random;
    NoLog log;
    PostgresDatabase database;
    TcpRelay relay{server_port()};

    static std::uint16_t server_port() {
        const auto place = PostgresDatabase::setting("LATCHKEY_TEST_POSTGRES_SERVER");
        const auto at = place.find("port=") + 5;
        return static_cast<std::uint16_t>(std::stoi(place.substr(at)));
    }

    Result<std::unique_ptr<PostgresStore>> open(const std::string& dsn, std::size_t links = 4) {
        PostgresOptions options{Secret{dsn}};
        options.connections = links;
        options.accept_async_replication = true;
        return PostgresStore::open(std::move(options), clock, random, log);
    }
    std::unique_ptr<PostgresStore> opened(const std::string& dsn, std::size_t links = 4) {
        auto made = open(dsn, links);
        const std::string refused =
            made.has_error() ? made.error().code + made.error().remote_text : std::string{};
        CAPTURE(refused);
        REQUIRE(made.has_value());
        return std::move(*made);
    }
    std::unique_ptr<PostgresStore> direct() { return opened(database.direct()); }
    std::unique_ptr<PostgresStore> relayed(std::size_t links = 4) {
        return opened(database.direct() + " host=127.0.0.1 port=" + std::to_string(relay.port()),
                      links);
    }

    /// A store behind the relay, with one open connection that is not in use: another store has made
    /// the grant, so nothing is to be told to other nodes.
    std::unique_ptr<PostgresStore> relayed_and_connected() {
        const auto other = direct();
        connect(*other);
        auto store = relayed();
        found(*store);
        return store;
    }

    template <class T>
    Result<T> get(Task<T> call) {
        return run(loop, std::move(call));
    }
    template <class T>
    std::string refusal(Task<T> call) {
        const auto result = get(std::move(call));
        return result.has_value() ? std::string{} : result.error().code;
    }
    Deadline in(std::chrono::milliseconds time) const { return clock.in(time); }

    static GrantKey key() { return GrantKey{ConnectionId{"cn_1"}, Epoch{1}}; }

    /// One connection with an ACTIVE grant.
    GrantRow connect(Store& store) {
        GrantRow row;
        row.key = key();
        row.refresh_token = Sealed{"refresh 1"};
        row.access_token = Sealed{"access 1"};
        REQUIRE(get(store.grants().add_candidate(row, in(5s))).has_value());
        Connection facts;
        facts.end_user = "ada";
        REQUIRE(
            get(store.grants().promote(row.key, facts, Generation{0}, Sealed{"access 1"}, in(5s)))
                .has_value());
        return found(store);
    }
    GrantRow found(Store& store) {
        auto row = get(store.grants().find(ConnectionId{"cn_1"}, in(5s)));
        REQUIRE(row.has_value());
        return std::move(*row);
    }
    Task<GrantRow> claim(Store& store, const std::string& attempt, Deadline by) {
        return store.grants().claim(key(), GrantGeneration{1}, AttemptId{attempt}, NodeId{"node"},
                                    by);
    }
    /// The server knows the statement from here on: what is lost later is lost of the claim itself.
    void claim_in_vain(Store& store) {
        const auto other = GrantGeneration{99};
        CHECK_FALSE(
            get(store.grants().claim(key(), other, AttemptId{"vain"}, NodeId{"node"}, in(5s)))
                .has_value());
    }
    static Settlement rotated(const GrantRow& row) {
        Settlement outcome;
        outcome.kind = Settlement::Kind::rotated;
        outcome.key = row.key;
        outcome.grant_generation = row.grant_generation;
        outcome.generation = row.generation;
        outcome.attempt = row.attempt;
        outcome.refresh_token = Sealed{"refresh 2"};
        outcome.access_token = Sealed{"access 2"};
        return outcome;
    }
};

/// No standby has this name, so from here on every commit that is to be on one waits for ever.
class NoStandby {
public:
    NoStandby() { set("'nobody'", true); }
    ~NoStandby() { set("''", false); }
    NoStandby(const NoStandby&) = delete;
    NoStandby& operator=(const NoStandby&) = delete;

private:
    /// The server's processes hear of it one after the other, so it holds when a commit shows it.
    static void set(const std::string& names, bool waits) {
        PostgresDatabase::admin("ALTER SYSTEM SET synchronous_standby_names = " + names);
        PostgresDatabase::admin("SELECT pg_reload_conf()");
        const auto server = PostgresDatabase::setting("LATCHKEY_TEST_POSTGRES_SERVER");
        const PostgresDatabase::Line line{PQconnectdb((server + " dbname=postgres").c_str()),
                                          &PQfinish};
        while (commit_waits(line.get()) != waits) {
        }
    }
    static bool commit_waits(PGconn* line) {
        bool warned = false;
        PQsetNoticeReceiver(
            line, [](void* seen, const PGresult*) { *static_cast<bool*>(seen) = true; }, &warned);
        PQsendQuery(line, "SELECT pg_logical_emit_message(true, 'x', 'x')");
        pollfd answer{PQsocket(line), POLLIN, 0};
        char reason[256];
        const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> end{PQgetCancel(line),
                                                                     &PQfreeCancel};
        if (::poll(&answer, 1, 100) == 0) PQcancel(end.get(), reason, sizeof reason);
        while (auto* result = PQgetResult(line)) PQclear(result);
        return warned;  // that it will not wait any longer
    }
};

}  // namespace latchkey::test
