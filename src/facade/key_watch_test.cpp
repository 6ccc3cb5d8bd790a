#include "facade/key_watch.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "crypto/sealed_format.h"
#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"
#include "vault/bindings.h"
#include "vault/key_ring_loader.h"
#include "vault/vault_bench.h"

using namespace latchkey;
using namespace latchkey::test;
using namespace std::chrono_literals;

namespace {

class Quiet final : public Log {
public:
    void write(Level, std::string_view event, std::initializer_list<Field>) noexcept override {
        last = event;
    }
    std::string last;
};

/// A database that several nodes share. Nothing happens but what a test makes a node do.
struct Shared : VaultBench {
    MemoryStore store{clock, random};
    MasterKey master = MasterKey::generate(random);
    std::string installation = ok(store.keys().installation(by())).id;
    Quiet log;
    NoStops stops;
};

/// One start of a node: its ring, as it read it when it began, and its part in changing keys.
struct Node {
    Node(Shared& shared, const std::string& name)
        : at(shared),
          who(NodeId{name}, BootId{name + "-boot"}),
          journal(who.node, shared.clock),
          ring(shared.ok(load_key_ring(shared.store.keys(), shared.master, shared.random,
                                       shared.clock, shared.by()))),
          vault(shared.store, journal, ring, shared.installation, shared.random, shared.clock),
          watch(KeyWatchParts{shared.loop, shared.store, ring, shared.master, shared.installation,
                              who, shared.clock, shared.random, shared.log, shared.stops}) {
        shared.ok(shared.store.nodes().join(who.node, who.boot, std::nullopt, shared.by()));
    }
    std::string look() { return at.refusal(watch_look()); }
    Task<bool> watch_look() {
        auto looked = co_await watch.look(at.by());
        if (!looked) co_return looked.error();
        co_return true;
    }
    void beat() { at.done(at.store.nodes().beat(who.node, who.boot, at.by())); }
    void reseal() {
        while (at.ok(watch.reseal(at.by()))) {
        }
    }
    std::string opened(const std::string& connection) {
        auto grant = at.get(vault.open(ConnectionId{connection}, at.by()));
        return grant ? std::string{grant->access_token.reveal()} : grant.error().code;
    }

    Shared& at;
    NodeIdentity who;
    MemoryJournal journal;
    KeyRing ring;
    Vault vault;
    KeyWatch watch;
};

}  // namespace

TEST_CASE("I7, CP45, CP46: a new key seals only when every node has said that it reads it") {
    Shared shared;
    Node a{shared, "a"};
    Node b{shared, "b"};
    const auto first = a.ring.sealing();
    const auto added = shared.ok(a.watch.change(shared.by()));
    CHECK(added.stage == KeyStage::announced);
    CHECK(shared.refusal(b.watch.change(shared.by())) == "key_change_under_way");
    CHECK(a.ring.sealing() == first);

    CHECK(a.look().empty());
    CHECK(a.ring.has(added.id));
    CHECK(a.ring.sealing() == first);
    CHECK(shared.ok(a.watch.list(shared.by())).waiting_for == std::vector<NodeId>{NodeId{"b"}});

    CHECK(b.look().empty());  // it was the last one, so it puts the key in use
    CHECK(b.look().empty());
    CHECK(b.ring.sealing() == added.id);
    CHECK(a.ring.sealing() == first);
    CHECK(a.look().empty());
    CHECK(a.ring.sealing() == added.id);
    const auto listed = shared.ok(a.watch.list(shared.by()));
    CHECK(listed.waiting_for.empty());
    REQUIRE(listed.keys.size() == 2);
    CHECK_FALSE(listed.keys[0].seals);
    CHECK(listed.keys[1].seals);
}

TEST_CASE("I7: a node that is silent for a minute is not waited for; one that lives is") {
    Shared shared;
    Node a{shared, "a"};
    Node frozen{shared, "frozen"};
    shared.ok(a.watch.change(shared.by()));
    const auto first = a.ring.sealing();
    for (int i = 0; i < 10; ++i) {
        CHECK(a.look().empty());
        frozen.beat();
        shared.clock.advance(10s);
    }
    CHECK(a.ring.sealing() == first);
    for (int i = 0; i < 7; ++i) {
        CHECK(a.look().empty());
        shared.clock.advance(10s);
    }
    CHECK(a.look().empty());
    CHECK(a.look().empty());
    CHECK(a.ring.sealing() != first);
}

TEST_CASE(
    "I7: a node that lacks the key says key_unavailable, harms nothing, and reads on when it "
    "looks") {
    Shared shared;
    Node a{shared, "a"};
    connect(shared, a.vault, key_of("cn_1"));
    Node frozen{shared, "frozen"};
    shared.ok(a.watch.change(shared.by()));
    for (int i = 0; i < 9; ++i) {
        CHECK(a.look().empty());
        shared.clock.advance(10s);
    }
    a.reseal();

    CHECK(frozen.opened("cn_1") == "key_unavailable");
    const auto row = shared.store.all_grants().at(0);
    CHECK(row.state == State::active);
    CHECK(row.quarantine.empty());
    CHECK(frozen.look().empty());
    CHECK(frozen.opened("cn_1") == "access-cn_1-1");
}

TEST_CASE("CP47, CP48: everything is sealed anew, page by page, by whichever nodes are there") {
    Shared shared;
    Node a{shared, "a"};
    for (int n = 0; n < 230; ++n) connect(shared, a.vault, key_of("cn_" + std::to_string(n)));
    Node b{shared, "b"};
    const auto added = shared.ok(b.watch.change(shared.by()));
    CHECK(a.look().empty());
    CHECK(b.look().empty());
    CHECK(a.look().empty());
    CHECK(b.look().empty());
    // One page each, then one of them ends in the middle of it all.
    CHECK(shared.ok(a.watch.reseal(shared.by())));
    CHECK(shared.ok(b.watch.reseal(shared.by())));
    auto keys = shared.ok(b.watch.list(shared.by())).keys;
    CHECK(keys[0].tokens > 0);
    CHECK(keys[1].tokens > 0);
    for (int n = 0; n < 230; ++n)
        CHECK(a.opened("cn_" + std::to_string(n)) == "access-cn_" + std::to_string(n) + "-1");
    b.reseal();
    keys = shared.ok(b.watch.list(shared.by())).keys;
    CHECK(keys[0].tokens == 0);
    CHECK(keys[1].tokens == 460);
    CHECK(keys[1].id == added.id);
    CHECK(shared.log.last == "sealed_anew");
    CHECK_FALSE(shared.ok(b.watch.reseal(shared.by())));
}

TEST_CASE("a node whose master key does not open the new key does not say that it reads it") {
    Shared shared;
    Node a{shared, "a"};
    Node b{shared, "b"};
    SealedKey foreign;
    foreign.id = "00000002";
    foreign.key = Sealed{"of another installation"};
    foreign.stage = KeyStage::announced;
    shared.done(shared.store.keys().add(foreign, shared.by()));
    CHECK(a.look() == "wrong_master_key");
    CHECK(shared.log.last == "sealing_key_unreadable");
    // Nor does it add one of its own, which could be opened together with that one by nobody.
    CHECK(shared.refusal(a.watch.change(shared.by())) == "wrong_master_key");
    CHECK(shared.ok(shared.store.nodes().list(shared.by())).at(0).reads.empty());
    CHECK(a.ring.sealing() == "00000001");
}

TEST_CASE("another key under an id that this node reads is not taken for its own") {
    Shared shared;
    Node a{shared, "a"};
    SealedKey same_id;
    same_id.id = "00000002";
    same_id.key = shared.master.wrap(Bindings{shared.installation}.sealing_key(same_id.id),
                                     Secret{std::string(32, 'x')}, shared.random);
    REQUIRE(a.ring.add("00000002", Secret{std::string(32, 'y')}).has_value());
    shared.done(shared.store.keys().add(same_id, shared.by()));
    CHECK(a.look() == "sealing_key_differs");
    CHECK(a.ring.sealing() == "00000001");
}

TEST_CASE("I6: a key in use that the store has forgotten is put back by whoever reads it") {
    Shared shared;
    Node a{shared, "a"};
    const auto added = shared.ok(a.watch.change(shared.by()));
    for (int i = 0; i < 3; ++i) CHECK(a.look().empty());
    CHECK(a.ring.sealing() == added.id);
    const auto before = shared.ok(shared.store.keys().all(shared.by()));

    // A fail-over has lost the commit: the same node, another database.
    MemoryStore older{shared.clock, shared.random};
    shared.done(older.keys().add(before.at(0), shared.by()));
    TempDir folder;
    auto kept = KeptKeys::open(folder.path().string()).value();
    REQUIRE(kept->keep(before).has_value());
    KeyWatch after_restart{KeyWatchParts{shared.loop, older, a.ring, shared.master,
                                         shared.installation, a.who, shared.clock, shared.random,
                                         shared.log, shared.stops, kept.get()}};
    shared.ok(older.nodes().join(a.who.node, a.who.boot, std::nullopt, shared.by()));
    shared.done(after_restart.look(shared.by()));
    CHECK(shared.ok(older.keys().all(shared.by())).size() == 2);
    CHECK(shared.log.last != "sealing_key_unreadable");
    CHECK(a.ring.sealing() == added.id);
}

TEST_CASE(
    "sealing keys beside the journal are kept whole, and what is no line of them is left out") {
    TempDir folder;
    SealedKey one;
    one.id = "0000000a";
    one.key = Sealed{std::string("wrapped\0key", 11)};
    one.created_at = WallTime{std::chrono::seconds{5}};
    auto kept = KeptKeys::open(folder.path().string()).value();
    CHECK(kept->keys().empty());
    REQUIRE(kept->keep({one}).has_value());
    auto two = one;
    two.id = "0000000b";
    REQUIRE(kept->keep({two}).has_value());

    const auto file = folder.path() / KeptKeys::file_name;
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::mask) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    std::ofstream{file, std::ios::app} << "no line\nzzzzzzzz 1 AAAA\n0000000c x AAAA\n";
    const auto again = KeptKeys::open(folder.path().string()).value();
    REQUIRE(again->keys().size() == 2);
    CHECK(again->keys()[0].id == "0000000a");
    CHECK(again->keys()[0].key == one.key);
    CHECK(again->keys()[1].id == "0000000b");
}
