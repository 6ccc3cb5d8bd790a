#include "store/sqlite/sqlite_store.h"

#include "base/text.h"
#include "store/private_file.h"
#include "store/sqlite/former_journal.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/moving_file.h"
#include "store/sqlite/ports.h"
#include "store/sqlite/sessions.h"

namespace latchkey {
namespace {

/// FULL syncs the log at each commit: a claim that a power cut forgets would permit a second use.
/// The log is cut back to 64 MiB whenever it has been written into the database.
constexpr const char* settings = R"sql(
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA journal_size_limit = 67108864;
)sql";

/// Two stores with the same refresh tokens end each other's grants.
Error store_moved(const MovedTo& to) {
    const auto where = printable(to.place);
    if (to.done)
        return {
            Fault::misconfigured, "store_moved",
            "The connections of this store were moved to the database at " + where +
                ", and nothing was opened: its refresh tokens may be spent there. Start latchkey "
                "with a configuration that names that database."};
    return {
        Fault::misconfigured, "store_moved",
        "A copy of this store to the database at " + where +
            " has begun, and may be complete; nothing was opened. Repeat latchkey store copy: it "
            "finds out and finishes."};
}

}  // namespace

struct SqliteStore::Impl {
    Impl(FileLock held, std::unique_ptr<sqlite::Database> database, const SqliteOptions& options,
         NodeId name, Clock& clock, Log& log)
        : lock(std::move(held)),
          worker(std::make_unique<sqlite::Worker>(std::move(database), clock, log)),
          bench{*worker, clock, options.limits},
          node(std::move(name)),
          grants(sqlite::make_grants(bench)),
          connections(sqlite::make_connections(bench)),
          flows(sqlite::make_flows(bench)),
          keys(sqlite::make_keys(bench)),
          api_keys(sqlite::make_api_keys(bench)),
          sessions(sqlite::make_sessions(bench)),
          kill_switches(sqlite::make_kill_switches(bench)),
          events(sqlite::make_events(bench)),
          nodes(sqlite::make_nodes(bench)),
          changes(sqlite::make_changes(bench)) {}

    /// What is queued refers to the ports, so it is done while they are there; the lock goes last.
    ~Impl() { worker.reset(); }

    FileLock lock;
    std::unique_ptr<sqlite::Worker> worker;
    sqlite::Bench bench;
    NodeId node;
    std::unique_ptr<GrantStore> grants;
    std::unique_ptr<ConnectionIndex> connections;
    std::unique_ptr<FlowStore> flows;
    std::unique_ptr<KeyStore> keys;
    std::unique_ptr<ApiKeyStore> api_keys;
    std::unique_ptr<SessionStore> sessions;
    std::unique_ptr<KillSwitchStore> kill_switches;
    std::unique_ptr<EventStore> events;
    std::unique_ptr<NodeStore> nodes;
    std::unique_ptr<Changes> changes;
};

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(SqliteOptions options, Clock& clock,
                                                       Random& random, Log& log) {
    const auto prepared = prepare_private_file(options.path);
    if (!prepared) return prepared.error();
    auto lock = FileLock::take(options.path + ".lock");
    if (!lock) return lock.error();
    try {
        auto database = std::make_unique<sqlite::Database>(options.path, options.vfs);
        if (database->prepare("PRAGMA journal_mode = WAL").first_text() != "wal")
            return Error{Fault::misconfigured, "store_unreachable",
                         "The store's disk does not allow write-ahead logging. Name a file on a "
                         "local disk."};
        database->execute(settings);
        const auto handed_over = sqlite::hand_over_journal(*database, options.hand_over);
        if (!handed_over) return handed_over.error();
        const auto migrated = sqlite::migrate(*database, sqlite::migrations(), random);
        if (!migrated) return migrated.error();
        if (const auto moved = sqlite::moved_to(*database);
            !moved.place.empty() && !options.even_if_moved)
            return store_moved(moved);
        NodeId node{database->prepare("SELECT node FROM installation").first_text()};
        return std::unique_ptr<SqliteStore>{new SqliteStore{std::make_unique<Impl>(
            std::move(*lock), std::move(database), options, std::move(node), clock, log)}};
    } catch (const sqlite::Failure& failure) {
        return sqlite::error_of(failure);
    }
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteStore::~SqliteStore() = default;

GrantStore& SqliteStore::grants() {
    return *impl_->grants;
}
FlowStore& SqliteStore::flows() {
    return *impl_->flows;
}
ConnectionIndex& SqliteStore::connections() {
    return *impl_->connections;
}
KeyStore& SqliteStore::keys() {
    return *impl_->keys;
}
ApiKeyStore& SqliteStore::api_keys() {
    return *impl_->api_keys;
}
const NodeId& SqliteStore::node() const {
    return impl_->node;
}
SessionStore& SqliteStore::sessions() {
    return *impl_->sessions;
}
KillSwitchStore& SqliteStore::kill_switches() {
    return *impl_->kill_switches;
}
EventStore& SqliteStore::events() {
    return *impl_->events;
}
NodeStore& SqliteStore::nodes() {
    return *impl_->nodes;
}
Changes& SqliteStore::changes() {
    return *impl_->changes;
}
/// The one thread takes one call after the other.
Task<void> SqliteStore::quiet(Deadline by) {
    std::function<Result<void>(sqlite::Database&)> nothing = [](sqlite::Database&) {
        return Result<void>{};
    };
    co_return co_await impl_->worker->read<void>(std::move(nothing), by);
}

}  // namespace latchkey
