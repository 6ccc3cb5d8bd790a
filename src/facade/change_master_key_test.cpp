#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "facade/facade_bench.h"
#include "facade/kept_keys.h"
#include "store/sqlite/sqlite_store.h"
#include "vault/key_ring_loader.h"

namespace latchkey {

namespace {

using namespace std::chrono_literals;

/// A store that nobody has open, and what lies beside its journal.
struct Stopped {
    Stopped() { REQUIRE(Latchkey::open(options(master)).has_value()); }

    Options options(char key) {
        Options made;
        made.database = folder.file("store.db");
        made.master_key = source(key);
        made.log = [this](const LogRecord& record) { told.emplace_back(record.event); };
        return made;
    }
    static MasterKeySource source(char key) { return MasterKeyBytes{Secret{std::string(64, key)}}; }

    /// A key of this installation that only the journal's folder still holds.
    std::string forget_one(char wrapped_by) {
        SystemClock clock;
        SystemRandom random;
        NoLog log;
        boost::asio::io_context loop;
        const auto by = clock.in(30s);
        auto store = SqliteStore::open(SqliteOptions{folder.file("store.db")}, clock, random, log);
        REQUIRE(store.has_value());
        const auto installation = test::run(loop, (*store)->keys().installation(by)).value().id;
        const auto wrapping = MasterKey::parse(Secret{std::string(64, wrapped_by)}).value();
        const auto key = next_key(wrapping, installation, random, clock);
        auto kept = KeptKeys::open(folder.file("store.db.journal")).value();
        REQUIRE(kept->keep({key}).has_value());
        return key.id;
    }
    std::vector<std::string> keys_under(char key) {
        auto opened = Latchkey::open(options(key));
        REQUIRE(opened.has_value());
        const auto listed = (*opened)->sealing_keys();
        REQUIRE(listed.has_value());
        std::vector<std::string> ids;
        for (const auto& one : listed->keys) ids.push_back(one.id);
        return ids;
    }
    bool was_told(const std::string& event) const {
        return std::find(told.begin(), told.end(), event) != told.end();
    }

    static constexpr char master = 'a';
    static constexpr char next = 'b';
    const test::TempDir folder;
    std::vector<std::string> told;
};

}  // namespace

TEST_CASE_FIXTURE(
    Stopped, "a change of the master key takes along what only the journal's folder still holds") {
    const auto forgotten = forget_one(master);
    CHECK(Latchkey::change_master_key(options(master), source(next)).value() == 2);
    CHECK_FALSE(was_told("sealing_key_unreadable"));
    const auto keys = keys_under(next);
    CHECK(keys.size() == 2);
    CHECK(std::count(keys.begin(), keys.end(), forgotten) == 1);
    CHECK_FALSE(was_told("sealing_key_unreadable"));
    CHECK(Latchkey::open(options(master)).error().code == "wrong_master_key");
}

TEST_CASE_FIXTURE(Stopped,
                  "a change of the master key leaves a kept key alone that it cannot open itself") {
    const auto foreign = forget_one('c');
    CHECK(Latchkey::change_master_key(options(master), source(next)).value() == 1);
    CHECK(was_told("sealing_key_unreadable"));
    const auto keys = keys_under(next);
    CHECK(keys.size() == 1);
    CHECK(std::count(keys.begin(), keys.end(), foreign) == 0);
}

}  // namespace latchkey
