"""Several latchkey servers that share one store, one Salesforce and one public address.

A `Site` has what the servers share: keys, the provider, the address that browsers use, which leads to
one node after another. A `Node` is one server process with files of its own.
"""
import base64
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from database_cluster import stable_ports  # noqa: E402
from latchkey_processes import (BINARY, Emulator, Process, clean, eventually,  # noqa: E402,F401
                                request, run)
from person import App, Person  # noqa: E402
from relay import DatabaseRelay, Relay, SalesforceRelay  # noqa: E402

RETURN_URL = "http://127.0.0.1:9/done"
PERMISSIONS = ("connect", "read", "token", "proxy", "admin")


class Node(Process):
    """One server of a site. Its ports, files and name outlive its process."""
    # After a kill -9 it watches for 20 s whether its former start still lives.
    start_s = 120

    def __init__(self, site, name, database):
        self.site, self.name = site, name
        self.home = site.folder / name
        self.home.mkdir(mode=0o700)
        self.port, self.operators_port = stable_ports(2)
        self.operators_url = f"http://127.0.0.1:{self.operators_port}"
        self.direct_url = f"http://127.0.0.1:{self.port}"
        self.database_relays = [] if database is None or site.direct else [
            DatabaseRelay(lambda port=port: ("127.0.0.1", port)) for port in database.sql_ports()]
        self.config = self.home / "latchkey.toml"
        self.config.write_text(self._config(database))
        self.process = None
        self.starting = False
        self.dead = []        # (from, to) on the steady clock: frozen or killed, until it came back
        self.frozen_at = None
        self.killed_at = None

    def _config(self, database):
        if database is None:
            store = f'path = "{self.home}/latchkey.db"'
        else:
            dsn = self.site.private(f"{self.name}/dsn",
                                    database.dsn([r.port for r in self.database_relays]))
            store = f'dsn_file = "{dsn}"\n[journal]\ndirectory = "{self.home}/journal"'
        return (f'public_url = "{self.site.public_url}"\n'
                f'[server]\nlisten = "127.0.0.1:{self.port}"\n'
                f'operators_listen = "127.0.0.1:{self.operators_port}"\n'
                f'[store]\n{store}\n'
                f'[keys]\nmaster_key_file = "{self.site.master_key}"\n'
                '[providers.salesforce]\nclient_id = "latchkey-demo"\n'
                f'client_secret_file = "{self.site.secret}"\n'
                f'login_url = "{self.site.salesforce_url}"\n'
                f'return_urls = ["{RETURN_URL}"]\n'
                # What is tried and measured here is the protocol, not the pace.
                'refreshes_per_second = 100000\n')

    def start(self, environment=None):
        self.starting = True
        try:
            super().__init__(["server", "--config", str(self.config)], self.home, "server",
                             environment)
        finally:
            self.starting = False
        if self.killed_at is not None:
            self.dead.append((self.killed_at, time.monotonic()))
            self.killed_at = None
        return self

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def up(self):
        """Whether it is expected to answer."""
        return self.running and not self.starting and self.frozen_at is None

    def kill(self):
        if self.running:
            self.killed_at = self.frozen_at or time.monotonic()
            self.frozen_at = None
            super().kill()

    def stop(self):
        """SIGTERM; refreshes under way are finished, at most 40 s. The exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def freeze(self):
        if self.running and self.frozen_at is None:
            self.frozen_at = time.monotonic()
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        if self.frozen_at is not None:
            self.process.send_signal(signal.SIGCONT)
            self.dead.append((self.frozen_at, time.monotonic()))
            self.frozen_at = None

    def call(self, method, target, body=None, key=None, headers=None, base=None, timeout=70):
        lines = dict(headers or {})
        lines.setdefault("Authorization", f"Bearer {key or self.site.key}")
        return request(base or self.direct_url, method, target, body, lines, timeout)

    def operate(self, method, target, body=None, key=None):
        return self.call(method, target, body, key, base=self.operators_url)

    def query(self, connection, **more):
        return self.call("GET", f"/proxy/{connection}/services/data/v68.0/limits", **more)

    def token(self, connection, **more):
        return self.call("GET", f"/v1/connections/{connection}/token", **more)

    def refresh(self, connection, **more):
        return self.call("POST", f"/v1/connections/{connection}/refresh", **more)

    def show(self, connection, **more):
        return self.call("GET", f"/v1/connections/{connection}", **more)

    def is_ready(self):
        """Whether it says that it can serve."""
        try:
            return request(self.operators_url, "GET", "/readyz", timeout=5).status == 200
        except OSError:
            return False

    def journal_files(self):
        return sorted((self.home / "journal").rglob("*"))

    def said(self):
        return self.stderr_file.read_text(errors="replace")


class Site:
    """`database` is a DatabaseCluster or PlainDatabase; None: one node on SQLite. `direct`: without
    relays to the database and to Salesforce, which take time of their own."""

    def __init__(self, folder, database=None, nodes=3, direct=False):
        self.folder = pathlib.Path(folder)
        self.master_key = self.private("master-key", base64.b64encode(os.urandom(32)).decode())
        self.secret = self.private("client-secret", "latchkey-demo-secret")
        self.database = database
        self.direct = direct
        self.emulator = Emulator(self.folder, keeps=not direct)
        self.salesforce = SalesforceRelay(lambda: ("127.0.0.1", port_of(self.emulator.url)))
        self.salesforce_url = (self.emulator.url if direct else
                               f"http://127.0.0.1:{self.salesforce.port}")
        # All users of these tests are the same few people, who approve many times.
        self.emulator.client(max_approvals=1_000_000)
        self.turn = 0
        self.entrance = Relay(self._next_node)
        self.public_url = f"http://127.0.0.1:{self.entrance.port}"
        self.nodes = []
        self.nodes = [Node(self, f"node{n + 1}", database)
                      for n in range(nodes if database else 1)]
        self.key = self._first_key()

    def private(self, name, text):
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def _first_key(self):
        permissions = [word for one in PERMISSIONS for word in ("--permission", one)]
        made = run("apikeys", "create", "--config", self.nodes[0].config, "--label", "operator",
                   *permissions)
        assert made.returncode == 0, made
        return made.stdout.decode().strip()

    def _next_node(self):
        """Round robin over the nodes that run, as a load balancer with health checks has it."""
        for _ in self.nodes:
            self.turn += 1
            node = self.nodes[self.turn % len(self.nodes)]
            if node.up:
                return "127.0.0.1", node.port
        raise OSError("no node runs")

    def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            assert eventually(node.is_ready, 60), f"{node.name} is not ready: {node.said()[-2000:]}"
        return self

    def stop(self):
        for node in self.nodes:
            node.thaw()
            node.kill()
            for relay in node.database_relays:
                relay.close()
        self.entrance.close()
        self.salesforce.close()
        self.emulator.kill()

    # What the app and its users do ------------------------------------------------------------

    def connect(self, end_user, **more):
        """A user connects, by the shared address; each step may meet another node."""
        connection = App(self, return_url=RETURN_URL).connect(end_user, Person(RETURN_URL), **more)
        return connection["id"]

    def call(self, method, target, body=None, key=None, headers=None):
        """By the shared address, as an app's backend does."""
        lines = {**(headers or {}), "Authorization": f"Bearer {key or self.key}"}
        return request(self.public_url, method, target, body, lines)

    def calm(self):
        """No fault of Salesforce or of the network, and nobody stands still."""
        self.emulator.control("DELETE", "faults")
        self.emulator.client(refresh_latency=0)
        self.salesforce.flowing_again()
        self.entrance.flowing_again()
        for node in self.nodes:
            for relay in node.database_relays:
                relay.traps.clear()
                relay.flowing_again()
            node.thaw()

    def settle(self):
        """The same, and every node runs."""
        self.calm()
        for node in self.nodes:
            if not node.running:
                node.start()

    def database_folders(self):
        """Where one node of the database keeps its pages."""
        if self.database is None:
            return []
        members = getattr(self.database, "members", [self.database])
        return [members[0].data / "base", members[0].data / "pg_wal"]

    def totals(self):
        return self.emulator.totals()

    def uses(self):
        return self.emulator.control("GET", "ledger?uses=1")["uses"]


def port_of(url):
    return int(url.rsplit(":", 1)[1])
