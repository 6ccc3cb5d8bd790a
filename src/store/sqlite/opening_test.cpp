#include <fstream>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/packed_list.h"
#include "store/private_file.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/sqlite_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

using Bench = SqliteFileBench;

unsigned mode_of(const std::string& path) {
    struct stat seen{};
    return ::lstat(path.c_str(), &seen) == 0 ? seen.st_mode & 07777u : 0;
}

void make_file(const std::string& path, mode_t mode) {
    std::ofstream{path}.flush();
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string version_and_tables(const std::string& path) {
    sqlite::Database database{path, ""};
    return std::to_string(database.number("PRAGMA user_version")) + " " +
           std::to_string(database.number("SELECT COUNT(*) FROM sqlite_schema WHERE name IN"
                                          " ('installation', 'half', 'done')"));
}

std::vector<sqlite::Migration> with_one_more(sqlite::Migration step) {
    const auto known = sqlite::migrations();
    std::vector<sqlite::Migration> steps(known.begin(), known.end());
    steps.push_back(step);
    return steps;
}

}  // namespace

TEST_CASE("a new store is readable for its owner alone, with the directory it made") {
    Bench bench;
    bench.options.path = bench.dir.file("made/latchkey.db");
    const auto before = ::umask(0);
    const auto refused = bench.open();
    ::umask(before);
    REQUIRE(refused.empty());
    bench.connect("cn_1");
    CHECK(mode_of(bench.dir.file("made")) == 0700);
    for (const char* part : {"", "-wal", "-shm", ".lock"})
        CHECK(mode_of(bench.options.path + part) == 0600);
}

TEST_CASE("I14: a database file that others can reach, or that is a link, is refused") {
    for (const mode_t mode : {0644, 0640, 0604, 0660, 0601}) {
        Bench bench;
        make_file(bench.options.path, mode);
        CHECK(bench.open() == "store_not_private");
    }
    Bench link;
    make_file(link.dir.file("elsewhere"), 0600);
    REQUIRE(::symlink(link.dir.file("elsewhere").c_str(), link.options.path.c_str()) == 0);
    CHECK(link.open() == "store_not_private");
    Bench dangling;
    REQUIRE(::symlink(dangling.dir.file("nowhere").c_str(), dangling.options.path.c_str()) == 0);
    CHECK(dangling.open() == "store_not_private");
    Bench directory;
    REQUIRE(::mkdir(directory.options.path.c_str(), 0700) == 0);
    CHECK(directory.open() == "store_not_private");
    Bench fine;
    make_file(fine.options.path, 0600);
    CHECK(fine.open().empty());
}

TEST_CASE("I14: a file or directory of somebody else is refused") {
    if (::geteuid() != 0) return;  // only root can give files away
    Bench file;
    make_file(file.options.path, 0600);
    REQUIRE(::chown(file.options.path.c_str(), 12345, 12345) == 0);
    CHECK(file.open() == "store_not_private");
    Bench directory;
    REQUIRE(::chown(directory.dir.path().c_str(), 12345, 12345) == 0);
    CHECK(directory.open() == "store_not_private");
}

TEST_CASE("I14: a directory that others can write to is refused") {
    Bench bench;
    REQUIRE(::chmod(bench.dir.path().c_str(), 0770) == 0);
    CHECK(bench.open() == "store_not_private");
    REQUIRE(::chmod(bench.dir.path().c_str(), 0777) == 0);
    CHECK(bench.open() == "store_not_private");
    REQUIRE(::chmod(bench.dir.path().c_str(), 01777) == 0);
    CHECK(bench.open().empty());
}

TEST_CASE("I14: file systems of other machines are known, local ones are not refused") {
    for (const std::uint32_t remote : {0x6969u, 0xff534d42u, 0xfe534d42u, 0x01021997u})
        CHECK(is_network_file_system(remote));
    for (const std::uint32_t local : {0xef53u, 0x58465342u, 0x9123683eu, 0x01021994u, 0x794c7630u})
        CHECK_FALSE(is_network_file_system(local));
}

TEST_CASE("a path that cannot be is reported") {
    Bench bench;
    bench.options.path = bench.dir.file("no/such/place/latchkey.db");
    CHECK(bench.open() == "store_unreachable");
}

TEST_CASE("I18: a second store on the same file is refused until the first has ended") {
    Bench bench;
    REQUIRE(bench.open().empty());
    Bench second;
    second.options = bench.options;
    CHECK(second.open() == "store_locked");

    // Another process is refused just the same.
    const pid_t child = ::fork();
    if (child == 0) {
        const auto lock = FileLock::take(bench.options.path + ".lock");
        ::_exit(!lock.has_value() && lock.error().code == "store_locked" ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);

    bench.store.reset();
    CHECK(second.open().empty());
}

TEST_CASE("I15: a store that a later latchkey wrote is refused and left as it is") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.connect("cn_1");
    bench.store.reset();
    {
        sqlite::Database{bench.options.path, ""}.execute("PRAGMA user_version = 99");
    }
    CHECK(bench.open() == "store_too_new");
    CHECK(sqlite::Database{bench.options.path, ""}.number("PRAGMA user_version") == 99);
}

TEST_CASE("I15: a database of another program is refused and left as it is") {
    Bench bench;
    make_file(bench.options.path, 0600);
    {
        sqlite::Database{bench.options.path, ""}.execute("CREATE TABLE theirs (a)");
    }
    CHECK(bench.open() == "store_foreign");
    sqlite::Database seen{bench.options.path, ""};
    CHECK(seen.number("SELECT COUNT(*) FROM sqlite_schema") == 1);
}

TEST_CASE("I15: a migration that fails half-way leaves the version before it") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.store.reset();
    const auto known = std::to_string(sqlite::migrations().size());
    const auto next = std::to_string(sqlite::migrations().size() + 1);
    {
        sqlite::Database database{bench.options.path, ""};
        const auto broken = with_one_more("CREATE TABLE half (a); INSERT INTO missing VALUES (1);");
        CHECK_THROWS_AS((void)sqlite::migrate(database, broken, bench.random), sqlite::Failure);
    }
    CHECK(version_and_tables(bench.options.path) == known + " 1");
    {
        sqlite::Database database{bench.options.path, ""};
        const auto mended = with_one_more("CREATE TABLE half (a); CREATE TABLE done (b);");
        CHECK(sqlite::migrate(database, mended, bench.random).has_value());
    }
    CHECK(version_and_tables(bench.options.path) == next + " 3");
}

TEST_CASE("CP50: a process that dies in a later migration leaves the rows of the version before") {
    const auto steps = sqlite::migrations();
    for (std::size_t dies_in = 1; dies_in < steps.size(); ++dies_in) {
        CAPTURE(dies_in);
        Bench bench;
        make_file(bench.options.path, 0600);
        {
            sqlite::Database database{bench.options.path, ""};
            database.execute("PRAGMA journal_mode = WAL");
            REQUIRE(sqlite::migrate(database, steps.first(dies_in), bench.random).has_value());
            database.execute("INSERT INTO connections VALUES ('default', 'cn_1', 'ada', '', 1, 2)");
        }
        const pid_t child = ::fork();
        if (child == 0) {
            sqlite::Database database{bench.options.path, ""};
            database.execute("PRAGMA cache_size = 1; BEGIN IMMEDIATE");
            database.execute(std::string{steps[dies_in]});
            database.execute("PRAGMA user_version = " + std::to_string(dies_in + 1));
            ::_exit(0);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(version_and_tables(bench.options.path) == std::to_string(dies_in) + " 1");
        REQUIRE(bench.open().empty());
        bench.connect("cn_2");
        bench.store.reset();
        CHECK(version_and_tables(bench.options.path) == std::to_string(steps.size()) + " 1");
        sqlite::Database after{bench.options.path, ""};
        CHECK(after.number("SELECT COUNT(*) FROM connections") == 2);
    }
}

TEST_CASE("I15: a process that dies in the first migration leaves a file that the next one uses") {
    Bench bench;
    make_file(bench.options.path, 0600);
    const pid_t child = ::fork();
    if (child == 0) {
        sqlite::Database database{bench.options.path, ""};
        database.execute("PRAGMA journal_mode = WAL; PRAGMA cache_size = 1; BEGIN IMMEDIATE");
        database.execute(std::string{sqlite::migrations()[0]});
        database.execute("PRAGMA user_version = 1");
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(version_and_tables(bench.options.path) == "0 0");
    REQUIRE(bench.open().empty());
    bench.connect("cn_1");
}

TEST_CASE("a packed list comes back item by item, whatever is in them") {
    using List = std::vector<std::string>;
    const List hostile{"", "3:x", ":", std::string("\0", 1), "a b", "12"};
    for (const auto& list : {List{}, List{""}, List{"api"}, hostile})
        CHECK(unpack(pack(list)) == list);
    CHECK(unpack("3:api9:cut") == List{"api"});
    CHECK(unpack("99999999999999999999:x").empty());
    CHECK(unpack("junk").empty());
}
