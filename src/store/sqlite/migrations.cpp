#include "store/sqlite/migrations.h"

#include <array>
#include <string>

#include "base/random.h"

namespace latchkey::sqlite {
namespace {

/// Strings are TEXT with their length: any bytes, NUL among them, and compared bytewise. What
/// people see of a connection stands apart from its grants and their tokens, so that changing the
/// one never disturbs a compare-and-set on the other.
constexpr Migration first = R"sql(
CREATE TABLE installation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    node TEXT NOT NULL
) STRICT;

CREATE TABLE sealing_keys (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE connections (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    end_user TEXT NOT NULL,
    username TEXT NOT NULL,
    connected_at INTEGER NOT NULL,
    refreshed_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX connections_in_order ON connections (tenant, connected_at, id);
CREATE INDEX connections_of_user ON connections (tenant, end_user, connected_at, id);

CREATE TABLE grants (
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('candidate', 'current', 'former')),
    state TEXT NOT NULL,
    quarantine TEXT NOT NULL,
    reason TEXT NOT NULL,
    grant_generation INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    attempt TEXT NOT NULL,
    attempt_node TEXT NOT NULL,
    timeline TEXT NOT NULL,
    refresh_token BLOB,
    access_token BLOB,
    provider TEXT NOT NULL,
    login_url TEXT NOT NULL,
    instance_url TEXT NOT NULL,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    access_received_at INTEGER NOT NULL,
    access_expires_at INTEGER,
    rotation_seen INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, connection, epoch)
) STRICT;
CREATE UNIQUE INDEX one_current_grant ON grants (tenant, connection) WHERE role = 'current';
CREATE INDEX grants_by_state ON grants (tenant, state, connection, epoch);
CREATE INDEX grants_of_salesforce_user ON grants (tenant, provider, org_id, user_id)
    WHERE role = 'current';

CREATE TABLE flows (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    end_user TEXT NOT NULL,
    provider TEXT NOT NULL,
    purpose TEXT NOT NULL,
    return_url TEXT NOT NULL,
    login_url TEXT NOT NULL,
    reconnects TEXT NOT NULL,
    link_hash TEXT NOT NULL,
    state_hash TEXT NOT NULL,
    cookie_hash TEXT NOT NULL,
    ticket_hash TEXT NOT NULL,
    verifier BLOB NOT NULL,
    callback BLOB NOT NULL,
    ticket_expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    connection TEXT NOT NULL,
    failure TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE UNIQUE INDEX flows_by_link ON flows (tenant, link_hash);
CREATE UNIQUE INDEX flows_by_state_hash ON flows (tenant, state_hash) WHERE state_hash <> '';
CREATE INDEX flows_in_state ON flows (tenant, state, created_at, id);
CREATE INDEX flows_by_expiry ON flows (tenant, expires_at);

CREATE TABLE api_keys (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    label TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE TABLE journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    grant_generation INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    attempt TEXT NOT NULL,
    flow TEXT NOT NULL,
    timeline TEXT NOT NULL,
    answer BLOB NOT NULL,
    at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;
CREATE INDEX journal_closed ON journal (closed_at) WHERE closed_at IS NOT NULL;
)sql";

/// Many nodes. What is due and what is suspect is looked up in an index that alone tells it: the
/// rows themselves are ten times as long.
constexpr Migration many_nodes = R"sql(
ALTER TABLE grants ADD COLUMN resolver TEXT NOT NULL DEFAULT '';
CREATE INDEX grants_to_refresh ON grants
    (tenant, connection, epoch, timeline, access_received_at, access_expires_at)
    WHERE role = 'current' AND state = 'ACTIVE' AND quarantine = '' AND refresh_token IS NOT NULL;
CREATE INDEX grants_by_standing ON grants (tenant, state, quarantine, reason)
    WHERE role = 'current';

CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    connection TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_time ON events (at);

CREATE TABLE nodes (
    node TEXT PRIMARY KEY,
    boot TEXT NOT NULL,
    beats INTEGER NOT NULL,
    gone INTEGER NOT NULL
) STRICT;
)sql";

/// The journal lies in files of its own. What the table held is there already (former_journal.h).
constexpr Migration journal_in_files = "DROP TABLE journal;";

/// Where its connections live now, if they were copied to another database (moving_file.h).
constexpr Migration moved = R"sql(
ALTER TABLE installation ADD COLUMN moved_to TEXT NOT NULL DEFAULT '';
ALTER TABLE installation ADD COLUMN move_done INTEGER NOT NULL DEFAULT 0;
)sql";

constexpr Migration gateway_sessions = R"sql(
CREATE TABLE gateway_sessions (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    connection TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    api_key TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    renews INTEGER NOT NULL,
    opened_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX gateway_sessions_of_connection ON gateway_sessions (tenant, connection, created_at, id);
CREATE INDEX gateway_sessions_by_end ON gateway_sessions (tenant, expires_at);
)sql";

constexpr Migration key_changes_and_kill_switches = R"sql(
ALTER TABLE sealing_keys ADD COLUMN stage TEXT NOT NULL DEFAULT 'in_use';
CREATE UNIQUE INDEX one_announced_key ON sealing_keys (stage) WHERE stage = 'announced';
ALTER TABLE nodes ADD COLUMN reads TEXT NOT NULL DEFAULT '';
CREATE TABLE kill_switches (
    tenant TEXT NOT NULL,
    provider TEXT NOT NULL,
    since INTEGER NOT NULL,
    reason TEXT NOT NULL,
    revokes INTEGER NOT NULL,
    swept INTEGER NOT NULL,
    PRIMARY KEY (tenant, provider)
) STRICT;
)sql";

/// What an API key may do beyond its permissions, and the connect sessions that it has open, which
/// are counted for each new one.
constexpr Migration key_rules = R"sql(
ALTER TABLE api_keys ADD COLUMN rules TEXT NOT NULL DEFAULT '';
CREATE INDEX flows_open_of_owner ON flows (tenant, owner, expires_at, state)
    WHERE state NOT IN ('done', 'failed');
)sql";

constexpr std::array<Migration, 7> history{
    first,    many_nodes, journal_in_files, moved, gateway_sessions, key_changes_and_kill_switches,
    key_rules};

}  // namespace

std::span<const Migration> migrations() {
    return history;
}

Result<void> migrate(Database& database, std::span<const Migration> steps, Random& random) {
    const auto newest = static_cast<std::int64_t>(steps.size());
    const auto found = database.number("PRAGMA user_version");
    const auto made_by = database.number("PRAGMA application_id");
    const bool fresh =
        found == 0 && made_by == 0 && database.number("SELECT COUNT(*) FROM sqlite_schema") == 0;
    if (!fresh && made_by != our_application_id)
        return Error{Fault::misconfigured, "store_foreign",
                     "The store's file is a database of another program. Name another file."};
    if (found > newest)
        return Error{Fault::misconfigured, "store_too_new",
                     "The store was written by a later latchkey (schema " + std::to_string(found) +
                         ", known up to " + std::to_string(newest) +
                         "). Start that one, or restore a backup from before."};
    for (auto version = found + 1; version <= newest; ++version) {
        database.transaction([&]() -> Result<void> {
            database.execute(std::string{steps[static_cast<std::size_t>(version - 1)]});
            database.execute("PRAGMA application_id = " + std::to_string(our_application_id));
            database.execute("PRAGMA user_version = " + std::to_string(version));
            if (version == 1)
                database
                    .prepare(
                        "INSERT INTO installation (one, id, incarnation, node) VALUES (1, ?, 1, ?)")
                    .bind(random_text(random, 16))
                    .bind(random_text(random, 16))
                    .run();
            return {};
        });
    }
    return {};
}

}  // namespace latchkey::sqlite
