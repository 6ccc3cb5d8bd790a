#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include <latchkey/journal.h>

#include "base/clock.h"
#include "base/random.h"
#include "store/journal/file_journal.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct Bench {
    boost::asio::io_context loop{1};
    SystemClock clock;
    SystemRandom random;
    NoLog log;
    TempDir dir;
    std::string where = dir.file("journal");
    std::string segment = where + "/0000000001.journal";

    Result<std::unique_ptr<FileJournal>> open() {
        FileJournalOptions options{where, "installation"};
        options.limits.free_disk_bytes = 0;
        return FileJournal::open(options, clock, random, log);
    }
    void fill(int answers) {
        auto journal = open().value();
        for (int i = 1; i <= answers; ++i) {
            JournalRecord record;
            record.answer = Sealed{"answer " + std::to_string(i)};
            run(loop, journal->append(record, clock.in(std::chrono::seconds{5}))).value();
        }
    }
    std::string bytes() const {
        std::ifstream file{segment, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    void damage(std::streamoff at, const std::string& with) const {
        std::fstream file{segment, std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(at);
        file << with;
    }
    std::size_t records() {
        auto journal = open().value();
        return run(loop, journal->read(0, 100, clock.in(std::chrono::seconds{5}))).value().size();
    }
};

}  // namespace

TEST_CASE("I16: a damaged journal stops the start until it was repaired, which loses one answer") {
    Bench bench;
    bench.fill(5);
    const auto at = bench.bytes().find("answer 2");
    REQUIRE(at != std::string::npos);
    bench.damage(static_cast<std::streamoff>(at), "Answer");
    const auto refused = bench.open();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "journal_damaged");
    CHECK(refused.error().message.find("latchkey journal repair") != std::string::npos);

    const auto mended = repair_journal(bench.where);
    REQUIRE(mended.has_value());
    REQUIRE(mended->size() == 1);
    const auto& one = mended->front();
    CHECK(one.segment == "0000000001.journal");
    CHECK(one.kept == 4);
    CHECK(one.damaged_bytes == std::filesystem::file_size(bench.where + "/" + one.set_aside));
    CHECK_FALSE(one.left_out_whole);
    CHECK(bench.records() == 4);
    CHECK(repair_journal(bench.where).value().empty());
}

TEST_CASE("I18: a journal that a process holds is not repaired") {
    Bench bench;
    const auto held = bench.open();
    REQUIRE(held.has_value());
    CHECK(repair_journal(bench.where).error().code == "journal_locked");
}

TEST_CASE("where there is no journal the repair says so, and makes nothing") {
    Bench bench;
    CHECK(repair_journal(bench.where).error().code == "journal_not_found");
    CHECK_FALSE(std::filesystem::exists(bench.where));
    std::filesystem::create_directory(bench.where);
    std::filesystem::permissions(bench.where, std::filesystem::perms::owner_all);
    CHECK(repair_journal(bench.where).error().code == "journal_not_found");
    CHECK(std::filesystem::is_empty(bench.where));
}

TEST_CASE("I16: a journal without any header is set aside as a whole") {
    Bench bench;
    bench.fill(2);
    bench.damage(0, std::string(4096, 'x'));
    const auto mended = repair_journal(bench.where).value();
    REQUIRE(mended.size() == 1);
    CHECK(mended[0].left_out_whole);
    CHECK(mended[0].kept == 0);
    CHECK(std::filesystem::exists(bench.where + "/" + mended[0].set_aside));
    CHECK(bench.records() == 0);
}
