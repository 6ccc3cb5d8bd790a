#include "store/postgres/postgres_store.h"

#include <chrono>
#include <utility>

#include "base/run_here.h"
#include "store/errors.h"
#include "store/postgres/bulletin.h"
#include "store/postgres/intake.h"
#include "store/postgres/migrations.h"
#include "store/postgres/ports.h"
#include "store/postgres/sessions.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;

constexpr auto time_to_open = 30s;
constexpr std::int64_t oldest_server = 120000;

Error misconfigured(const char* code, const std::string& message) {
    return {Fault::misconfigured, code, message};
}

Result<void> check(const postgres::ServerSettings& found, bool several_hosts, bool accepted,
                   Log& log) {
    if (found.server_version < oldest_server)
        return misconfigured("store_too_old",
                             "The database is older than PostgreSQL 12. Name one "
                             "that is not.");
    if (!found.fsync)
        return misconfigured("store_not_durable",
                             "The database runs with fsync = off: a power cut would bring spent "
                             "refresh tokens back. Set fsync = on.");
    if (several_hosts && found.standbys.empty() && !accepted)
        return misconfigured(
            "store_not_synchronous",
            "The connection string names several hosts, but no commit waits for a standby "
            "(synchronous_standby_names is empty), so a fail-over could forget rotations. Set "
            "it, or accept that with rotation.accept_async_replication = true.");
    if (found.synchronous_commit != "on" && found.synchronous_commit != "remote_apply")
        log.write(Level::warning, "store_commit_overruled",
                  {{"synchronous_commit", found.synchronous_commit}, {"used", "on"}});
    return {};
}

Task<void> prepare(postgres::Pool& pool, Random& random, Log& log, bool several_hosts,
                   bool accepted, Deadline by) {
    auto found = co_await postgres::read_settings(pool, by);
    if (!found) co_return found.error();
    auto sound = check(*found, several_hosts, accepted, log);
    if (!sound) co_return sound;
    co_return co_await postgres::migrate(pool, random, by);
}

}  // namespace

struct PostgresStore::Impl {
    Impl(postgres::Dsn dsn, const PostgresOptions& options, Clock& clock, Random& random, Log& log)
        : pool(std::make_unique<postgres::Pool>(std::move(dsn), options.connections, clock, log)),
          bulletin(*pool, random),
          bench{*pool, bulletin, clock, options.limits},
          grants(postgres::make_grants(bench)),
          connections(postgres::make_connections(bench)),
          flows(postgres::make_flows(bench)),
          keys(postgres::make_keys(bench)),
          api_keys(postgres::make_api_keys(bench)),
          sessions(postgres::make_sessions(bench)),
          kill_switches(postgres::make_kill_switches(bench)),
          events(postgres::make_events(bench)),
          nodes(postgres::make_nodes(bench)),
          changes(postgres::make_changes(bench)) {}

    /// What runs on the pool's loop refers to the bulletin, so it ends while that is there.
    ~Impl() { pool->finish(); }

    std::unique_ptr<postgres::Pool> pool;
    postgres::Bulletin bulletin;
    postgres::Bench bench;
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

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(PostgresOptions options, Clock& clock,
                                                           Random& random, Log& log) {
    auto dsn = postgres::parse_dsn(options.dsn);
    if (!dsn) return dsn.error();
    const bool several = dsn->hosts.size() > 1;
    auto impl = std::make_unique<Impl>(std::move(*dsn), options, clock, random, log);
    boost::asio::io_context loop;
    const auto ready =
        run_here(loop, prepare(*impl->pool, random, log, several, options.accept_async_replication,
                               clock.in(time_to_open)));
    if (!ready) return ready.error();
    return std::unique_ptr<PostgresStore>{new PostgresStore{std::move(impl)}};
}

PostgresStore::PostgresStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PostgresStore::~PostgresStore() = default;

GrantStore& PostgresStore::grants() {
    return *impl_->grants;
}
FlowStore& PostgresStore::flows() {
    return *impl_->flows;
}
ConnectionIndex& PostgresStore::connections() {
    return *impl_->connections;
}
KeyStore& PostgresStore::keys() {
    return *impl_->keys;
}
ApiKeyStore& PostgresStore::api_keys() {
    return *impl_->api_keys;
}
SessionStore& PostgresStore::sessions() {
    return *impl_->sessions;
}
KillSwitchStore& PostgresStore::kill_switches() {
    return *impl_->kill_switches;
}
EventStore& PostgresStore::events() {
    return *impl_->events;
}
NodeStore& PostgresStore::nodes() {
    return *impl_->nodes;
}
Changes& PostgresStore::changes() {
    return *impl_->changes;
}
Task<void> PostgresStore::quiet(Deadline by) {
    impl_->bulletin.wake();
    return impl_->pool->quiet(by);
}

Task<CopiedRows> PostgresStore::take_in(CopySource& from, Deadline by) {
    return postgres::take_in(*impl_->pool, from, by);
}

Task<bool> PostgresStore::holds(std::string installation, Deadline by) {
    return postgres::holds(*impl_->pool, std::move(installation), by);
}

}  // namespace latchkey
