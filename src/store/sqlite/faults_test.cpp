#include <fstream>

#include <sqlite3.h>

#include "store/sqlite/database.h"
#include "store/sqlite/sqlite_bench.h"
#include "tests/support/faulty_vfs.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct Bench {
    FaultyVfs disk;
    SqliteFileBench files;

    Bench() {
        files.options.vfs = disk.name();
        REQUIRE(files.open().empty());
    }
};

}  // namespace

TEST_CASE("I10: a disk that is full at any write refuses the claim, loses nothing and recovers") {
    Bench bench;
    auto& files = bench.files;
    int writes = 0;
    for (;; ++writes) {
        REQUIRE(writes < 100);
        const auto key = files.connect("cn_" + std::to_string(writes));
        bench.disk.plan.writes_before = writes;
        bench.disk.plan.failed = false;
        const auto outcome = files.refusal(files.claim(key, "a1"));
        const bool failed = bench.disk.plan.failed;
        bench.disk.plan = {};
        if (!failed) {
            CHECK(outcome.empty());
            break;
        }
        CHECK(outcome == "storage_unavailable");
        CHECK(files.row(key).state == State::active);
        CHECK(files.refusal(files.claim(key, "a2")).empty());
    }
    CHECK(writes >= 1);
    files.reopen();
    for (int i = 0; i < writes; ++i)
        CHECK(files.row({ConnectionId{"cn_" + std::to_string(i)}, Epoch{1}}).attempt ==
              AttemptId{"a2"});
}

TEST_CASE("I11: a sync that fails once is not believed, though the next one succeeds") {
    Bench bench;
    auto& files = bench.files;
    const auto key = files.connect("cn_1");
    bench.disk.plan.syncs_before = 0;
    const auto claim = files.get(files.claim(key, "a1"));
    CHECK(bench.disk.plan.failed);
    bench.disk.plan = {};
    REQUIRE_FALSE(claim.has_value());
    CHECK(claim.error().fault == Fault::outcome_unknown);
    CHECK(claim.error().code == "storage_outcome_unknown");

    // The store goes on, and what it says from then on is on the disk.
    const auto other = files.connect("cn_2");
    CHECK(files.refusal(files.claim(other, "a1")).empty());
    files.reopen();
    CHECK(files.row(other).state == State::in_flight);
}

TEST_CASE("I11: a write error at the commit leaves its outcome open") {
    Bench bench;
    auto& files = bench.files;
    const auto key = files.connect("cn_1");
    bench.disk.plan.writes_before = 0;
    bench.disk.plan.write_code = SQLITE_IOERR_WRITE;
    const auto claim = files.get(files.claim(key, "a1"));
    bench.disk.plan = {};
    REQUIRE_FALSE(claim.has_value());
    CHECK(claim.error().fault == Fault::outcome_unknown);
    CHECK(files.row(key).key == key);
}

TEST_CASE("a file that is no database, or a damaged one, is reported as damaged") {
    SqliteFileBench files;
    REQUIRE(files.open().empty());
    for (int i = 0; i < 50; ++i) files.connect("cn_" + std::to_string(i));
    files.store.reset();
    {
        std::fstream file{files.options.path, std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(0, std::ios::end);
        const auto size = static_cast<std::streamoff>(file.tellp());
        REQUIRE(size > 8192);
        file.seekp(4096);
        file << std::string(static_cast<std::size_t>(size - 4096), '\x5a');
    }
    const auto opened = files.open();
    const auto outcome = opened.empty() ? files.refusal(files.store->grants().find(
                                              GrantKey{ConnectionId{"cn_1"}, Epoch{1}}, files.by()))
                                        : opened;
    CHECK(outcome == "storage_damaged");

    files.store.reset();
    std::ofstream{files.options.path, std::ios::trunc} << std::string(8192, 'x');
    CHECK(files.open() == "storage_damaged");
}

TEST_CASE("each refusal of SQLite names who has to act") {
    const auto fault = [](int code, bool at_commit = false) {
        return sqlite::error_of({code, at_commit, "why"}).fault;
    };
    for (const int code : {SQLITE_FULL, SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_READ,
                           SQLITE_NOMEM, SQLITE_READONLY, SQLITE_CANTOPEN})
        CHECK(fault(code) == Fault::try_later);
    CHECK(fault(SQLITE_FULL, true) == Fault::try_later);
    CHECK(fault(SQLITE_BUSY, true) == Fault::try_later);
    CHECK(fault(SQLITE_IOERR_FSYNC, true) == Fault::outcome_unknown);
    CHECK(fault(SQLITE_IOERR_WRITE, true) == Fault::outcome_unknown);
    CHECK(sqlite::error_of({SQLITE_CORRUPT_VTAB, false, "why"}).code == "storage_damaged");
    CHECK(sqlite::error_of({SQLITE_NOTADB, false, "why"}).code == "storage_damaged");
    CHECK(fault(SQLITE_CONSTRAINT_UNIQUE) == Fault::internal);
}
