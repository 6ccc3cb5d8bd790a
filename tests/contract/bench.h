#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "base/log.h"
#include "base/random.h"
#include "store/journal/file_journal.h"
#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"
#include "store/timeline_order.h"
#include "tests/support/fake_clock.h"
#include "tests/support/postgres_database.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace latchkey::test {

/// What both benches have: a loop, time, and a way to wait for an answer.
struct BenchBase {
    boost::asio::io_context loop{1};
    FakeClock clock;
    SystemRandom random;
    NoLog log;
    StoreLimits limits;

    BenchBase() {
        limits.unexpired_flows = 20;
        limits.open_flows_of_key = 8;
        limits.journal_bytes = 10'000;
        limits.free_disk_bytes = 0;
    }

    Deadline by() const { return clock.in(std::chrono::seconds{5}); }

    template <class T>
    Result<T> get(Task<T> call) {
        return run(loop, std::move(call));
    }
    template <class T>
    T ok(Task<T> call) {
        auto result = get(std::move(call));
        const std::string refused = result.has_error() ? result.error().code : std::string{};
        CAPTURE(refused);
        REQUIRE(result.has_value());
        return std::move(*result);
    }
    void done(Task<void> call) {
        const auto result = get(std::move(call));
        const std::string refused = result.has_error() ? result.error().code : std::string{};
        CAPTURE(refused);
        REQUIRE(result.has_value());
    }
    /// "fault code" of a refused call, "" of one that went well.
    template <class T>
    std::string refusal(Task<T> call) {
        const auto result = get(std::move(call));
        if (result.has_value()) return {};
        return std::string{name(result.error().fault)} + " " + result.error().code;
    }
};

struct MemoryBench : BenchBase {
    MemoryStore adapter{clock, random, limits};
    MemoryJournal journal{NodeId{"node"}, clock, limits};
    Store& store = adapter;
    void new_timeline() { adapter.new_timeline(); }
};

struct SqliteBench : BenchBase {
    TempDir dir;
    std::unique_ptr<SqliteStore> adapter = opened();

    struct Here {
        std::unique_ptr<SqliteStore>& adapter;
        GrantStore& grants() { return adapter->grants(); }
        FlowStore& flows() { return adapter->flows(); }
        ConnectionIndex& connections() { return adapter->connections(); }
        KeyStore& keys() { return adapter->keys(); }
        ApiKeyStore& api_keys() { return adapter->api_keys(); }
        KillSwitchStore& kill_switches() { return adapter->kill_switches(); }
        EventStore& events() { return adapter->events(); }
        NodeStore& nodes() { return adapter->nodes(); }
        Changes& changes() { return adapter->changes(); }
        Task<void> quiet(Deadline by) { return adapter->quiet(by); }
    } store{adapter};

    SqliteOptions options() const {
        SqliteOptions wanted{dir.file("latchkey.db")};
        wanted.limits = limits;
        return wanted;
    }
    std::unique_ptr<SqliteStore> opened() {
        auto made = SqliteStore::open(options(), clock, random, log);
        REQUIRE(made.has_value());
        return std::move(*made);
    }
    void reopen() {
        adapter.reset();
        adapter = opened();
    }
    void new_timeline() { ok(adapter->grants().mark_restored(0, by())); }
};

/// A node's journal in files; it needs no store beside it.
struct FileBench : BenchBase {
    TempDir dir;
    std::unique_ptr<FileJournal> adapter = opened();
    Journal& journal = *adapter;

    std::unique_ptr<FileJournal> opened() {
        FileJournalOptions wanted{dir.file("journal"), "installation"};
        wanted.limits = limits;
        auto made = FileJournal::open(wanted, clock, random, log);
        REQUIRE(made.has_value());
        return std::move(*made);
    }
};

/// A database in a real server, behind a pooler where the tests are run so.
struct PostgresBench : BenchBase {
    EmptyDatabase database;
    std::unique_ptr<PostgresStore> adapter = opened();
    Store& store = *adapter;

    std::unique_ptr<PostgresStore> opened() {
        PostgresOptions options{Secret{database.dsn()}};
        options.connections = 1;  // a server makes a process of each
        options.limits = limits;
        auto made = PostgresStore::open(std::move(options), clock, random, log);
        const std::string refused =
            made.has_error() ? made.error().message + made.error().remote_text : std::string{};
        CAPTURE(refused);
        REQUIRE(made.has_value());
        return std::move(*made);
    }
    void new_timeline() { ok(adapter->grants().mark_restored(0, by())); }
};

inline GrantKey key_of(const std::string& connection, std::int64_t epoch) {
    return GrantKey{ConnectionId{connection}, Epoch{epoch}};
}

/// A candidate with every field filled.
inline GrantRow candidate(const std::string& connection, std::int64_t epoch = 1) {
    GrantRow row;
    row.key = key_of(connection, epoch);
    row.refresh_token = Sealed{"sealed refresh " + std::to_string(epoch)};
    row.access_token = Sealed{"sealed access " + std::to_string(epoch)};
    row.provider = ProviderId{"salesforce"};
    row.login_url = "https://login.salesforce.com";
    row.instance_url = "https://acme.my.salesforce.com";
    row.org_id = "00D000000000001AAA";
    row.user_id = "005000000000001AAA";
    row.scopes = {"api", "refresh_token"};
    row.access_received_at = WallTime{std::chrono::seconds{1000}};
    row.access_expires_at = WallTime{std::chrono::seconds{8200}};
    return row;
}

inline Connection facts(const std::string& connection, const std::string& end_user = "ada",
                        std::int64_t connected_at = 1000) {
    Connection connected;
    connected.id = ConnectionId{connection};
    connected.end_user = end_user;
    connected.username = end_user + "@acme.example";
    connected.connected_at = WallTime{std::chrono::seconds{connected_at}};
    return connected;
}

/// A connection with one current, ACTIVE grant at epoch 1, both generations 1.
template <class Bench>
GrantRow connect(Bench& bench, const std::string& connection, const std::string& end_user = "ada",
                 std::int64_t connected_at = 1000) {
    bench.done(bench.store.grants().add_candidate(candidate(connection), bench.by()));
    bench.ok(bench.store.grants().promote(key_of(connection, 1),
                                          facts(connection, end_user, connected_at), Generation{0},
                                          Sealed{"sealed access for 1"}, bench.by()));
    return bench.ok(bench.store.grants().find(ConnectionId{connection}, bench.by()));
}

template <class Bench>
GrantRow claimed(Bench& bench, const std::string& connection, const std::string& attempt) {
    const auto row = bench.ok(bench.store.grants().find(ConnectionId{connection}, bench.by()));
    return bench.ok(bench.store.grants().claim(row.key, row.grant_generation, AttemptId{attempt},
                                               NodeId{"node"}, bench.by()));
}

/// What an attempt on this row brings.
inline Settlement settlement(const GrantRow& row, Settlement::Kind kind) {
    Settlement outcome;
    outcome.kind = kind;
    outcome.key = row.key;
    outcome.grant_generation = row.grant_generation;
    outcome.generation = row.generation;
    outcome.attempt = row.attempt;
    outcome.received_at = WallTime{std::chrono::seconds{2000}};
    if (kind == Settlement::Kind::rotated || kind == Settlement::Kind::access_only)
        outcome.access_token = Sealed{"next access"};
    if (kind == Settlement::Kind::rotated) outcome.refresh_token = Sealed{"next refresh"};
    return outcome;
}

/// Takes the row from `from` to `to` as an operator's hand would.
template <class Bench>
GrantRow moved(Bench& bench, const GrantRow& row, State to, const std::string& reason = {}) {
    Move change;
    change.key = row.key;
    change.grant_generation = row.grant_generation;
    change.from = row.state;
    change.attempt = row.attempt;
    change.to = to;
    change.reason = reason;
    return bench.ok(bench.store.grants().move(std::move(change), bench.by()));
}

}  // namespace latchkey::test
