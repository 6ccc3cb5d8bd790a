"""What the database alone makes of the two writes of a refresh: a claim, and the new tokens in its place.
Each is a transaction of its own, durable as the servers' are, by as many sessions as all of them have.
"""
import os
import re
import subprocess

from database_cluster import BIN, DATABASE, OWNER, PASSWORD

SESSIONS_OF_A_NODE = 8
SECONDS = 20

ROWS = """
CREATE TABLE latchkey.bare AS
    SELECT row_number() OVER () AS n, connection FROM latchkey.grants WHERE role = 'current';
CREATE UNIQUE INDEX ON latchkey.bare (n);
ANALYZE latchkey.bare;
"""

PAIR = r"""
\set n random(1, :rows)
UPDATE latchkey.grants g SET state = 'IN_FLIGHT', attempt = 'f0e1d2c3b4a5968778695a4b3c2d1e0f',
    attempt_node = 'bare'
    FROM latchkey.bare b WHERE b.n = :n AND g.tenant = 'default' AND g.connection = b.connection
    AND g.epoch = 1 AND g.state = 'ACTIVE';
WITH fit AS (
    UPDATE latchkey.grants g SET state = 'ACTIVE', grant_generation = g.grant_generation + 1,
        generation = g.generation + 1, access_received_at = g.access_received_at + 1
        FROM latchkey.bare b WHERE b.n = :n AND g.tenant = 'default'
        AND g.connection = b.connection AND g.epoch = 1 AND g.state = 'IN_FLIGHT'
        RETURNING g.tenant, g.connection, g.epoch)
UPDATE latchkey.tokens t SET refresh_token = t.access_token, access_token = t.refresh_token
    FROM fit WHERE t.tenant = fit.tenant AND t.connection = fit.connection AND t.epoch = fit.epoch;
"""


def pairs_a_second(database, nodes, folder):
    """Spoils the tokens of the store: the last thing that is done with it."""
    for statement in ROWS.strip().split(";\n"):
        database.ask(statement.rstrip(";"))
    rows = database.ask("SELECT count(*) FROM latchkey.bare")[0]
    script = folder / "pair.sql"
    script.write_text(PAIR)
    primary = database.primary().sql if hasattr(database, "primary") else database.port
    done = subprocess.run(
        [BIN / "pgbench", "-n", "-M", "prepared", "-c", str(SESSIONS_OF_A_NODE * nodes), "-j", "2",
         "-T", str(SECONDS), "-D", f"rows={rows}", "-f", script, "-h", "127.0.0.1",
         "-p", str(primary), "-U", OWNER, DATABASE],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PGPASSWORD": PASSWORD},
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(re.search(r"tps = ([\d.]+)", done.stdout).group(1))
