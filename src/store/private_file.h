#pragma once

#include <cstdint>
#include <string>

#include <latchkey/error.h>

namespace latchkey {

/// What is to be private, for the errors' codes and texts.
struct PrivateThing {
    std::string code = "store";
    std::string noun = "The store";
    std::string form = "a plain file";
};

/// Makes sure that `path` is a file only this user can reach, and creates it (0600) and
/// its last directory (0700) where they are missing. Refused are: a symbolic link, anything but a
/// plain file, another owner, any permission for group or others, a directory that others may write
/// to, and a network file system, whose locks and syncs cannot be relied on.
///
/// errors  misconfigured  store_not_private, store_on_network, store_unreachable; where the thing
///                        has another code, they begin with that
Result<void> prepare_private_file(const std::string& path, const PrivateThing& thing = {});

/// The same for a directory with all that is to come into it: its mode must be 0700 or less.
Result<void> prepare_private_directory(const std::string& path, const PrivateThing& thing);

/// The statfs magic of the file system that `path` lies on; 0 where it cannot be told.
std::uint32_t file_system_of(const std::string& path);
/// Whether a file system of this magic keeps its files on another machine.
bool is_network_file_system(std::uint32_t magic);
/// Whether it keeps them no longer than this machine or container runs.
bool is_ephemeral_file_system(std::uint32_t magic);

/// Held from its making to its end: `path` belongs to this process (flock, so a dead owner holds
/// nothing).
class FileLock {
public:
    /// errors  misconfigured  store_locked: another process, or another store of this one, has it
    ///                        store_unreachable
    static Result<FileLock> take(const std::string& path, const PrivateThing& thing = {});
    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;
    ~FileLock();

private:
    explicit FileLock(int file) : file_(file) {}
    int file_ = -1;
};

}  // namespace latchkey
