#include "store/sqlite/former_journal.h"

#include <fstream>
#include <map>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/errors.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/sqlite_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

/// A store as the program of before left it, with a journal in its table.
struct Bench : SqliteFileBench {
    FileJournalOptions files;

    Bench() {
        std::ofstream{options.path}.flush();
        REQUIRE(::chmod(options.path.c_str(), 0600) == 0);
        former([&](sqlite::Database& database) {
            database.execute("PRAGMA journal_mode = WAL");
            REQUIRE(sqlite::migrate(database, sqlite::migrations().first(2), random).has_value());
        });
        files.directory = dir.file("latchkey.db.journal");
        files.limits.free_disk_bytes = 0;
        options.hand_over = taker();
    }
    /// The program of before at work.
    void former(const std::function<void(sqlite::Database&)>& work) const {
        sqlite::Database database{options.path, ""};
        work(database);
    }
    void note(int number, const std::string& closed_at = "NULL") const {
        former([&](sqlite::Database& database) {
            database.execute("INSERT INTO journal VALUES (" + std::to_string(number) +
                             ", 'default', 'cn_1', 3, 4, 5, 'attempt', 'flow', '7', x'616e7377" +
                             std::to_string(10 + number % 80) + "', 99, " + closed_at + ")");
        });
    }
    std::function<Result<void>(const FormerJournal&)> taker() {
        return [this](const FormerJournal& former) {
            return FileJournal::take_over(files, former, random, log);
        };
    }
    std::int64_t schema() const {
        std::int64_t version = 0;
        former([&](auto& database) { version = database.number("PRAGMA user_version"); });
        return version;
    }
    /// The files' records, by number: answer, and "closed" behind it.
    std::map<std::int64_t, std::string> kept() {
        const auto installation = ok(store->keys().installation(by())).id;
        files.installation = installation;
        files.node = store->node();
        auto journal = FileJournal::open(files, clock, random, log);
        REQUIRE(journal.has_value());
        std::map<std::int64_t, std::string> found;
        for (const auto& record : ok((*journal)->read(0, 1000, by())))
            found[record.number] = record.answer.bytes + (record.closed ? " closed" : "");
        return found;
    }
};

std::string answer(int number) {
    return "answ" + std::string(1, static_cast<char>(
                                       std::stoi(std::to_string(10 + number % 80), nullptr, 16)));
}

/// Runs `work` in a process of its own, which dies where the work says so.
void in_a_process_that_dies(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        work();
        ::_exit(1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
}

}  // namespace

TEST_CASE("the journal that the database held goes into files, all of it, and its table goes") {
    Bench bench;
    std::map<std::int64_t, std::string> expected;
    for (int i = 1; i <= 250; ++i) {
        bench.note(i, i % 3 == 0 ? "100" : "NULL");
        expected[i] = answer(i) + (i % 3 == 0 ? " closed" : "");
    }
    REQUIRE(bench.open().empty());
    CHECK(bench.kept() == expected);
    CHECK(bench.schema() >= sqlite::first_without_journal);
    bench.former([](sqlite::Database& database) {
        CHECK(database.number("SELECT COUNT(*) FROM sqlite_schema WHERE name LIKE 'journal%'") ==
              0);
    });
    // Nobody is asked again.
    bench.options.hand_over = [](const FormerJournal&) -> Result<void> {
        return Error{Fault::internal, "asked_again", ""};
    };
    bench.reopen();
}

TEST_CASE("every field of a record that is handed over comes through") {
    Bench bench;
    bench.note(7, "100");
    std::vector<FormerJournal::Record> seen;
    bench.options.hand_over = [&](const FormerJournal& former) -> Result<void> {
        seen = former.read(0).value();
        CHECK(former.read(7).value().empty());
        CHECK_FALSE(former.installation.empty());
        CHECK_FALSE(former.node.empty());
        return {};
    };
    REQUIRE(bench.open().empty());
    REQUIRE(seen.size() == 1);
    const auto& record = seen[0].record;
    CHECK(record.number == 7);
    CHECK(record.key == GrantKey{ConnectionId{"cn_1"}, Epoch{3}});
    CHECK(record.grant_generation == GrantGeneration{4});
    CHECK(record.generation == Generation{5});
    CHECK(record.attempt == AttemptId{"attempt"});
    CHECK(record.flow == FlowId{"flow"});
    CHECK(record.timeline == Timeline{"7"});
    CHECK(record.answer == Sealed{answer(7)});
    CHECK(record.at == WallTime{std::chrono::seconds{99}});
    CHECK(seen[0].closed_at == WallTime{std::chrono::seconds{100}});
}

TEST_CASE("a store whose journal nobody takes, or whose taker refuses, is left as it is") {
    Bench bench;
    bench.note(1);
    bench.options.hand_over = [](const FormerJournal&) -> Result<void> {
        return store_error::journal_full();
    };
    CHECK(bench.open() == "journal_full");
    bench.options.hand_over = {};
    CHECK(bench.open() == "storage_failed");
    CHECK(bench.schema() == 2);
    bench.options.hand_over = bench.taker();
    REQUIRE(bench.open().empty());
    CHECK(bench.kept().size() == 1);
}

TEST_CASE("I15, CP50: a process that dies while the journal is handed over loses no answer") {
    enum class Dies { half_way, before_the_table_goes };
    for (const auto dies : {Dies::half_way, Dies::before_the_table_goes}) {
        Bench bench;
        for (int i = 1; i <= 150; ++i) bench.note(i);
        in_a_process_that_dies([&] {
            bench.options.hand_over = [&](const FormerJournal& former) -> Result<void> {
                auto some = former;
                if (dies == Dies::half_way)
                    some.read = [&](std::int64_t after) {
                        return after == 0 ? former.read(0)
                                          : Result<std::vector<FormerJournal::Record>>{
                                                std::vector<FormerJournal::Record>{}};
                    };
                ::_exit(bench.taker()(some).has_value() ? 0 : 1);
            };
            (void)bench.open();
        });
        REQUIRE(bench.schema() == 2);
        // The program of before may be started once more; what it does then counts too.
        bench.note(151);
        bench.former([](sqlite::Database& database) {
            database.execute("UPDATE journal SET closed_at = 100 WHERE number = 2");
        });
        bench.options.hand_over = bench.taker();
        REQUIRE(bench.open().empty());
        const auto kept = bench.kept();
        REQUIRE(kept.size() == 151);
        for (int i = 1; i <= 151; ++i) CHECK(kept.at(i) == answer(i) + (i == 2 ? " closed" : ""));
        CHECK(bench.schema() >= sqlite::first_without_journal);
    }
}
