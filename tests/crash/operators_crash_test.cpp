#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sys/wait.h>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "connect/kill_watch.h"
#include "crypto/master_key.h"
#include "crypto/sealed_format.h"
#include "facade/key_watch.h"
#include "net/net_transport.h"
#include "store/memory_journal.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/crash/again.h"
#include "tests/crash/crash_store.h"
#include "tests/crash/node.h"
#include "tests/support/run.h"
#include "vault/key_ring_loader.h"

// What operators order, a change of keys and a kill switch, while the process is killed: the same
// binary is started as a child that works on a store until it reaches a point, and is looked at by
// the next start.

using namespace std::chrono_literals;

namespace latchkey::test {
namespace {

constexpr int connections = 12;

/// A SQLite file with its keys and what works on them, opened by one process after the other.
struct Start {
    Start(const std::string& file, Stops& at, char master_of = 'a')
        : stops(at),
          store(SqliteStore::open(SqliteOptions{file}, clock, random, log).value()),
          master(MasterKey::parse(Secret{std::string(64, master_of)}).value()),
          installation(ok(store->keys().installation(by())).id),
          ring(ok(load_key_ring(store->keys(), master, random, clock, by()))),
          vault(*store, journal, ring, installation, random, clock),
          keys(KeyWatchParts{loop, *store, ring, master, installation,
                             NodeIdentity{NodeId{"node"}, BootId{"boot"}}, clock, random, log,
                             stops}) {}

    Deadline by() const { return clock.in(30s); }
    template <class T>
    T ok(Task<T> work) {
        return run(loop, std::move(work)).value();
    }
    void done(Task<void> work) { REQUIRE(run(loop, std::move(work)).has_value()); }

    void change_keys() {
        ok(keys.change(by()));
        go_on();
    }
    /// What KeyWatch::run does, without its rests.
    void go_on() {
        for (int i = 0; i < 3; ++i) {
            done(keys.look(by()));
            while (ok(keys.reseal(by()))) {
            }
        }
    }
    void change_master(char to) {
        const auto next = MasterKey::parse(Secret{std::string(64, to)}).value();
        auto kept = ok(store->keys().all(by()));
        auto anew = wrapped_anew(std::move(kept), master, next, installation, random).value();
        stops.reached("CP49");
        done(store->keys().rewrap(std::move(anew), by()));
        stops.reached("CP49 behind");
    }
    void revoke_all() {
        KillSwitch all;
        all.revokes = true;
        SwitchBoard board;
        NetTransport transport{NetOptions{}, clock};
        TokenEndpoint endpoint{transport, clock};
        Providers providers;
        KillWatch watch{ConnectParts{loop,
                                     vault,
                                     *store,
                                     journal,
                                     endpoint,
                                     providers,
                                     clock,
                                     random,
                                     log,
                                     stops,
                                     {},
                                     board},
                        board, [] {}};
        const auto on = ok(store->kill_switches().list(by()));
        if (on.empty()) ok(watch.turn_on(all, by()));
        boost::asio::co_spawn(loop, watch.run(), boost::asio::detached);
        loop.restart();
        loop.run_for(1500ms);
        watch.stop();
        loop.restart();
        loop.run_for(100ms);
    }

    void connect_all() {
        for (int n = 0; n < connections; ++n) {
            const GrantKey key{ConnectionId{"cn_" + std::to_string(n)}, Epoch{1}};
            GrantRow facts;
            facts.key = key;
            facts.provider = ProviderId{"salesforce"};
            FreshTokens fresh;
            fresh.access_token = Secret{"access-" + std::to_string(n)};
            fresh.refresh_token = Secret{"refresh-" + std::to_string(n)};
            Connection shown;
            shown.id = key.connection;
            done(vault.keep_candidate(facts, fresh, by()));
            ok(vault.promote(key, shown, by()));
        }
    }
    bool all_readable() {
        for (int n = 0; n < connections; ++n) {
            const auto grant = run(loop, vault.open(ConnectionId{"cn_" + std::to_string(n)}, by()));
            if (!grant || grant->access_token.reveal() != "access-" + std::to_string(n) ||
                grant->refresh_token->reveal() != "refresh-" + std::to_string(n))
                return false;
        }
        return true;
    }
    std::int64_t sealed_with(const std::string& id) {
        auto counts = ok(store->keys().tokens_by_header(seal_header_bytes, by()));
        return counts[seal_header(id)];
    }
    std::size_t in_state(State state) {
        return ok(store->grants().in_state(state, GrantKey{}, 500, by())).size();
    }

    boost::asio::io_context loop;
    SystemClock clock;
    SystemRandom random;
    NoLog log;
    Stops& stops;
    std::unique_ptr<SqliteStore> store;
    MasterKey master;
    std::string installation;
    KeyRing ring;
    MemoryJournal journal{NodeId{"node"}, clock};
    Vault vault;
    KeyWatch keys;
};

std::string told(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

struct Folder {
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "latchkey-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
        NoStops none;
        Start{store(), none}.connect_all();
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string store() const { return (path / "store.db").string(); }
    std::filesystem::path path;
};

/// True if the child was killed at the point; false if it came to its end without reaching it.
bool killed_at(const Folder& folder, const std::string& order, const std::string& point) {
    const int status = run_again("a start that carries out an operator's order",
                                 {"LATCHKEY_ORDER=" + order, "LATCHKEY_CRASH_AT=" + point,
                                  "LATCHKEY_CRASH_STORE=" + folder.store()},
                                 (folder.path / "output").string());
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL;
    REQUIRE(WEXITSTATUS(status) == 0);
    return false;
}

}  // namespace

TEST_CASE("a start that carries out an operator's order" * doctest::skip()) {
    KillingStops stops{told("LATCHKEY_CRASH_AT")};
    Start start{told("LATCHKEY_CRASH_STORE"), stops};
    const auto order = told("LATCHKEY_ORDER");
    if (order == "change keys") start.change_keys();
    if (order == "change master") start.change_master('b');
    if (order == "revoke all") start.revoke_all();
}

TEST_CASE("I6, CP45 to CP48: a kill -9 at each step of a key change leaves every token readable") {
    for (const std::string point : {"CP45", "CP46", "CP47", "CP48"}) {
        CAPTURE(point);
        Folder folder;
        REQUIRE(killed_at(folder, "change keys", point));
        NoStops none;
        Start next{folder.store(), none};
        CHECK(next.all_readable());
        const bool in_use = point == "CP47" || point == "CP48";
        const auto added = next.ok(next.store->keys().all(next.by())).back().id;
        CHECK(added != "00000001");
        CHECK(next.ring.sealing() == (in_use ? added : "00000001"));
        CHECK(next.ring.has(added));
        CHECK(next.sealed_with("00000001") ==
              (point == "CP48" ? 0 : 2 * connections - (in_use ? 2 : 0)));

        next.go_on();
        CHECK(next.all_readable());
        CHECK(next.ring.sealing() == added);
        CHECK(next.sealed_with("00000001") == 0);
        CHECK(next.sealed_with(added) == 2 * connections);
    }
}

TEST_CASE(
    "I6, CP49: a kill -9 while the master key is changed leaves the store to the old key or the "
    "new") {
    for (const std::string point : {"CP49", "CP49 behind"}) {
        CAPTURE(point);
        Folder folder;
        REQUIRE(killed_at(folder, "change master", point));
        const bool changed = point == "CP49 behind";
        NoStops none;
        Start next{folder.store(), none, changed ? 'b' : 'a'};
        CHECK(next.all_readable());
        const auto other = MasterKey::parse(Secret{std::string(64, changed ? 'a' : 'b')}).value();
        KeyRing ring;
        const auto kept = next.ok(next.store->keys().all(next.by()));
        CHECK(take_up(ring, kept, other, next.installation).error().code == "wrong_master_key");
    }
}

TEST_CASE(
    "CP44: a kill -9 in the middle of a sweep leaves the kill switch on, and the next start goes "
    "on") {
    Folder folder;
    REQUIRE(killed_at(folder, "revoke all", "CP44"));
    NoStops none;
    Start next{folder.store(), none};
    CHECK(next.in_state(State::revoking) == 1);
    CHECK(next.in_state(State::active) == connections - 1);
    const auto on = next.ok(next.store->kill_switches().list(next.by()));
    REQUIRE(on.size() == 1);
    CHECK(on[0].revokes);
    CHECK_FALSE(on[0].swept);
    next.revoke_all();
    CHECK(next.in_state(State::revoking) == connections);
    CHECK(next.in_state(State::active) == 0);
}

}  // namespace latchkey::test
