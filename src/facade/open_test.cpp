#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "facade/facade_bench.h"

namespace latchkey {

namespace {

std::string refused(Options options) {
    auto opened = Latchkey::open(std::move(options));
    if (opened.has_value()) return "opened";
    return opened.error().code;
}

Options bare(const test::TempDir& folder) {
    Options options;
    options.database = folder.file("store.db");
    options.master_key = MasterKeyFile{folder.file("master.key"), true};
    return options;
}

}  // namespace

TEST_CASE("I18: a store that is open cannot be opened a second time") {
    const test::TempDir folder;
    auto first = Latchkey::open(bare(folder));
    REQUIRE(first.has_value());
    CHECK(refused(bare(folder)) == "store_locked");
    first->reset();
    CHECK(refused(bare(folder)) == "opened");
}

TEST_CASE("a closed store is marked as restored without its keys, each time on a newer timeline") {
    const test::TempDir folder;
    {
        auto open = Latchkey::open(bare(folder));
        REQUIRE(open.has_value());
        const auto refused = Latchkey::mark_restored(bare(folder));
        REQUIRE(refused.has_error());
        CHECK(refused.error().code == "store_locked");
    }
    Options store_alone;
    store_alone.database = folder.file("store.db");
    CHECK(Latchkey::mark_restored(store_alone).value() == Timeline{"2"});
    CHECK(Latchkey::mark_restored(store_alone).value() == Timeline{"3"});
    CHECK(refused(bare(folder)) == "opened");
}

TEST_CASE(
    "a store in use that has come without its journal is opened with a warning, a new one not") {
    const test::TempDir folder;
    int warnings = 0;
    auto options = bare(folder);
    options.log = [&](const LogRecord& record) {
        warnings += record.event == "journal_begun_anew" ? 1 : 0;
    };
    {
        auto open = Latchkey::open(options);
        REQUIRE(open.has_value());
        REQUIRE((*open)->create_api_key({"in use", {Permission::read}}).has_value());
    }
    CHECK(refused(options) == "opened");
    CHECK(warnings == 0);
    REQUIRE(std::filesystem::remove_all(folder.file("store.db.journal")) > 0);
    CHECK(refused(options) == "opened");
    CHECK(warnings == 1);
    CHECK(refused(options) == "opened");
    CHECK(warnings == 1);
}

TEST_CASE(
    "a journal's directory that is another installation's, or no directory, stops the start") {
    const test::TempDir folder;
    const test::TempDir other;
    CHECK(refused(bare(folder)) == "opened");
    CHECK(refused(bare(other)) == "opened");
    auto options = bare(folder);
    options.journal_directory = other.file("store.db.journal");
    CHECK(refused(options) == "journal_foreign");
    options.journal_directory = folder.file("master.key");
    CHECK(refused(options) == "journal_not_private");
    options.journal_directory = folder.file("absent/journal/of/it");
    CHECK(refused(options) == "journal_unreachable");
    CHECK(refused(bare(folder)) == "opened");
}

TEST_CASE("I5: a wrong, missing or short master key is refused, and none is made beside old data") {
    const test::TempDir folder;
    {
        auto first = Latchkey::open(bare(folder));
        REQUIRE(first.has_value());
        REQUIRE((*first)->create_api_key({"old data", {Permission::read}}).has_value());
    }
    auto other = bare(folder);
    other.master_key = MasterKeyBytes{Secret{std::string(64, '1')}};
    CHECK(refused(other) == "wrong_master_key");
    other.master_key = MasterKeyBytes{Secret{"short"}};
    CHECK(refused(other) == "invalid_master_key");

    std::filesystem::rename(folder.file("master.key"), folder.file("away"));
    CHECK(refused(bare(folder)) == "master_key_file");
    CHECK_FALSE(std::filesystem::exists(folder.file("master.key")));

    std::filesystem::rename(folder.file("away"), folder.file("master.key"));
    CHECK(refused(bare(folder)) == "opened");
}

TEST_CASE("a master key that others can read is refused before it is used") {
    const test::TempDir folder;
    CHECK(refused(bare(folder)) == "opened");
    ::chmod(folder.file("master.key").c_str(), 0644);
    CHECK(refused(bare(folder)) == "master_key_file");
}

TEST_CASE("a master key is made only where that was asked for") {
    const test::TempDir folder;
    auto options = bare(folder);
    options.master_key = MasterKeyFile{folder.file("master.key"), false};
    CHECK(refused(options) == "master_key_file");
    CHECK_FALSE(std::filesystem::exists(folder.file("master.key")));
}

TEST_CASE("mistakes in the options are refused before anything is made") {
    const test::TempDir folder;
    auto options = bare(folder);
    options.providers.emplace_back();
    CHECK(refused(options) == "invalid_provider");
    options = bare(folder);
    options.ca_file = folder.file("absent.pem");
    CHECK(refused(options) == "tls_files");
    CHECK_FALSE(std::filesystem::exists(folder.file("store.db")));
}

TEST_CASE("API keys are made, listed, checked and revoked") {
    const test::TempDir folder;
    auto opened = Latchkey::open(bare(folder));
    REQUIRE(opened.has_value());
    auto& latchkey = **opened;
    boost::asio::io_context loop;
    using namespace std::chrono_literals;

    const auto made =
        latchkey.create_api_key({"backend", {Permission::connect, Permission::proxy}});
    REQUIRE(made.has_value());
    CHECK(made->secret.reveal().starts_with("lk_" + made->key.id.text + "_"));
    const auto caller =
        test::run(loop, latchkey.async_check_api_key(made->secret, Deadline::in(10s)));
    REQUIRE(caller.has_value());
    CHECK(caller->may(Permission::proxy));
    CHECK_FALSE(caller->may(Permission::admin));

    const auto revoked = latchkey.revoke_api_key(made->key.id);
    REQUIRE(revoked.has_value());
    CHECK(revoked->revoked_at.has_value());
    const auto keys = latchkey.api_keys();
    REQUIRE(keys.has_value());
    REQUIRE(keys->size() == 1);
    CHECK(keys->front().label == "backend");
    CHECK(keys->front().revoked_at.has_value());
}

TEST_CASE("a list's page has 1 to 200 connections") {
    const test::TempDir folder;
    auto opened = Latchkey::open(bare(folder));
    REQUIRE(opened.has_value());
    ConnectionFilter filter;
    filter.limit = 0;
    CHECK((*opened)->connections(filter).error().code == "invalid_limit");
    filter.limit = 201;
    CHECK((*opened)->connections(filter).error().code == "invalid_limit");
    CHECK((*opened)->connections()->items.empty());
    CHECK((*opened)->connection(ConnectionId{"cn_none"}).error().fault == Fault::not_found);
}

}  // namespace latchkey
