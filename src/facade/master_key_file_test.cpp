#include "facade/master_key_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "base/text.h"

namespace latchkey {

namespace {

/// A directory of the test's own, removed with all that is in it.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "latchkey-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string at(const std::string& name) const { return path_ + "/" + name; }
    std::string put(const std::string& name, const std::string& text, mode_t mode) const {
        std::ofstream{at(name)} << text;
        ::chmod(at(name).c_str(), mode);
        return at(name);
    }

private:
    std::string path_;
};

const std::string bytes = "0123456789abcdef0123456789ABCDEF";

}  // namespace

TEST_CASE("a master key is read as base64 or hexadecimal digits") {
    CHECK(parse_master_key(Secret{base64(bytes)})->reveal() == bytes);
    CHECK(parse_master_key(Secret{" " + hex(bytes) + "\r\n"})->reveal() == bytes);
}

TEST_CASE("I5: a short, long or garbled master key is refused and not shown") {
    for (const auto& text : {std::string{}, std::string{"marked"}, base64(bytes + "x"),
                             base64(bytes.substr(1)), std::string(64, 'g'), std::string(44, '*')}) {
        CAPTURE(text);
        const auto key = parse_master_key(Secret{text});
        REQUIRE(key.has_error());
        CHECK(key.error().code == "master_key_file");
        CHECK(key.error().message.find("marked") == std::string::npos);
    }
}

TEST_CASE("a key file that others may read or write is refused") {
    const Folder folder;
    for (const mode_t mode : {0640, 0604, 0660, 0644, 0620}) {
        CAPTURE(mode);
        const auto key = read_master_key(folder.put("key", base64(bytes), mode));
        REQUIRE(key.has_error());
        CHECK(key.error().fault == Fault::misconfigured);
        CHECK(key.error().code == "master_key_file");
    }
    CHECK((*read_master_key(folder.put("key", base64(bytes), 0400)))->reveal() == bytes);
}

TEST_CASE("a key file may be a link, but not a directory, a pipe or a large file") {
    const Folder folder;
    const auto file = folder.put("key", base64(bytes), 0600);
    std::filesystem::create_symlink(file, folder.at("link"));
    CHECK((*read_master_key(folder.at("link")))->reveal() == bytes);
    CHECK(read_master_key(folder.at("")).has_error());
    ::mkfifo(folder.at("pipe").c_str(), 0600);
    CHECK(read_master_key(folder.at("pipe")).has_error());
    CHECK(read_master_key(folder.put("large", std::string(5000, ' '), 0600)).has_error());
}

TEST_CASE("an absent key file is absent and not an error") {
    const Folder folder;
    const auto key = read_master_key(folder.at("key"));
    REQUIRE(key.has_value());
    CHECK_FALSE(key->has_value());
}

TEST_CASE("a key file is made for its owner alone, opens again, and is never replaced") {
    const Folder folder;
    SystemRandom random;
    const auto made = make_master_key(folder.at("key"), random);
    REQUIRE(made.has_value());
    struct stat facts {};
    REQUIRE(::stat(folder.at("key").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    CHECK((*read_master_key(folder.at("key")))->same_as(*made));

    const auto again = make_master_key(folder.at("key"), random);
    REQUIRE(again.has_error());
    CHECK((*read_master_key(folder.at("key")))->same_as(*made));
}

}  // namespace latchkey
