#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace latchkey::test {

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

}  // namespace latchkey::test
