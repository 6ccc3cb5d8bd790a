#!/usr/bin/env python3
"""Runs a command beside a PostgreSQL of its own, on loopback and a free port.

    with_postgres.py [--pooled] COMMAND ...

The command finds LATCHKEY_TEST_POSTGRES (what a store connects to) and
LATCHKEY_TEST_POSTGRES_SERVER (the server itself), both without a database name. With --pooled a
PgBouncer in transaction mode stands between. PostgreSQL refuses root: started by root, everything
but the command runs as the user postgres. Every role is let in but `guarded`, which needs its
password. Ends with the command's status.
"""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
START_S = 60
MEMORY = "/dev/shm"
# fsync stays on: a store refuses a server without it.
SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 32MB
max_wal_size = 256MB
"""
POOLER = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
server_reset_query =
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged():
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def wait_for(port, process, log):
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit(f"{process.args[0]} did not start:\n{pathlib.Path(log).read_text()}")


def wait_until_ready(port, process, log):
    """A server that is starting up takes connections already, and refuses them."""
    until = time.monotonic() + START_S
    ask = [BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while time.monotonic() < until and process.poll() is None:
        if subprocess.run(ask, check=False).returncode == 0:
            return
        time.sleep(0.05)
    sys.exit(f"{process.args[0]} did not start:\n{pathlib.Path(log).read_text()}")


def start(command, log, who, folder):
    with open(log, "ab") as out:
        return subprocess.Popen([str(part) for part in command], cwd=folder, stdout=out,
                                stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, **who)


def stop(process, number):
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def main():
    arguments = sys.argv[1:]
    pooled = arguments[:1] == ["--pooled"]
    command = arguments[1:] if pooled else arguments
    if not command:
        sys.exit(__doc__)
    # A test runner that loses patience ends this program so; the servers go with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    who = unprivileged()
    # In memory where there is such a folder: every commit is synced, and tests make thousands.
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-postgres-", dir=memory))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if who:
            os.chown(folder, who["user"], who["group"])
        data, server = folder / "data", free_port()
        subprocess.run([BIN / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8",
                        "--locale=C", "--auth=trust", "--no-sync"], check=True, cwd=folder,
                       stdout=subprocess.DEVNULL, **who)
        with open(data / "postgresql.conf", "a") as settings:
            settings.write(SETTINGS + f"unix_socket_directories = '{folder}'\n")
        rules = data / "pg_hba.conf"
        rules.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        postgres = start([BIN / "postgres", "-D", data, "-p", str(server)], folder / "server.log",
                         who, folder)
        stack.callback(stop, postgres, signal.SIGINT)
        wait_until_ready(server, postgres, folder / "server.log")
        place = f"host=127.0.0.1 port={server} user=postgres"
        given = {"LATCHKEY_TEST_POSTGRES_SERVER": place, "LATCHKEY_TEST_POSTGRES": place}
        if pooled:
            port = free_port()
            file = folder / "pgbouncer.ini"
            file.write_text(POOLER.format(server=server, port=port))
            pooler = start(["/usr/sbin/pgbouncer", file], folder / "pooler.log", who, folder)
            stack.callback(stop, pooler, signal.SIGINT)
            wait_for(port, pooler, folder / "pooler.log")
            given["LATCHKEY_TEST_POSTGRES"] = f"host=127.0.0.1 port={port} user=postgres"
        return subprocess.run(command, env={**os.environ, **given}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
