"""PostgreSQL under Patroni with three etcd members, on loopback and free ports.

    with DatabaseCluster(folder) as cluster:
        cluster.wait_sync()
        cluster.dsn                    # libpq's, all nodes in it
        dead = cluster.kill_primary()  # kill -9 of Patroni and PostgreSQL together
        cluster.wait_sync()
        cluster.restart(dead)

The settings are those of docs/operating/high-availability.md, read from deploy/three-nodes; only
durations, memory and what etcd promises about power cuts are made smaller. PostgreSQL refuses root:
started by root, everything runs as the user postgres. Every process is ended by its own id.
"""
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "deploy/three-nodes"
PATRONI_TEMPLATE, ETCD_TEMPLATE = EXAMPLES / "patroni.yml", EXAMPLES / "etcd.env"
START_S = 120   # a busy machine with two cores takes its time for six processes and two copies
SETTLE_S = 120
STUCK_S = 25
DATABASE, OWNER, PASSWORD = "latchkey", "latchkey", "latchkey"
SUPERUSER = ("postgres", "postgres", "super")


def stable_ports(count):
    """Ports that nobody listens on, below the range from which the kernel serves outgoing
    connections: whoever is restarted finds its port free again."""
    found, held = [], []
    with contextlib.ExitStack() as stack:
        for _ in range(10_000):
            if len(found) == count:
                return found
            port = random.SystemRandom().randrange(10_000, 32_000)
            probe = stack.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            held.append(probe)
            found.append(port)
    raise AssertionError("there are no free ports")


def http_json(port, method, path, body=None, timeout=3):
    """(status, answer) of one request; status None if nobody answers."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        line.request(method, path, None if body is None else json.dumps(body),
                     {"Content-Type": "application/json"})
        answer = line.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None, ""
    finally:
        line.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


class Unanswered(Exception):
    """The database refused a statement or was not there."""


def psql(ports, statement, database, user, password, session="any"):
    given = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PGPASSWORD": password,
             "PGCONNECT_TIMEOUT": "2", "PGTARGETSESSIONATTRS": session, "PGSSLMODE": "disable",
             "PGHOST": ",".join("127.0.0.1" for _ in ports), "PGPORT": ",".join(map(str, ports)),
             "PGDATABASE": database, "PGUSER": user}
    try:
        done = subprocess.run([BIN / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement],
                              env=given, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        raise Unanswered("no answer") from None
    if done.returncode != 0:
        raise Unanswered(done.stderr.strip())
    return done.stdout.splitlines()


def children_of(pid):
    """The processes that `pid` started and that still run."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError, ValueError):
            # The name, in brackets, may hold blanks; behind it stand state and parent.
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def filled_in(template, **values):
    """An example of deploy/ with its words in @ signs replaced."""
    text = template.read_text()
    for word, value in values.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Unprivileged:
    """Starts processes as the user that PostgreSQL accepts."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.who = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self.who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.own(self.folder)

    def own(self, path):
        if self.who:
            os.chown(path, self.who["user"], self.who["group"])

    def start(self, command, log, settings=None):
        with open(self.folder / log, "ab") as out:
            return subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=out, cwd=self.folder,
                                    start_new_session=True,
                                    env={**self.environment(), **(settings or {})}, **self.who)

    def run(self, command):
        return subprocess.run([str(part) for part in command], cwd=self.folder, check=True,
                              capture_output=True, env=self.environment(), **self.who)

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}


class Etcd:
    """One of the members that say who is primary."""

    def __init__(self, unprivileged, name, client, peer):
        self.unprivileged, self.name, self.client, self.peer = unprivileged, name, client, peer
        self.process = None

    def start(self, all_members):
        peers = ",".join(f"{m.name}=http://127.0.0.1:{m.peer}" for m in all_members)
        text = filled_in(ETCD_TEMPLATE, NAME=self.name, CLIENT=self.client, PEER=self.peer,
                         PEERS=peers, DATA=self.unprivileged.folder / self.name)
        settings = dict(line.split("=", 1) for line in text.splitlines()
                        if line and not line.startswith("#"))
        settings["ETCD_UNSAFE_NO_FSYNC"] = "true"   # for tests alone
        self.process = self.unprivileged.start(["etcd"], f"{self.name}.log", settings)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(20)


class Member:
    """One PostgreSQL with the Patroni that looks after it."""

    def __init__(self, unprivileged, name, sql, rest, hosts):
        self.unprivileged, self.name, self.sql, self.rest = unprivileged, name, sql, rest
        self.data = unprivileged.folder / f"data-{name}"
        self.file = unprivileged.folder / f"{name}.yml"
        self.process = None
        self.frozen = []
        text = filled_in(PATRONI_TEMPLATE, NAME=name, REST=rest, SQL=sql, ETCD=hosts,
                         DATA=self.data, FOLDER=unprivileged.folder)
        self.file.write_text(for_tests(text))
        self.file.chmod(0o600)
        unprivileged.own(self.file)

    def start(self):
        self.process = self.unprivileged.start(["patroni", self.file], f"{self.name}.log")

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def postmaster(self):
        """The id of the running server process; None if there is none."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            # An id is given again: only a process of this very folder is ours.
            return pid if os.fsencode(self.data) in command else None
        return None

    def processes(self):
        """Patroni first: who is stopped first cannot start the others again."""
        found = [self.process.pid] if self.running else []
        postmaster = self.postmaster()
        if postmaster:
            found += [postmaster, *children_of(postmaster)]
        return found

    def kill(self):
        """As a power cut would; what was frozen dies too."""
        for pid in self.processes() + self.frozen:
            send(pid, signal.SIGKILL)
        self.frozen = []
        if self.process:
            self.process.wait(20)

    def kill_postgres(self):
        """PostgreSQL alone; Patroni finds it dead."""
        postmaster = self.postmaster()
        for pid in [postmaster, *children_of(postmaster)] if postmaster else []:
            send(pid, signal.SIGKILL)

    def freeze(self):
        self.frozen = self.processes()
        for pid in self.frozen:
            send(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in reversed(self.frozen):
            send(pid, signal.SIGCONT)
        self.frozen = []

    def is_(self, role):
        """Whether it answers for a role of Patroni's: primary, replica, synchronous."""
        return http_json(self.rest, "GET", f"/{role}")[0] == 200


def for_tests(text):
    """The operators' file with a test's durations and sizes."""
    for written, smaller in (("ttl: 30", "ttl: 5"), ("loop_wait: 10", "loop_wait: 1"),
                             ("retry_timeout: 10", "retry_timeout: 2"),
                             ("shared_buffers: 1GB", "shared_buffers: 32MB"),
                             ("wal_keep_size: 1GB", "wal_keep_size: 64MB")):
        assert written in text, f"{PATRONI_TEMPLATE} has no '{written}'"
        text = text.replace(written, smaller)
    return text


class DatabaseCluster:
    def __init__(self, folder, nodes=3, etcds=3):
        self.unprivileged = Unprivileged(folder)
        self.folder = self.unprivileged.folder
        ports = stable_ports(2 * etcds + 2 * nodes)
        self.etcds = [Etcd(self.unprivileged, f"etcd{n + 1}", ports.pop(), ports.pop())
                      for n in range(etcds)]
        hosts = ", ".join(f'"127.0.0.1:{e.client}"' for e in self.etcds)
        self.members = [Member(self.unprivileged, f"pg{n + 1}", ports.pop(), ports.pop(), hosts)
                        for n in range(nodes)]

    # Life -------------------------------------------------------------------------------------

    def start(self):
        for etcd in self.etcds:
            etcd.start(self.etcds)
        self.until(lambda: http_json(self.etcds[0].client, "GET", "/health")[0] == 200,
                   "etcd has no leader", START_S)
        self.members[0].start()
        self.until(lambda: self.members[0].is_("primary"), "the first node did not start", START_S)
        for member in self.members[1:]:
            member.start()
        self.wait_sync(START_S)
        self.make_database()
        return self

    def make_database(self):
        """A user and a database of its own; from 15 on `public` is closed to others."""
        self.ask(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}'", *SUPERUSER)
        self.ask(f"CREATE DATABASE {DATABASE} OWNER {OWNER}", *SUPERUSER)

    def stop(self):
        for member in self.members:
            member.kill()
        for etcd in self.etcds:
            etcd.kill()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    # Looking ----------------------------------------------------------------------------------

    def sql_ports(self):
        return [member.sql for member in self.members]

    def dsn(self, ports=None):
        """For libpq; `ports` instead of the nodes' own, where relays stand before them."""
        ports = ports or self.sql_ports()
        hosts = ",".join("127.0.0.1" for _ in ports)
        return (f"host={hosts} port={','.join(map(str, ports))} dbname={DATABASE} user={OWNER} "
                f"password={PASSWORD} target_session_attrs=read-write sslmode=disable "
                f"gssencmode=disable connect_timeout=2")

    def ask(self, statement, database=DATABASE, user=OWNER, password=PASSWORD, member=None):
        """What the primary, or one member, answers to a statement: a list of lines."""
        ports = [member.sql] if member else self.sql_ports()
        return psql(ports, statement, database, user, password,
                    "any" if member else "read-write")

    def primary(self):
        return next((m for m in self.members if not m.frozen and m.is_("primary")), None)

    def synchronous(self):
        return next((m for m in self.members if not m.frozen and m.is_("synchronous")), None)

    def until(self, what, otherwise, seconds=SETTLE_S):
        end = time.monotonic() + seconds
        while True:
            found = what()
            if found:
                return found
            for etcd in self.etcds:
                assert etcd.process.poll() is None, f"{etcd.name} ended: {self.tail(etcd.name)}"
            if time.monotonic() > end:
                tails = "\n".join(f"{m.name}: {self.tail(m.name)}" for m in self.members)
                raise AssertionError(f"{otherwise}\n{tails}")
            time.sleep(0.1)

    def tail(self, name):
        with contextlib.suppress(OSError):
            return (self.folder / f"{name}.log").read_text(errors="replace")[-1500:]
        return ""

    def wait_sync(self, seconds=SETTLE_S):
        """Until a primary and a synchronous standby stand; returns both."""
        begun = time.monotonic()
        unstuck = []

        def both():
            primary, standby = self.primary(), self.synchronous()
            if primary and standby:
                return primary, standby
            if not unstuck and time.monotonic() - begun > STUCK_S:
                unstuck.append(self.unstick())
            return None
        return self.until(both, "no primary with a synchronous standby", seconds)

    def unstick(self):
        """A primary that stood still may leave a note in etcd of who is in step with whom that the
        present primary takes for somebody else's, and no standby is synchronous from then on
        ("Synchronous replication key updated by someone else", Patroni 3.0). The note is written
        anew when synchronous mode is switched on again."""
        if self.primary() and not self.synchronous():
            self.configure(synchronous_mode=False)
            self.until(lambda: not self.ask("SHOW synchronous_standby_names")[0],
                       "synchronous mode did not end")
            self.configure(synchronous_mode=True)
        return True

    def wait_all(self, seconds=SETTLE_S):
        """Until every node has its role again."""
        def every():
            primary = self.primary()
            return primary and all(m is primary or m.is_("replica") for m in self.members)
        self.until(every, "a node did not come back", seconds)
        return self.wait_sync(seconds)

    # Doing ------------------------------------------------------------------------------------

    def kill_primary(self):
        """Returns the member that was killed; `restart` brings it back."""
        primary, _ = self.wait_sync()
        primary.kill()
        return primary

    def freeze_primary(self):
        """Returns the member whose processes are stopped; `thaw` lets it go on."""
        primary, _ = self.wait_sync()
        primary.freeze()
        return primary

    def switchover(self):
        """An orderly change of the primary; returns the new one."""
        primary, standby = self.wait_sync()
        status, said = http_json(primary.rest, "POST", "/switchover",
                                 {"leader": primary.name, "candidate": standby.name}, 60)
        assert status == 200, f"switchover: {status} {said}"
        self.until(lambda: standby.is_("primary"), f"{standby.name} was not promoted")
        return standby

    def configure(self, **settings):
        """Changes what all nodes are told, as `patronictl edit-config` does."""
        status, said = http_json(self.primary().rest, "PATCH", "/config", settings)
        assert status == 200, f"config: {status} {said}"

    def stop_replication(self):
        """From here on no standby receives anything. Returns what ends its receiver for good: what
        waits in its socket is lost with it, as with a network that went away."""
        receivers = []
        for member in self.members:
            postmaster = member.postmaster()
            for pid in children_of(postmaster) if postmaster else []:
                with contextlib.suppress(OSError):
                    command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                    if b"walreceiver" in command:
                        send(pid, signal.SIGSTOP)
                        receivers.append(pid)
        assert len(receivers) == len(self.members) - 1, receivers

        def lose():
            for pid in receivers:
                send(pid, signal.SIGKILL)
        return lose

    def restart(self, member):
        """Starts a member again that was killed; Patroni rewinds it."""
        member.kill()
        member.start()


class PlainDatabase:
    """One PostgreSQL alone, with the same methods as far as one node can have them."""

    def __init__(self, folder):
        self.unprivileged = Unprivileged(folder)
        self.folder = self.unprivileged.folder
        self.port = stable_ports(1)[0]
        self.data = self.folder / "data"
        self.process = None

    def __enter__(self):
        self.unprivileged.run([BIN / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                               "-E", "UTF8", "--locale=C", "--data-checksums"])
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        first = self.process is None
        self.process = self.unprivileged.start(
            [BIN / "postgres", "-D", self.data, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
             "-c", f"unix_socket_directories={self.folder}", "-c", "shared_buffers=32MB"],
            "postgres.log")
        end = time.monotonic() + START_S
        while True:
            try:
                self.ask("SELECT 1", "postgres", "postgres")
                break
            except Unanswered:
                assert self.process.poll() is None, (self.folder / "postgres.log").read_text()
                assert time.monotonic() < end, "PostgreSQL did not start"
                time.sleep(0.1)
        if first:
            self.ask(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}'", "postgres", "postgres")
            self.ask(f"CREATE DATABASE {DATABASE} OWNER {OWNER}", "postgres", "postgres")
        return self

    def ask(self, statement, database=DATABASE, user=OWNER):
        return psql([self.port], statement, database, user, PASSWORD)

    def sql_ports(self):
        return [self.port]

    def dsn(self, ports=None):
        ports = ports or self.sql_ports()
        return (f"host={','.join('127.0.0.1' for _ in ports)} port={','.join(map(str, ports))} "
                f"dbname={DATABASE} user={OWNER} password={PASSWORD} sslmode=disable "
                f"gssencmode=disable connect_timeout=2")

    def kill(self):
        """As a power cut would; `start` brings it back."""
        if self.process and self.process.poll() is None:
            for pid in [self.process.pid, *children_of(self.process.pid)]:
                send(pid, signal.SIGKILL)
        if self.process:
            self.process.wait(20)

    def stop(self):
        self.kill()

    def __exit__(self, *_):
        self.stop()


def remove(folder):
    """What a cluster left, logs included."""
    shutil.rmtree(folder, ignore_errors=True)
