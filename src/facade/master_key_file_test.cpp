#include "facade/master_key_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "tests/support/temp_dir.h"

namespace latchkey {

namespace {

const std::string content = "the content of a key file\n";

std::string put(const std::string& path, const std::string& text, mode_t mode) {
    std::ofstream{path} << text;
    ::chmod(path.c_str(), mode);
    return path;
}

}  // namespace

TEST_CASE("a key file that others may read or write is refused") {
    const test::TempDir folder;
    for (const mode_t mode : {0640, 0604, 0660, 0644, 0620}) {
        CAPTURE(mode);
        const auto key = read_master_key_file(put(folder.file("key"), content, mode));
        REQUIRE(key.has_error());
        CHECK(key.error().fault == Fault::misconfigured);
        CHECK(key.error().code == "master_key_file");
    }
    CHECK((*read_master_key_file(put(folder.file("key"), content, 0400)))->reveal() == content);
}

TEST_CASE("a key file may be a link, but not a directory, a pipe or a large file") {
    const test::TempDir folder;
    const auto file = put(folder.file("key"), content, 0600);
    std::filesystem::create_symlink(file, folder.file("link"));
    CHECK((*read_master_key_file(folder.file("link")))->reveal() == content);
    CHECK(read_master_key_file(folder.file("")).has_error());
    ::mkfifo(folder.file("pipe").c_str(), 0600);
    CHECK(read_master_key_file(folder.file("pipe")).has_error());
    CHECK(
        read_master_key_file(put(folder.file("large"), std::string(5000, ' '), 0600)).has_error());
}

TEST_CASE("an absent key file is absent and not an error") {
    const test::TempDir folder;
    const auto key = read_master_key_file(folder.file("key"));
    REQUIRE(key.has_value());
    CHECK_FALSE(key->has_value());
}

TEST_CASE("a key file is made for its owner alone, reads back, and is never replaced") {
    const test::TempDir folder;
    REQUIRE(make_master_key_file(folder.file("key"), Secret{content}).has_value());
    struct stat facts{};
    REQUIRE(::stat(folder.file("key").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);

    const auto again = make_master_key_file(folder.file("key"), Secret{"another"});
    REQUIRE(again.has_error());
    CHECK(again.error().code == "master_key_file");
    CHECK((*read_master_key_file(folder.file("key")))->reveal() == content);
}

TEST_CASE("a key file in a folder that is not there is refused with the path") {
    const test::TempDir folder;
    const auto made = make_master_key_file(folder.file("absent/key"), Secret{content});
    REQUIRE(made.has_error());
    CHECK(made.error().message.find("absent/key") != std::string::npos);
}

}  // namespace latchkey
