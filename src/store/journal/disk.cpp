#include "store/journal/disk.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace latchkey::journal {
namespace {

/// How many times one write may come back without having written anything.
constexpr int most_idle_writes = 100;

int as_code(int outcome) {
    return outcome == 0 ? 0 : errno;
}

class RealFile final : public DiskFile {
public:
    explicit RealFile(int handle) : handle_(handle) {}
    ~RealFile() override { ::close(handle_); }
    RealFile(const RealFile&) = delete;
    RealFile& operator=(const RealFile&) = delete;

    int read(std::uint64_t at, std::size_t limit, std::string& out) override {
        out.resize(limit);
        std::size_t done = 0;
        while (done < limit) {
            const auto got =
                ::pread(handle_, out.data() + done, limit - done, static_cast<off_t>(at + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return errno;
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        out.resize(done);
        return 0;
    }
    int write(std::uint64_t at, std::string_view bytes, std::size_t& written) override {
        const auto done = ::pwrite(handle_, bytes.data(), bytes.size(), static_cast<off_t>(at));
        written = done < 0 ? 0 : static_cast<std::size_t>(done);
        return done < 0 && errno != EINTR ? errno : 0;
    }
    int allocate(std::uint64_t from, std::uint64_t size) override {
        const auto begin = static_cast<off_t>(from);
        const auto length = static_cast<off_t>(size);
        for (;;) {
            if (::fallocate(handle_, 0, begin, length) == 0) return 0;
            if (errno != EINTR) break;
        }
        // Where the file system cannot do it, the library writes to each block instead.
        if (errno == EOPNOTSUPP) return ::posix_fallocate(handle_, begin, length);
        return errno;
    }
    int truncate(std::uint64_t size) override {
        return as_code(::ftruncate(handle_, static_cast<off_t>(size)));
    }
    int size(std::uint64_t& out) override {
        struct stat seen{};
        if (::fstat(handle_, &seen) != 0) return errno;
        out = static_cast<std::uint64_t>(seen.st_size);
        return 0;
    }
    int sync() override { return as_code(::fdatasync(handle_)); }

private:
    int handle_;
};

int open_file(int directory, const std::string& name, int flags, std::unique_ptr<DiskFile>& out) {
    const int handle =
        ::openat(directory, name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (handle < 0) return errno;
    out = std::make_unique<RealFile>(handle);
    return 0;
}

}  // namespace

int write_all(DiskFile& file, std::uint64_t at, std::string_view bytes) {
    int idle = 0;
    while (!bytes.empty()) {
        std::size_t written = 0;
        if (const int code = file.write(at, bytes, written)) return code;
        if (written == 0 && ++idle > most_idle_writes) return EIO;
        at += written;
        bytes.remove_prefix(written);
    }
    return 0;
}

int read_all(DiskFile& file, std::string& out) {
    std::uint64_t size = 0;
    if (const int code = file.size(size)) return code;
    return file.read(0, size, out);
}

Result<std::unique_ptr<RealDisk>> RealDisk::open(const std::string& directory) {
    const int handle = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (handle < 0)
        return Error{Fault::misconfigured, "journal_unreachable",
                     "The journal's directory " + directory + " cannot be opened (" +
                         std::generic_category().message(errno) + ")."};
    return std::unique_ptr<RealDisk>{new RealDisk{handle, directory}};
}

RealDisk::~RealDisk() {
    ::close(handle_);
}

int RealDisk::list(std::vector<std::string>& names) {
    DIR* all = ::opendir(path_.c_str());
    if (all == nullptr) return errno;
    errno = 0;
    while (const dirent* entry = ::readdir(all)) names.emplace_back(entry->d_name);
    const int code = errno;
    ::closedir(all);
    std::sort(names.begin(), names.end());
    return code;
}

int RealDisk::open(const std::string& name, std::unique_ptr<DiskFile>& out) {
    return open_file(handle_, name, 0, out);
}
int RealDisk::create(const std::string& name, std::unique_ptr<DiskFile>& out) {
    return open_file(handle_, name, O_CREAT | O_TRUNC, out);
}
int RealDisk::rename(const std::string& from, const std::string& to) {
    return as_code(::renameat(handle_, from.c_str(), handle_, to.c_str()));
}
int RealDisk::remove(const std::string& name) {
    return as_code(::unlinkat(handle_, name.c_str(), 0));
}
int RealDisk::sync() {
    return as_code(::fsync(handle_));
}

std::uint64_t RealDisk::free_bytes() {
    struct statvfs seen{};
    if (::fstatvfs(handle_, &seen) != 0) return 0;
    return std::uint64_t{seen.f_bavail} * seen.f_frsize;
}

}  // namespace latchkey::journal
