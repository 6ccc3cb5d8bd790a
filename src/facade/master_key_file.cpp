#include "facade/master_key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "crypto/master_key.h"

namespace latchkey {

namespace {

constexpr std::size_t most_file_bytes = 4096;

Error refused(std::string message) {
    return {Fault::misconfigured, "master_key_file", std::move(message)};
}

Error refused_by_system(const std::string& path, const char* act, int error) {
    return refused("The master key file " + printable(path) + " could not be " + act + ": " +
                   std::strerror(error) + ". Check the path and its permissions.");
}

/// An open file, closed when it goes.
class File {
public:
    explicit File(int descriptor) : descriptor_(descriptor) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    bool open() const { return descriptor_ >= 0; }
    int get() const { return descriptor_; }

private:
    int descriptor_;
};

/// Says what makes a file unfit to hold the key; empty if nothing does.
std::string unfit(const struct stat& file) {
    if (!S_ISREG(file.st_mode)) return "is not a regular file";
    if ((file.st_mode & 077) != 0) return "may be read or written by others; set its mode to 0600";
    if (file.st_uid != ::geteuid() && file.st_uid != 0) return "belongs to another user";
    if (file.st_size > static_cast<off_t>(most_file_bytes)) return "is too large to be a key";
    return {};
}

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto wrote = ::write(descriptor, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

}  // namespace

Result<std::optional<Secret>> read_master_key_file(const std::string& path) {
    const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file.open()) {
        if (errno == ENOENT) return std::optional<Secret>{};
        return refused_by_system(path, "opened", errno);
    }
    struct stat facts{};
    if (::fstat(file.get(), &facts) != 0) return refused_by_system(path, "looked at", errno);
    if (const auto why = unfit(facts); !why.empty()) {
        return refused("The master key file " + printable(path) + " " + why + ".");
    }
    std::string text(most_file_bytes, '\0');
    std::size_t held = 0;
    while (held < text.size()) {
        const auto got = ::read(file.get(), text.data() + held, text.size() - held);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int error = errno;
            wipe(text);
            return refused_by_system(path, "read", error);
        }
        if (got == 0) break;
        held += static_cast<std::size_t>(got);
    }
    text.resize(held);
    return std::optional<Secret>{Secret::take(std::move(text))};
}

Result<void> make_master_key_file(const std::string& path, const Secret& text) {
    const File file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file.open()) return refused_by_system(path, "made", errno);
    if (!write_all(file.get(), text.reveal()) || ::fsync(file.get()) != 0) {
        const int error = errno;
        ::unlink(path.c_str());
        return refused_by_system(path, "written", error);
    }
    auto folder = std::filesystem::path{path}.parent_path();
    if (folder.empty()) folder = ".";
    const File directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory.open() || ::fsync(directory.get()) != 0) {
        return refused_by_system(path, "made durable", errno);
    }
    return {};
}

Result<void> check_master_key(const MasterKeySource& source) {
    const auto parses = [](const Secret& text) -> Result<void> {
        const auto key = MasterKey::parse(text);
        if (!key) return key.error();
        return {};
    };
    const auto* file = std::get_if<MasterKeyFile>(&source);
    if (file == nullptr) return parses(std::get<MasterKeyBytes>(source).key);
    const auto text = read_master_key_file(file->path);
    if (!text) return text.error();
    if (*text) return parses(**text);
    if (file->create) return {};
    return refused(
        "There is no master key file " + printable(file->path) +
        ". Make one: openssl rand -base64 32 > FILE, with mode 0600; or put back the key "
        "that the store was made with.");
}

}  // namespace latchkey
