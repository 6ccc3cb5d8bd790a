#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>

namespace latchkey::journal {

/// One open file. Every call is one of the system's and gives 0 or its errno.
class DiskFile {
public:
    virtual ~DiskFile() = default;
    /// The whole file from its beginning to `limit` bytes at most, or as much as there is.
    virtual int read(std::uint64_t at, std::size_t limit, std::string& out) = 0;
    /// May write less than it was given; `written` says how much.
    virtual int write(std::uint64_t at, std::string_view bytes, std::size_t& written) = 0;
    /// Takes the blocks of [from, from + size) from the disk, so that writing there later needs no
    /// more of it. The file grows to the end; new bytes are zero.
    virtual int allocate(std::uint64_t from, std::uint64_t size) = 0;
    virtual int truncate(std::uint64_t size) = 0;
    virtual int size(std::uint64_t& out) = 0;
    /// fdatasync. After an error nothing is known about what was written since the last one that
    /// went well, whatever the next one says.
    virtual int sync() = 0;
};

/// One directory. Handed in, so that a test can have a disk that fails, tears and forgets.
class Disk {
public:
    virtual ~Disk() = default;
    virtual int list(std::vector<std::string>& names) = 0;
    /// An existing file, for reading and writing.
    virtual int open(const std::string& name, std::unique_ptr<DiskFile>& out) = 0;
    /// A new, empty one, for its owner alone; one of that name is emptied.
    virtual int create(const std::string& name, std::unique_ptr<DiskFile>& out) = 0;
    virtual int rename(const std::string& from, const std::string& to) = 0;
    virtual int remove(const std::string& name) = 0;
    /// fsync of the directory: what was created, renamed and removed stays so.
    virtual int sync() = 0;
    /// What this user can still write; 0 where the system does not tell.
    virtual std::uint64_t free_bytes() = 0;
};

/// Writes all of it, whatever the pieces. 0 or errno.
int write_all(DiskFile& file, std::uint64_t at, std::string_view bytes);
/// The whole file. 0 or errno.
int read_all(DiskFile& file, std::string& out);

/// A directory of this machine; every name is one in it, and a link is not followed.
class RealDisk final : public Disk {
public:
    /// errors  misconfigured journal_unreachable
    static Result<std::unique_ptr<RealDisk>> open(const std::string& directory);
    ~RealDisk() override;
    RealDisk(const RealDisk&) = delete;
    RealDisk& operator=(const RealDisk&) = delete;

    int list(std::vector<std::string>& names) override;
    int open(const std::string& name, std::unique_ptr<DiskFile>& out) override;
    int create(const std::string& name, std::unique_ptr<DiskFile>& out) override;
    int rename(const std::string& from, const std::string& to) override;
    int remove(const std::string& name) override;
    int sync() override;
    std::uint64_t free_bytes() override;

private:
    RealDisk(int handle, std::string path) : handle_(handle), path_(std::move(path)) {}
    int handle_;
    std::string path_;
};

}  // namespace latchkey::journal
