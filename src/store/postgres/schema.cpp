#include "store/postgres/schema.h"

#include <array>

namespace latchkey::postgres {
namespace {

/// What others wrote (names, URLs, ids from requests) is bytea: any bytes, compared bytewise, in
/// every encoding of the database. Our own words are text. Tokens stand in a table of their own, so
/// that what happens to a row's state does not copy them, and what people see of a connection apart
/// from both.
///
/// present_timeline says on which history the server that runs it is: system identifier, timeline of
/// the write-ahead log (the control file's may lag behind a promotion), incarnation. Where the role
/// may not ask, the server's start stands in for what is not told. It refuses on a standby, and on
/// another system than the one that the installation began on. durable_timeline also makes the
/// transaction that calls it as durable as the database can.
constexpr const char* first = R"sql(
CREATE SCHEMA IF NOT EXISTS latchkey;

CREATE TABLE latchkey.installation (
    one integer PRIMARY KEY CHECK (one = 1),
    schema_version bigint NOT NULL,
    id text NOT NULL,
    incarnation bigint NOT NULL,
    system text NOT NULL
);

CREATE FUNCTION latchkey.system_identifier() RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute') THEN
        RETURN (SELECT c.system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system() c);
    END IF;
    RETURN 'untold';
END $$;

CREATE FUNCTION latchkey.present_timeline() RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here text := latchkey.system_identifier();
    branch text;
    began text;
    incarnation bigint;
BEGIN
    IF pg_catalog.pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is in recovery' USING ERRCODE = '25006';
    END IF;
    SELECT i.system, i.incarnation INTO began, incarnation FROM latchkey.installation i;
    IF began IS DISTINCT FROM here THEN
        RAISE EXCEPTION 'this is not the system that the installation began on'
            USING ERRCODE = 'LK001';
    END IF;
    IF pg_catalog.has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'execute')
        AND pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'execute') THEN
        branch := pg_catalog.substr(
            pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8);
    ELSE
        branch := pg_catalog.lpad(pg_catalog.to_hex((pg_catalog.date_part('epoch',
            pg_catalog.pg_postmaster_start_time()) * 1000000)::pg_catalog.int8), 16, '0');
    END IF;
    RETURN here || '/' || branch || '.' || incarnation;
END $$;

CREATE FUNCTION latchkey.durable_timeline() RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_catalog.current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        PERFORM pg_catalog.set_config('synchronous_commit', 'on', true);
        IF pg_catalog.current_setting('synchronous_commit') <> 'on' THEN
            RAISE EXCEPTION 'synchronous_commit cannot be set' USING ERRCODE = 'LK002';
        END IF;
    END IF;
    RETURN latchkey.present_timeline();
END $$;

CREATE TABLE latchkey.sealing_keys (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    sealed bytea NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE latchkey.connections (
    tenant text NOT NULL,
    id bytea NOT NULL,
    end_user bytea NOT NULL,
    username bytea NOT NULL,
    connected_at bigint NOT NULL,
    refreshed_at bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX connections_in_order ON latchkey.connections (tenant, connected_at, id);
CREATE INDEX connections_of_user ON latchkey.connections (tenant, end_user, connected_at, id);

CREATE TABLE latchkey.grants (
    tenant text NOT NULL,
    connection bytea NOT NULL,
    epoch bigint NOT NULL,
    role text NOT NULL CHECK (role IN ('candidate', 'current', 'former')),
    state text NOT NULL,
    quarantine text NOT NULL,
    reason bytea NOT NULL,
    grant_generation bigint NOT NULL,
    generation bigint NOT NULL,
    attempt text NOT NULL,
    attempt_node text NOT NULL,
    resolver text NOT NULL,
    timeline text NOT NULL,
    provider bytea NOT NULL,
    login_url bytea NOT NULL,
    instance_url bytea NOT NULL,
    org_id bytea NOT NULL,
    user_id bytea NOT NULL,
    scopes bytea NOT NULL,
    access_received_at bigint NOT NULL,
    access_expires_at bigint,
    rotation_seen boolean NOT NULL,
    renewable boolean NOT NULL,
    revoked_at bigint,
    PRIMARY KEY (tenant, connection, epoch)
);
CREATE UNIQUE INDEX one_current_grant ON latchkey.grants (tenant, connection)
    WHERE role = 'current';
CREATE INDEX grants_by_state ON latchkey.grants (tenant, state, connection, epoch)
    WHERE state <> 'ACTIVE';
CREATE INDEX grants_of_salesforce_user ON latchkey.grants (tenant, org_id, user_id)
    WHERE role = 'current';
CREATE INDEX grants_to_refresh ON latchkey.grants
    (tenant, connection, epoch, access_received_at, access_expires_at, timeline)
    WHERE role = 'current' AND state = 'ACTIVE' AND quarantine = '' AND renewable;

CREATE TABLE latchkey.tokens (
    tenant text NOT NULL,
    connection bytea NOT NULL,
    epoch bigint NOT NULL,
    refresh_token bytea,
    access_token bytea,
    PRIMARY KEY (tenant, connection, epoch),
    FOREIGN KEY (tenant, connection, epoch) REFERENCES latchkey.grants ON DELETE CASCADE
) WITH (fillfactor = 70);

CREATE TABLE latchkey.flows (
    tenant text NOT NULL,
    id bytea NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    owner bytea NOT NULL,
    end_user bytea NOT NULL,
    provider bytea NOT NULL,
    purpose bytea NOT NULL,
    return_url bytea NOT NULL,
    login_url bytea NOT NULL,
    reconnects bytea NOT NULL,
    link_hash bytea NOT NULL,
    state_hash bytea NOT NULL,
    cookie_hash bytea NOT NULL,
    ticket_hash bytea NOT NULL,
    verifier bytea NOT NULL,
    callback bytea NOT NULL,
    ticket_expires_at bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    connection bytea NOT NULL,
    failure text NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX flows_by_link ON latchkey.flows (tenant, link_hash);
CREATE UNIQUE INDEX flows_by_state_hash ON latchkey.flows (tenant, state_hash)
    WHERE state_hash <> '';
CREATE INDEX flows_in_state ON latchkey.flows (tenant, state, created_at, id);
CREATE INDEX flows_by_expiry ON latchkey.flows (tenant, expires_at);

CREATE TABLE latchkey.api_keys (
    tenant text NOT NULL,
    id bytea NOT NULL,
    secret_hash bytea NOT NULL,
    label bytea NOT NULL,
    permissions bytea NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint,
    PRIMARY KEY (tenant, id)
);

CREATE SEQUENCE latchkey.event_numbers;
CREATE TABLE latchkey.events (
    number bigint PRIMARY KEY,
    tenant text NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    connection bytea NOT NULL,
    epoch bigint NOT NULL,
    generation bigint NOT NULL,
    reason bytea NOT NULL
);
CREATE INDEX events_by_time ON latchkey.events (at);

CREATE FUNCTION latchkey.next_event() RETURNS bigint LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(7812732640302);
    RETURN pg_catalog.nextval('latchkey.event_numbers');
END $$;

CREATE TABLE latchkey.nodes (
    node text PRIMARY KEY,
    boot text NOT NULL,
    beats bigint NOT NULL,
    gone boolean NOT NULL
);
)sql";

constexpr const char* gateway_sessions = R"sql(
CREATE TABLE latchkey.gateway_sessions (
    tenant text NOT NULL,
    id bytea NOT NULL,
    connection bytea NOT NULL,
    epoch bigint NOT NULL,
    api_key bytea NOT NULL,
    secret_hash bytea NOT NULL,
    renews bigint NOT NULL,
    opened_by bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX gateway_sessions_of_connection
    ON latchkey.gateway_sessions (tenant, connection, created_at, id);
CREATE INDEX gateway_sessions_by_end ON latchkey.gateway_sessions (tenant, expires_at);
)sql";

constexpr const char* key_changes_and_kill_switches = R"sql(
ALTER TABLE latchkey.sealing_keys ADD COLUMN stage text NOT NULL DEFAULT 'in_use'
    CHECK (stage IN ('announced', 'in_use'));
CREATE UNIQUE INDEX one_announced_key ON latchkey.sealing_keys (stage) WHERE stage = 'announced';
ALTER TABLE latchkey.nodes ADD COLUMN reads text NOT NULL DEFAULT '';
CREATE TABLE latchkey.kill_switches (
    tenant text NOT NULL,
    provider bytea NOT NULL,
    since bigint NOT NULL,
    reason bytea NOT NULL,
    revokes boolean NOT NULL,
    swept boolean NOT NULL,
    PRIMARY KEY (tenant, provider)
);
)sql";

constexpr const char* key_rules = R"sql(
ALTER TABLE latchkey.api_keys ADD COLUMN rules text NOT NULL DEFAULT '';
CREATE INDEX flows_open_of_owner ON latchkey.flows (tenant, owner, expires_at, state)
    WHERE state NOT IN ('done', 'failed');
)sql";

constexpr std::array<const char*, 4> history{first, gateway_sessions, key_changes_and_kill_switches,
                                             key_rules};

}  // namespace

std::span<const char* const> schema_steps() {
    return history;
}

}  // namespace latchkey::postgres
