#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/journal/file_journal.h"
#include "store/limits.h"
#include "store/session_store.h"
#include "store/store.h"

namespace latchkey {

struct SqliteOptions {
    std::string path;  ///< of the database file; its directory is made if only the last is missing
    StoreLimits limits;
    std::string vfs;  ///< name of a registered SQLite VFS; empty for the system's own
    /// Takes the journal that former versions kept in the file, and has it on a disk when it returns;
    /// called for such a file alone, before anything in it is changed. What it refuses, refuses the
    /// store. It may be called again with the same records.
    std::function<Result<void>(const FormerJournal&)> hand_over;
    /// Whether a store whose connections live elsewhere now is opened all the same: to move it, or to
    /// mark it as put back.
    bool even_if_moved = false;
    SqliteOptions() = default;
    explicit SqliteOptions(std::string file) : path(std::move(file)) {}
};

/// One SQLite file (WAL, synchronous=FULL: a commit is on disk before a call returns), used by one
/// process at a time. A thread of its own does all the work, so no loop ever waits for a disk;
/// calls may come from several loops, none of which may end before its calls have come back. Work
/// that was handed over is done even if its caller goes away.
class SqliteStore final : public Store {
public:
    /// Takes the lock of the file (`path`.lock, held to the end of this object), checks that nobody
    /// else can read or write it, brings its schema up to date. Blocks; for the start of a process.
    /// Clock, random and log must outlive this object.
    ///
    /// errors  misconfigured  store_locked, store_not_private, store_on_network, store_unreachable,
    ///                        store_too_new, store_foreign, store_moved
    ///         try_later      storage_unavailable
    ///         internal       storage_damaged
    static Result<std::unique_ptr<SqliteStore>> open(SqliteOptions options, Clock& clock,
                                                     Random& random, Log& log);
    ~SqliteStore() override;

    GrantStore& grants() override;
    FlowStore& flows() override;
    ConnectionIndex& connections() override;
    KeyStore& keys() override;
    ApiKeyStore& api_keys() override;
    SessionStore& sessions() override;
    KillSwitchStore& kill_switches() override;
    EventStore& events() override;
    NodeStore& nodes() override;
    Changes& changes() override;
    Task<void> quiet(Deadline by) override;

    /// The name of the one node that uses this file.
    const NodeId& node() const;

private:
    struct Impl;
    explicit SqliteStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
