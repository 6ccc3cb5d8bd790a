#pragma once

#include <cstddef>
#include <memory>

#include <latchkey/secret.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/copied_tables.h"
#include "store/limits.h"
#include "store/session_store.h"
#include "store/store.h"

namespace latchkey {

struct PostgresOptions {
    /// libpq's connection string, or its URL. With several hosts each is dialled in turn, the last
    /// good one first; the primary is found by asking.
    Secret dsn;
    /// Several hosts, but commits that do not wait for a standby: a fail-over may then forget some.
    bool accept_async_replication = false;
    std::size_t connections = 8;  ///< to the primary, opened as they are needed; one more listens
    StoreLimits limits;
    PostgresOptions() = default;
    explicit PostgresOptions(Secret text) : dsn(std::move(text)) {}
};

/// A schema `latchkey` in a PostgreSQL database (12 or later) that many nodes share. Each write is
/// one statement and one transaction, as durable as synchronous_commit can make it; no state is kept
/// in a session, so poolers in transaction mode work. A thread of its own does all the work on a
/// loop, so nothing ever waits for the network in libpq; calls may come from several loops, none of
/// which may end before its calls have come back. Work that was handed over is done even if its
/// caller goes away.
class PostgresStore final : public Store {
public:
    /// Connects, brings the schema up to date, and checks that the database keeps what it confirms.
    /// Blocks for at most 30 s; for the start of a process. Clock, random and log must outlive this
    /// object.
    ///
    /// errors  misconfigured  store_dsn, store_too_new, store_too_old, store_refused,
    ///                        store_not_durable (fsync is off), store_not_synchronous,
    ///                        storage_login, storage_no_database, and storage_unknown
    ///         try_later      storage_unavailable, storage_read_only
    ///         internal       storage_damaged
    static Result<std::unique_ptr<PostgresStore>> open(PostgresOptions options, Clock& clock,
                                                       Random& random, Log& log);
    ~PostgresStore() override;

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

    /// Takes over all rows of another store, in one transaction, into an empty database that no node
    /// runs on. `from` must outlive the call and is asked from another thread.
    /// errors  conflict         store_not_empty, store_in_use
    ///         outcome_unknown  storage_outcome_unknown: the commit's fate is not known
    ///         those of `from`: nothing was changed
    Task<CopiedRows> take_in(CopySource& from, Deadline by);
    /// Whether this is that installation's database, durably; waits for a copy that is under way.
    Task<bool> holds(std::string installation, Deadline by);

private:
    struct Impl;
    explicit PostgresStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
