#include "store/private_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace latchkey {
namespace {

Error unreachable(const std::string& path, const PrivateThing& thing) {
    return Error{Fault::misconfigured, thing.code + "_unreachable",
                 thing.noun + "'s path " + path + " cannot be used (" +
                     std::generic_category().message(errno) +
                     "). Name one in a directory that latchkey's user owns."};
}

Error not_private(const std::string& path, const std::string& why, const PrivateThing& thing) {
    return Error{Fault::misconfigured, thing.code + "_not_private",
                 path + " " + why + ". " + thing.noun + " must be " + thing.form +
                     " of latchkey's own user that nobody else can reach (mode 0600 for a file, "
                     "0700 for a directory), in a directory that nobody else can write to."};
}

std::string directory_of(const std::string& path) {
    auto parent = std::filesystem::path{path}.parent_path();
    return parent.empty() ? "." : parent.string();
}

Result<void> check_file_system(const std::string& directory, const PrivateThing& thing) {
    if (!is_network_file_system(file_system_of(directory))) return {};
    return Error{Fault::misconfigured, thing.code + "_on_network",
                 directory +
                     " is on a network file system, whose locks and syncs cannot be relied on. "
                     "Name a directory on a local disk."};
}

/// The directory that the thing lies in.
Result<void> check_parent(const std::string& directory, const PrivateThing& thing) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return unreachable(directory, thing);
    struct stat seen{};
    if (::stat(directory.c_str(), &seen) != 0) return unreachable(directory, thing);
    if (!S_ISDIR(seen.st_mode)) return not_private(directory, "is not a directory", thing);
    if (seen.st_uid != ::geteuid() && seen.st_uid != 0)
        return not_private(directory, "belongs to somebody else", thing);
    // In a sticky directory others may add files, but not take ours away.
    const bool open = (seen.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if (open && (seen.st_mode & S_ISVTX) == 0)
        return not_private(directory, "can be written to by others", thing);
    return check_file_system(directory, thing);
}

Result<void> check_thing(const std::string& path, bool directory, const PrivateThing& thing) {
    struct stat seen{};
    if (::lstat(path.c_str(), &seen) != 0) return unreachable(path, thing);
    if (S_ISLNK(seen.st_mode)) return not_private(path, "is a symbolic link", thing);
    if (directory ? !S_ISDIR(seen.st_mode) : !S_ISREG(seen.st_mode))
        return not_private(path, "is not " + thing.form, thing);
    if (seen.st_uid != ::geteuid()) return not_private(path, "belongs to somebody else", thing);
    if ((seen.st_mode & 077) != 0) return not_private(path, "is open to group or others", thing);
    return {};
}

/// Creates the file, or finds it there; what it is gets checked after.
int open_private(const std::string& path) {
    return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/// A new directory has to be found again after a power cut.
int sync_directory(const std::string& path) {
    const int handle = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) return -1;
    const int outcome = ::fsync(handle);
    ::close(handle);
    return outcome;
}

}  // namespace

bool is_network_file_system(std::uint32_t magic) {
    constexpr std::array<std::uint32_t, 12> remote{
        0x6969,      // NFS
        0x517b,      // SMB
        0xff534d42,  // CIFS
        0xfe534d42,  // SMB2
        0x01021997,  // 9P
        0x5346414f,  // AFS
        0x6b414653,  // kAFS
        0x00c36400,  // Ceph
        0x73757245,  // Coda
        0x564c,      // NCP
        0x0bd00bd0,  // Lustre
        0x47504653,  // GPFS
    };
    return std::find(remote.begin(), remote.end(), magic) != remote.end();
}

bool is_ephemeral_file_system(std::uint32_t magic) {
    return magic == 0x01021994 ||  // tmpfs
           magic == 0x858458f6 ||  // ramfs
           magic == 0x794c7630;    // overlay: a container's own layer
}

std::uint32_t file_system_of(const std::string& path) {
    struct statfs seen{};
    if (::statfs(path.c_str(), &seen) != 0) return 0;
    return static_cast<std::uint32_t>(seen.f_type);
}

Result<void> prepare_private_file(const std::string& path, const PrivateThing& thing) {
    const auto parent = check_parent(directory_of(path), thing);
    if (!parent) return parent.error();
    // A link is told from other trouble before it is touched.
    struct stat seen{};
    if (::lstat(path.c_str(), &seen) != 0) {
        if (errno != ENOENT) return unreachable(path, thing);
        const int file = open_private(path);
        if (file < 0) return unreachable(path, thing);
        ::close(file);
    }
    return check_thing(path, false, thing);
}

Result<void> prepare_private_directory(const std::string& path, const PrivateThing& thing) {
    const auto parent = check_parent(directory_of(path), thing);
    if (!parent) return parent.error();
    if (::mkdir(path.c_str(), 0700) == 0) {
        if (sync_directory(directory_of(path)) != 0) return unreachable(path, thing);
    } else if (errno != EEXIST) {
        return unreachable(path, thing);
    }
    const auto checked = check_thing(path, true, thing);
    if (!checked) return checked.error();
    return check_file_system(path, thing);
}

Result<FileLock> FileLock::take(const std::string& path, const PrivateThing& thing) {
    const int file = open_private(path);
    if (file < 0) return unreachable(path, thing);
    FileLock lock{file};
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return unreachable(path, thing);
    return Error{Fault::misconfigured, thing.code + "_locked",
                 "Another latchkey is using this " + thing.code + " (" + path +
                     " is locked). Stop it, or talk to it instead."};
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
}

FileLock::~FileLock() {
    if (file_ >= 0) ::close(file_);
}

}  // namespace latchkey
