#pragma once

#include <cstdint>
#include <string>

#include <latchkey/error.h>

namespace latchkey::sqlite {

/// Makes sure that `path` is a database file only this user can reach, and creates it (0600) and
/// its last directory (0700) where they are missing. Refused are: a symbolic link, anything but a
/// plain file, another owner, any permission for group or others, a directory that others may write
/// to, and a network file system, whose locks and syncs cannot be relied on.
///
/// errors  misconfigured  store_not_private, store_on_network, store_unreachable
Result<void> prepare_private_file(const std::string& path);

/// Whether a file system of this statfs magic keeps its files on another machine.
bool is_network_file_system(std::uint32_t magic);

/// Held from its making to its end: `path` belongs to this process (flock, so a dead owner holds
/// nothing).
class FileLock {
public:
    /// errors  misconfigured  store_locked: another process, or another store of this one, has it
    ///                        store_unreachable
    static Result<FileLock> take(const std::string& path);
    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;
    ~FileLock();

private:
    explicit FileLock(int file) : file_(file) {}
    int file_ = -1;
};

/// Bytes that this user can still write on the file system of `path`; 0 where the system does not
/// tell.
std::uint64_t free_bytes(const std::string& path);

}  // namespace latchkey::sqlite
