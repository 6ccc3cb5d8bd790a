#include "facade/master_key_file.h"

#include <sys/stat.h>

#include <filesystem>

#include <doctest/doctest.h>

#include "tests/support/folder.h"

namespace latchkey {

namespace {

const std::string content = "the content of a key file\n";

}  // namespace

TEST_CASE("a key file that others may read or write is refused") {
    const test::Folder folder;
    for (const mode_t mode : {0640, 0604, 0660, 0644, 0620}) {
        CAPTURE(mode);
        const auto key = read_master_key_file(folder.put("key", content, mode));
        REQUIRE(key.has_error());
        CHECK(key.error().fault == Fault::misconfigured);
        CHECK(key.error().code == "master_key_file");
    }
    CHECK((*read_master_key_file(folder.put("key", content, 0400)))->reveal() == content);
}

TEST_CASE("a key file may be a link, but not a directory, a pipe or a large file") {
    const test::Folder folder;
    const auto file = folder.put("key", content, 0600);
    std::filesystem::create_symlink(file, folder.at("link"));
    CHECK((*read_master_key_file(folder.at("link")))->reveal() == content);
    CHECK(read_master_key_file(folder.at("")).has_error());
    ::mkfifo(folder.at("pipe").c_str(), 0600);
    CHECK(read_master_key_file(folder.at("pipe")).has_error());
    CHECK(read_master_key_file(folder.put("large", std::string(5000, ' '), 0600)).has_error());
}

TEST_CASE("an absent key file is absent and not an error") {
    const test::Folder folder;
    const auto key = read_master_key_file(folder.at("key"));
    REQUIRE(key.has_value());
    CHECK_FALSE(key->has_value());
}

TEST_CASE("a key file is made for its owner alone, reads back, and is never replaced") {
    const test::Folder folder;
    REQUIRE(make_master_key_file(folder.at("key"), Secret{content}).has_value());
    struct stat facts {};
    REQUIRE(::stat(folder.at("key").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);

    const auto again = make_master_key_file(folder.at("key"), Secret{"another"});
    REQUIRE(again.has_error());
    CHECK(again.error().code == "master_key_file");
    CHECK((*read_master_key_file(folder.at("key")))->reveal() == content);
}

TEST_CASE("a key file in a folder that is not there is refused with the path") {
    const test::Folder folder;
    const auto made = make_master_key_file(folder.at("absent/key"), Secret{content});
    REQUIRE(made.has_error());
    CHECK(made.error().message.find("absent/key") != std::string::npos);
}

}  // namespace latchkey
