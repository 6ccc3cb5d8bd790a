#include "store/journal/file_journal.h"

#include <cstdlib>
#include <filesystem>
#include <map>

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>

#include "store/private_file.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_disk.h"
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
    std::vector<JournalRecord> all() { return run(loop, journal->read(0, 1000, by())).value(); }
};

/// One that gives its records two at a time.
FormerJournal former_journal(std::vector<FormerJournal::Record> records) {
    FormerJournal former;
    former.installation = "installation";
    former.node = NodeId{"the former node"};
    former.read = [records = std::move(records)](std::int64_t after) {
        std::vector<FormerJournal::Record> some;
        for (const auto& one : records)
            if (one.record.number > after && some.size() < 2) some.push_back(one);
        return Result<std::vector<FormerJournal::Record>>{std::move(some)};
    };
    return former;
}

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

TEST_CASE("J34: a journal in the machine's memory is used, with a warning") {
    struct Listening final : Log {
        void write(Level level, std::string_view event,
                   std::initializer_list<Field>) noexcept override {
            warned += level == Level::warning && event == "journal_ephemeral";
        }
        int warned = 0;
    } log;
    Bench bench;
    std::string memory = "/dev/shm/latchkey-test-XXXXXX";
    REQUIRE(::mkdtemp(memory.data()) != nullptr);
    bench.options.directory = memory + "/journal";
    {
        const auto opened = FileJournal::open(bench.options, bench.clock, bench.random, log);
        CHECK(opened.has_value());
    }
    std::filesystem::remove_all(memory);
    CHECK(log.warned == 1);
    for (const std::uint32_t lasting : {0xef53u, 0x58465342u, 0x9123683eu})
        CHECK_FALSE(is_ephemeral_file_system(lasting));
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
    auto three =
        FormerJournal::Record{Bench::record("number 3"), WallTime{std::chrono::seconds{5}}};
    three.record.number = 3;
    auto eight = FormerJournal::Record{Bench::record("number 8"), std::nullopt};
    eight.record.number = 8;
    const auto former = former_journal({three, eight});
    for (int turn = 0; turn < 2; ++turn)
        REQUIRE(FileJournal::take_over(bench.options, former, bench.random, bench.log).has_value());
    REQUIRE(bench.open().empty());
    CHECK(bench.journal->node() == former.node);
    const auto all = bench.all();
    REQUIRE(all.size() == 2);
    CHECK(all[0].closed);
    CHECK(all[1].answer == Sealed{"number 8"});
    CHECK_FALSE(all[1].closed);
    CHECK(run(bench.loop, bench.journal->append(Bench::record("next"), bench.by())).value() == 9);
    bench.journal.reset();

    // What the former journal was told afterwards, by the program of before, is taken over as well:
    // a closing, and an answer under a number that another one has by now.
    eight.closed_at = WallTime{std::chrono::seconds{6}};
    auto nine = FormerJournal::Record{Bench::record("another ninth"), std::nullopt};
    nine.record.number = 9;
    auto ten = FormerJournal::Record{Bench::record("number 10"), std::nullopt};
    ten.record.number = 10;
    const auto later = former_journal({three, eight, nine, ten});
    REQUIRE(FileJournal::take_over(bench.options, later, bench.random, bench.log).has_value());
    REQUIRE(bench.open().empty());
    std::map<std::int64_t, std::string> found;
    for (const auto& record : bench.all()) found[record.number] = record.answer.bytes;
    const std::map<std::int64_t, std::string> expected{
        {3, "number 3"}, {8, "number 8"}, {9, "next"}, {10, "another ninth"}, {11, "number 10"}};
    CHECK(found == expected);
    CHECK(bench.all().at(1).closed);
}

TEST_CASE("a former journal is taken over by the node that it belongs to, and by no other") {
    Bench bench;
    bench.options.node = NodeId{"somebody else"};
    REQUIRE(bench.open().empty());
    bench.journal.reset();
    const auto former = former_journal({});
    const auto refused = FileJournal::take_over(bench.options, former, bench.random, bench.log);
    CHECK(refused.error().code == "journal_foreign");
}

TEST_CASE(
    "an exception in the journal's thread is an error of its caller, and the journal goes on") {
    Bench bench;
    FaultyDisk disk;
    auto opened =
        FileJournal::open_on(disk.handle(), bench.options, bench.clock, bench.random, bench.log);
    REQUIRE(opened.has_value());
    auto& journal = **opened;
    const auto append = [&](const char* answer) {
        return run(bench.loop, journal.append(Bench::record(answer), bench.by()));
    };
    CHECK(append("before").value() == 1);
    disk.plan.calls_before = disk.changes;  // from now on each call throws
    const auto failed = append("thrown away");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == "journal_failed");
    CHECK(failed.error().fault == Fault::internal);
    const auto room = run(bench.loop, journal.reserve(10'000'000, bench.by()));
    REQUIRE_FALSE(room.has_value());
    CHECK(room.error().code == "journal_failed");
    disk.plan = {};
    CHECK(append("after").value() == 3);
    const auto all = run(bench.loop, journal.read(0, 10, bench.by())).value();
    REQUIRE(all.size() == 2);
    CHECK(all[1].answer == Sealed{"after"});
}

TEST_CASE(
    "a journal tells how it is: what it holds, a full disk, a read-only one, and when it is over") {
    Bench bench;
    FaultyDisk disk;
    auto opened =
        FileJournal::open_on(disk.handle(), bench.options, bench.clock, bench.random, bench.log);
    auto& journal = **opened;
    const auto reserve = [&] {
        return run(bench.loop, journal.reserve(5 << 20, bench.by())).has_value();
    };
    const auto one = run(bench.loop, journal.append(Bench::record("one"), bench.by())).value();
    run(bench.loop, journal.append(Bench::record("two"), bench.by())).value();
    CHECK(journal.health().records == 2);
    CHECK(journal.health().open == 2);
    CHECK(journal.health().bytes == 6);
    REQUIRE(run(bench.loop, journal.close(one, bench.by())).has_value());
    REQUIRE(run(bench.loop, journal.close(one, bench.by())).has_value());
    CHECK(journal.health().open == 1);

    disk.plan.fails_at = disk.changes;
    disk.plan.for_ever = true;
    disk.plan.code = ENOSPC;
    CHECK_FALSE(reserve());
    CHECK(journal.health().no_room);
    CHECK_FALSE(journal.health().read_only);
    disk.plan.code = EROFS;
    CHECK_FALSE(reserve());
    CHECK_FALSE(journal.health().no_room);
    CHECK(journal.health().read_only);
    disk.plan = {};
    CHECK(reserve());
    CHECK_FALSE(journal.health().read_only);
    CHECK_FALSE(journal.health().disk_failed);
}

TEST_CASE("a slow disk is told of once a minute, and every write is measured") {
    struct SlowClock final : Clock {
        WallTime wall() const override { return {}; }
        SteadyTime steady() const override {
            const_cast<SlowClock*>(this)->now += std::chrono::seconds{2};
            return now;
        }
        Async<void> sleep_until(SteadyTime) override { co_return; }
        SteadyTime now{};
    } clock;
    struct Counts final : Log, Meter {
        void write(Level, std::string_view event, std::initializer_list<Field>) noexcept override {
            slow += event == "journal_write_slow";
        }
        void count(std::string_view, std::initializer_list<Label>) noexcept override {}
        void took(std::string_view name, std::initializer_list<Label>,
                  std::chrono::duration<double> time) noexcept override {
            writes += name == "journal_write_seconds" && time.count() >= 2;
        }
        int slow = 0;
        int writes = 0;
    } counts;
    Bench bench;
    FaultyDisk disk;
    auto opened =
        FileJournal::open_on(disk.handle(), bench.options, clock, bench.random, counts, counts);
    const Deadline far{SteadyTime{} + std::chrono::hours{1}};
    for (int i = 0; i < 3; ++i)
        run(bench.loop, (*opened)->append(Bench::record("answer"), far)).value();
    CHECK(counts.writes == 3);
    CHECK(counts.slow == 1);
}
