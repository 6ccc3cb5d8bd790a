#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace latchkey::test {

/// A disk that forgets, as one does whose power is cut: a SQLite VFS around the system's own that
/// knows, of the database and of its write-ahead log, what was synced and what was only written.
/// `image` is what the next start finds: everything that was synced, and of all later writes each
/// whole, dropped, or torn at any of its sectors, as chance has it.
class PowerCutVfs {
public:
    static constexpr std::size_t sector = 512;
    using Image = std::map<std::string, std::string>;  ///< by path

    /// `moment` is called before each write and after each sync of those files, by the store's
    /// thread: the power may be cut there.
    explicit PowerCutVfs(std::function<void(PowerCutVfs&)> moment) : moment_(std::move(moment)) {
        real_ = ::sqlite3_vfs_find(nullptr);
        vfs_ = *real_;
        vfs_.zName = "latchkey-power-cut";
        vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
        vfs_.pAppData = this;
        vfs_.xOpen = open;
        ::sqlite3_vfs_register(&vfs_, 0);
    }
    ~PowerCutVfs() { ::sqlite3_vfs_unregister(&vfs_); }
    PowerCutVfs(const PowerCutVfs&) = delete;
    PowerCutVfs& operator=(const PowerCutVfs&) = delete;

    std::string name() const { return vfs_.zName; }

    Image image(std::mt19937_64& chance) const {
        Image found;
        for (const auto& [path, disk] : disks_) {
            std::string bytes = disk.synced;
            for (const auto& [at, written] : disk.later) tear_into(bytes, at, written, chance);
            found[path] = std::move(bytes);
        }
        return found;
    }

private:
    struct Disk {
        std::string synced;
        std::string now;
        std::vector<std::pair<std::size_t, std::string>> later;  ///< written since the last sync
    };
    /// Ours in front, the real file right behind it.
    struct File {
        sqlite3_file base;
        PowerCutVfs* owner;
        Disk* disk;  ///< null: of no interest
    };

    static void put(std::string& bytes, std::size_t at, std::string_view what) {
        if (bytes.size() < at + what.size()) bytes.resize(at + what.size());
        bytes.replace(at, what.size(), what);
    }

    static void tear_into(std::string& bytes, std::size_t at, const std::string& written,
                          std::mt19937_64& chance) {
        const auto fate = chance() % 3;
        if (fate == 0) return;
        if (fate == 1) return put(bytes, at, written);
        for (std::size_t from = 0; from < written.size(); from += sector)
            if (chance() % 2 == 0) put(bytes, at + from, written.substr(from, sector));
    }

    static sqlite3_file* real(sqlite3_file* file) {
        return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
    }
    static const sqlite3_io_methods* does(sqlite3_file* file) { return real(file)->pMethods; }
    static Disk* disk_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->disk; }
    static void at_a_moment(sqlite3_file* file) {
        auto& owner = *reinterpret_cast<File*>(file)->owner;
        owner.moment_(owner);
    }

    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
        auto* self = static_cast<PowerCutVfs*>(vfs->pAppData);
        file->pMethods = nullptr;
        auto* ours = reinterpret_cast<File*>(file);
        ours->owner = self;
        ours->disk = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0 && name != nullptr
                         ? &self->disks_[name]
                         : nullptr;
        const int code = self->real_->xOpen(self->real_, name, real(file), flags, out);
        if (code == SQLITE_OK) file->pMethods = methods();
        return code;
    }

    static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
        if (auto* disk = disk_of(file)) {
            at_a_moment(file);
            std::string written(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
            put(disk->now, static_cast<std::size_t>(at), written);
            disk->later.emplace_back(static_cast<std::size_t>(at), std::move(written));
        }
        return does(file)->xWrite(real(file), bytes, size, at);
    }

    static int truncate(sqlite3_file* file, sqlite3_int64 size) {
        if (auto* disk = disk_of(file)) disk->now.resize(static_cast<std::size_t>(size));
        return does(file)->xTruncate(real(file), size);
    }

    static int sync(sqlite3_file* file, int flags) {
        const int code = does(file)->xSync(real(file), flags);
        if (auto* disk = disk_of(file)) {
            disk->synced = disk->now;
            disk->later.clear();
            at_a_moment(file);
        }
        return code;
    }

    static const sqlite3_io_methods* methods() {
        static const sqlite3_io_methods table{
            2,
            [](sqlite3_file* f) { return does(f)->xClose(real(f)); },
            [](sqlite3_file* f, void* p, int n, sqlite3_int64 at) {
                return does(f)->xRead(real(f), p, n, at);
            },
            write,
            truncate,
            sync,
            [](sqlite3_file* f, sqlite3_int64* n) { return does(f)->xFileSize(real(f), n); },
            [](sqlite3_file* f, int how) { return does(f)->xLock(real(f), how); },
            [](sqlite3_file* f, int how) { return does(f)->xUnlock(real(f), how); },
            [](sqlite3_file* f, int* out) { return does(f)->xCheckReservedLock(real(f), out); },
            [](sqlite3_file* f, int op, void* p) { return does(f)->xFileControl(real(f), op, p); },
            // A sector, and nothing that a better disk would promise.
            [](sqlite3_file*) { return static_cast<int>(sector); },
            [](sqlite3_file*) { return 0; },
            [](sqlite3_file* f, int page, int size, int extend, void volatile** p) {
                return does(f)->xShmMap(real(f), page, size, extend, p);
            },
            [](sqlite3_file* f, int at, int n, int flags) {
                return does(f)->xShmLock(real(f), at, n, flags);
            },
            [](sqlite3_file* f) { does(f)->xShmBarrier(real(f)); },
            [](sqlite3_file* f, int remove) { return does(f)->xShmUnmap(real(f), remove); },
            nullptr,
            nullptr,
        };
        return &table;
    }

    std::function<void(PowerCutVfs&)> moment_;
    std::map<std::string, Disk> disks_;
    sqlite3_vfs* real_ = nullptr;
    sqlite3_vfs vfs_{};
};

}  // namespace latchkey::test
