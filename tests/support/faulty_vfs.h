#pragma once

#include <string>

#include <sqlite3.h>

namespace latchkey::test {

/// A disk that fails when told to: a SQLite VFS around the system's own, for write-ahead logs and
/// databases alike. One thread of one store uses it at a time; set the plan between calls.
class FaultyVfs {
public:
    struct Plan {
        int writes_before = -1;  ///< the write after so many fails; -1: none
        int write_code = SQLITE_FULL;
        int syncs_before = -1;  ///< the sync after so many fails; -1: none
        bool failed = false;    ///< something was made to fail
    };

    FaultyVfs() {
        real_ = ::sqlite3_vfs_find(nullptr);
        vfs_ = *real_;
        vfs_.zName = "latchkey-faulty";
        vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
        vfs_.pAppData = this;
        vfs_.xOpen = open;
        ::sqlite3_vfs_register(&vfs_, 0);
    }
    ~FaultyVfs() { ::sqlite3_vfs_unregister(&vfs_); }
    FaultyVfs(const FaultyVfs&) = delete;
    FaultyVfs& operator=(const FaultyVfs&) = delete;

    std::string name() const { return vfs_.zName; }
    Plan plan;

private:
    /// Ours in front, the real file right behind it.
    struct File {
        sqlite3_file base;
        FaultyVfs* owner;
    };

    static sqlite3_file* real(sqlite3_file* file) {
        return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
    }
    static const sqlite3_io_methods* does(sqlite3_file* file) { return real(file)->pMethods; }

    static bool due(int& left, bool& failed) {
        if (left < 0) return false;
        const bool now = left == 0;
        --left;
        failed = failed || now;
        return now;
    }

    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
        auto* self = static_cast<FaultyVfs*>(vfs->pAppData);
        file->pMethods = nullptr;
        reinterpret_cast<File*>(file)->owner = self;
        const int code = self->real_->xOpen(self->real_, name, real(file), flags, out);
        if (code == SQLITE_OK) file->pMethods = methods();
        return code;
    }

    static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
        auto& plan = reinterpret_cast<File*>(file)->owner->plan;
        if (due(plan.writes_before, plan.failed)) return plan.write_code;
        return does(file)->xWrite(real(file), bytes, size, at);
    }

    static int sync(sqlite3_file* file, int flags) {
        auto& plan = reinterpret_cast<File*>(file)->owner->plan;
        if (due(plan.syncs_before, plan.failed)) return SQLITE_IOERR_FSYNC;
        return does(file)->xSync(real(file), flags);
    }

    static const sqlite3_io_methods* methods() {
        static const sqlite3_io_methods table{
            2,
            [](sqlite3_file* f) { return does(f)->xClose(real(f)); },
            [](sqlite3_file* f, void* p, int n, sqlite3_int64 at) {
                return does(f)->xRead(real(f), p, n, at);
            },
            write,
            [](sqlite3_file* f, sqlite3_int64 n) { return does(f)->xTruncate(real(f), n); },
            sync,
            [](sqlite3_file* f, sqlite3_int64* n) { return does(f)->xFileSize(real(f), n); },
            [](sqlite3_file* f, int how) { return does(f)->xLock(real(f), how); },
            [](sqlite3_file* f, int how) { return does(f)->xUnlock(real(f), how); },
            [](sqlite3_file* f, int* out) { return does(f)->xCheckReservedLock(real(f), out); },
            [](sqlite3_file* f, int op, void* p) { return does(f)->xFileControl(real(f), op, p); },
            [](sqlite3_file* f) { return does(f)->xSectorSize(real(f)); },
            [](sqlite3_file* f) { return does(f)->xDeviceCharacteristics(real(f)); },
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

    sqlite3_vfs* real_ = nullptr;
    sqlite3_vfs vfs_{};
};

}  // namespace latchkey::test
