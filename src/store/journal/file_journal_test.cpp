#include "store/journal/file_journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct Bench {
    boost::asio::io_context loop{1};
    FakeClock clock;
    SystemRandom random;
    NoLog log;
    TempDir dir;
    FileJournalOptions options{dir.file("journal"), "installation"};
    std::unique_ptr<FileJournal> journal;

    Bench() { options.limits.free_disk_bytes = 0; }
    Deadline by() const { return clock.in(std::chrono::seconds{5}); }
    std::string open() {
        journal.reset();
        auto opened = FileJournal::open(options, clock, random, log);
        if (!opened) return opened.error().code;
        journal = std::move(*opened);
        return {};
    }
    static JournalRecord record(const std::string& answer) {
        JournalRecord noted;
        noted.answer = Sealed{answer};
        return noted;
    }
};

}  // namespace

TEST_CASE("I14: a journal's directory that others can reach, or that is a link, is refused") {
    for (const mode_t mode : {0755, 0750, 0701}) {
        Bench bench;
        REQUIRE(::mkdir(bench.options.directory.c_str(), 0700) == 0);
        REQUIRE(::chmod(bench.options.directory.c_str(), mode) == 0);
        CHECK(bench.open() == "journal_not_private");
    }
    Bench link;
    REQUIRE(::mkdir(link.dir.file("elsewhere").c_str(), 0700) == 0);
    REQUIRE(::symlink(link.dir.file("elsewhere").c_str(), link.options.directory.c_str()) == 0);
    CHECK(link.open() == "journal_not_private");
    Bench nowhere;
    nowhere.options.directory = nowhere.dir.file("no/such/place");
    CHECK(nowhere.open() == "journal_unreachable");
}

TEST_CASE("a new journal is for its owner alone") {
    Bench bench;
    const auto before = ::umask(0);
    const auto refused = bench.open();
    ::umask(before);
    REQUIRE(refused.empty());
    struct stat seen{};
    REQUIRE(::stat(bench.options.directory.c_str(), &seen) == 0);
    CHECK((seen.st_mode & 0777u) == 0700);
    REQUIRE(::stat((bench.options.directory + "/0000000001.journal").c_str(), &seen) == 0);
    CHECK((seen.st_mode & 0777u) == 0600);
}

TEST_CASE("I18: a second journal on the same directory is refused until the first has ended") {
    Bench first;
    REQUIRE(first.open().empty());
    Bench second;
    second.options = first.options;
    CHECK(second.open() == "journal_locked");
    first.journal.reset();
    CHECK(second.open().empty());
}

TEST_CASE("answers that arrive together are all kept, each with a number of its own") {
    Bench bench;
    REQUIRE(bench.open().empty());
    const auto node = bench.journal->node();
    int kept = 0;
    for (int i = 0; i < 200; ++i)
        boost::asio::co_spawn(
            bench.loop, bench.journal->append(Bench::record(std::to_string(i)), bench.by()),
            [&](std::exception_ptr, Result<std::int64_t> number) { kept += number.has_value(); });
    bench.loop.run();
    CHECK(kept == 200);
    REQUIRE(bench.open().empty());
    CHECK(bench.journal->node() == node);
    const auto all = run(bench.loop, bench.journal->read(0, 1000, bench.by())).value();
    CHECK(all.size() == 200);
    CHECK(all.back().number == 200);
}

TEST_CASE("a former journal's records are taken over once, with their numbers") {
    Bench bench;
    FormerJournal former;
    former.installation = "installation";
    former.node = NodeId{"the former node"};
    for (const std::int64_t number : {3, 8}) {
        FormerJournal::Record kept;
        kept.record = Bench::record("number " + std::to_string(number));
        kept.record.number = number;
        if (number == 3) kept.closed_at = WallTime{std::chrono::seconds{5}};
        former.records.push_back(kept);
    }
    for (int turn = 0; turn < 2; ++turn)
        REQUIRE(FileJournal::take_over(bench.options, former, bench.random, bench.log).has_value());
    REQUIRE(bench.open().empty());
    CHECK(bench.journal->node() == former.node);
    const auto all = run(bench.loop, bench.journal->read(0, 10, bench.by())).value();
    REQUIRE(all.size() == 2);
    CHECK(all[0].closed);
    CHECK(all[1].answer == Sealed{"number 8"});
    CHECK_FALSE(all[1].closed);
    CHECK(run(bench.loop, bench.journal->append(Bench::record("next"), bench.by())).value() == 9);
}
