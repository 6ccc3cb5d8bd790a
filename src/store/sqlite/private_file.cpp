#include "store/sqlite/private_file.h"

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
#include <sys/statvfs.h>
#include <unistd.h>

namespace latchkey::sqlite {
namespace {

Error unreachable(const std::string& path) {
    return Error{Fault::misconfigured, "store_unreachable",
                 "The store's path " + path + " cannot be used (" +
                     std::generic_category().message(errno) +
                     "). Name a file in a directory that latchkey's user owns."};
}

Error not_private(const std::string& path, const std::string& why) {
    return Error{Fault::misconfigured, "store_not_private",
                 path + " " + why +
                     ". The store must be a plain file of latchkey's own user, mode "
                     "0600, in a directory that nobody else can write to."};
}

std::string directory_of(const std::string& path) {
    auto parent = std::filesystem::path{path}.parent_path();
    return parent.empty() ? "." : parent.string();
}

Result<void> check_directory(const std::string& directory) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return unreachable(directory);
    struct stat seen{};
    if (::stat(directory.c_str(), &seen) != 0) return unreachable(directory);
    if (!S_ISDIR(seen.st_mode)) return not_private(directory, "is not a directory");
    if (seen.st_uid != ::geteuid() && seen.st_uid != 0)
        return not_private(directory, "belongs to somebody else");
    // In a sticky directory others may add files, but not take ours away.
    const bool open = (seen.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if (open && (seen.st_mode & S_ISVTX) == 0)
        return not_private(directory, "can be written to by others");
    struct statfs system{};
    if (::statfs(directory.c_str(), &system) != 0) return unreachable(directory);
    if (is_network_file_system(static_cast<std::uint32_t>(system.f_type)))
        return Error{Fault::misconfigured, "store_on_network",
                     directory +
                         " is on a network file system, whose locks and syncs cannot be "
                         "relied on. Name a directory on a local disk."};
    return {};
}

Result<void> check_file(const std::string& path) {
    struct stat seen{};
    if (::lstat(path.c_str(), &seen) != 0) return unreachable(path);
    if (S_ISLNK(seen.st_mode)) return not_private(path, "is a symbolic link");
    if (!S_ISREG(seen.st_mode)) return not_private(path, "is not a plain file");
    if (seen.st_uid != ::geteuid()) return not_private(path, "belongs to somebody else");
    if ((seen.st_mode & 077) != 0) return not_private(path, "is open to group or others");
    return {};
}

/// Creates the file, or finds it there; what it is gets checked after.
int open_private(const std::string& path) {
    return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
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

Result<void> prepare_private_file(const std::string& path) {
    const auto directory = check_directory(directory_of(path));
    if (!directory) return directory.error();
    // A link is told from other trouble before it is touched.
    struct stat seen{};
    if (::lstat(path.c_str(), &seen) != 0) {
        if (errno != ENOENT) return unreachable(path);
        const int file = open_private(path);
        if (file < 0) return unreachable(path);
        ::close(file);
    }
    return check_file(path);
}

Result<FileLock> FileLock::take(const std::string& path) {
    const int file = open_private(path);
    if (file < 0) return unreachable(path);
    FileLock lock{file};
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return unreachable(path);
    return Error{Fault::misconfigured, "store_locked",
                 "Another latchkey is using this store (" + path +
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

std::uint64_t free_bytes(const std::string& path) {
    struct statvfs seen{};
    if (::statvfs(path.c_str(), &seen) != 0) return 0;
    return std::uint64_t{seen.f_bavail} * seen.f_frsize;
}

}  // namespace latchkey::sqlite
