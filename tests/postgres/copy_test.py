"""A server moves from SQLite to PostgreSQL: `latchkey store copy`, told with real processes."""
import json
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import unittest

from on_postgres import PLACE, PSQL, REFUSED, OnPostgres, psql
from latchkey_processes import clean, eventually, run
from person import App

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Copies(OnPostgres):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator(keeps=False)
        self.file = self.folder / "latchkey.db"
        self.old = self.config("old", login_url=self.emulator.url,
                               store=f'[store]\npath = "{self.file}"\n')
        self.new = self.config("new", login_url=self.emulator.url,
                               journal=self.folder / "old.journal")
        self.key = self.admin_key(self.old)

    def connected(self, *users):
        """Each of them connects on the old server, which is stopped then."""
        server = self.start_node(self.old, self.key, "old")
        connections = [App(server).connect(user)["id"] for user in users]
        self.assertEqual(server.stop(), 0)
        return connections

    def copy(self, *, status=0, code=None):
        done = run("store", "copy", "--from", self.old, "--to", self.new, "--json")
        self.assertEqual(done.returncode, status, done)
        if code:
            self.assertIn(code.encode(), done.stdout + done.stderr)
        return done.stdout.decode()

    def copying(self):
        """A copy that something holds up."""
        process = subprocess.Popen(
            [os.environ["LATCHKEY_BINARY"], "store", "copy", "--from", str(self.old), "--to",
             str(self.new)], env=clean(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()

    def waits(self, event_type):
        self.assertTrue(eventually(lambda: psql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'latchkey'"
            f" AND datname = '{self.database}' AND wait_event_type || wait_event = '{event_type}'"
        ) != "0"))

    def let_commits_wait(self):
        """For a standby that there is not. The server's processes hear of it one after the other, so
        it holds when a commit waits."""
        psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        self.addCleanup(psql, "SELECT pg_reload_conf()")
        self.addCleanup(psql, "ALTER SYSTEM RESET synchronous_standby_names")
        psql("SELECT pg_reload_conf()")

        def one_waits():
            commit = subprocess.Popen([PSQL, "-X", "-q", f"{PLACE} dbname={self.database}", "-c",
                                       "SELECT pg_logical_emit_message(true, 'x', 'x')"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            eventually(lambda: commit.poll() is not None or psql(
                "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
                " WHERE wait_event = 'SyncRep'") != "0")
            return b"might not have been replicated" in commit.communicate()[1]

        self.assertTrue(eventually(one_waits))

    def let_commits_go_on(self):
        psql("ALTER SYSTEM RESET synchronous_standby_names")
        psql("SELECT pg_reload_conf()")

    def assert_no_copy_elsewhere(self):
        """While the first may be complete, a second database gets nothing."""
        psql(f"CREATE DATABASE {self.database}_b")
        dsn = self.private("elsewhere", f"{PLACE} dbname={self.database}_b\n")
        right, self.new = self.new, self.config("elsewhere", journal=self.folder / "old.journal",
                                                store=f'[store]\ndsn_file = "{dsn}"\n')
        self.copy(status=1, code="store_moved")
        self.new = right
        self.assertEqual(psql("SELECT count(*) FROM latchkey.connections", f"{self.database}_b"),
                         "0")

    def assert_the_file_opens_no_more(self):
        answer = run("server", "--config", self.old)
        self.assertEqual(answer.returncode, REFUSED, answer)
        self.assertIn(self.database.encode(), answer.stderr)
        return answer.stderr.decode()

    def assert_serves(self, file, connections, refreshes):
        """Every session is dead, so every connection is refreshed, once, by this server."""
        server = self.start_node(file, self.key, "serving")
        self.emulator.expire_sessions()
        for connection in connections:
            self.assertEqual(server.show(connection)["standing"], "active")
            self.assertEqual(server.query(connection).status, 200)
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (refreshes, 0), totals)
        self.assertEqual(server.stop(), 0)

    def test_a_server_goes_on_in_postgresql_and_every_connection_is_refreshed_once(self):
        connections = self.connected("ada", "grace", "edsger")
        self.assert_serves(self.old, connections[:1], 1)
        told = self.copy()
        self.assertIn('"connections":3', told.replace(" ", ""))
        self.assertIn("were moved", self.assert_the_file_opens_no_more())
        self.assert_serves(self.new, connections, 4)
        again = self.copy()
        self.assertIn('"done_before":true', again.replace(" ", ""))
        self.assert_serves(self.new, connections, 7)
        self.assertNotIn("password", told)

    def test_the_rules_of_keys_go_along(self):
        connection, = self.connected("ada")
        made = run("apikeys", "create", "--config", self.old, "--allow", "GET /services/data/*/limits",
                   "--concurrency", "7", "--priority", "low", "--json")
        key = json.loads(made.stdout)
        self.copy()
        server = self.start_node(self.new, self.key, "new")
        self.assertEqual(server.query(connection).status, 200)
        self.assertEqual(server.query(connection, key=key["key"]).error, "denied_by_rule")
        self.assertEqual(server.stop(), 0)
        listed = json.loads(run("apikeys", "list", "--config", self.new, "--json").stdout)["items"]
        shown = {one["id"]: one for one in listed}[key["id"]]
        self.assertEqual({**key, **shown}, key)
        self.assertEqual(shown["limits"], {"concurrency": 7})

    def test_what_was_confirmed_here_is_confirmed_there_and_nothing_is_suspect(self):
        self.connected("ada")
        self.copy()
        found = psql("SELECT count(*) FROM latchkey.grants"
                     " WHERE timeline = latchkey.present_timeline()", self.database)
        self.assertEqual(found, "1")

    def test_a_copy_that_is_killed_before_the_commit_leaves_the_file_in_use(self):
        connections = self.connected("ada")
        holder = subprocess.Popen(
            [PSQL, "-X", f"{PLACE} dbname={self.database}"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertEqual(self.start_node(self.config("trial"), "", "trial").stop(), 0)
        holder.stdin.write(b"BEGIN; LOCK TABLE latchkey.api_keys IN SHARE MODE;\n")
        holder.stdin.flush()
        eventually(lambda: psql("SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock'"
                                " AND locktype = 'relation' AND granted", self.database) != "0")
        process = self.copying()
        self.waits("Lockrelation")
        self.kill(process)
        self.assert_serves(self.old, connections, 1)
        holder.communicate(b"ROLLBACK;\n")
        self.copy()
        self.assert_serves(self.new, connections, 2)

    def test_a_copy_that_is_killed_when_it_was_committed_is_finished_by_the_next(self):
        connections = self.connected("ada")
        self.assertEqual(self.start_node(self.config("trial"), "", "trial").stop(), 0)
        self.let_commits_wait()
        process = self.copying()
        self.waits("IPCSyncRep")
        self.kill(process)
        self.assertIn("latchkey store copy", self.assert_the_file_opens_no_more())
        self.let_commits_go_on()
        self.assert_no_copy_elsewhere()
        self.assertIn('"done_before":true', self.copy().replace(" ", ""))
        self.assert_the_file_opens_no_more()
        self.assert_serves(self.new, connections, 1)

    def test_a_copy_whose_connection_breaks_at_the_commit_finds_out_by_itself(self):
        connections = self.connected("ada")
        self.assertEqual(self.start_node(self.config("trial"), "", "trial").stop(), 0)
        self.let_commits_wait()
        process = self.copying()
        self.waits("IPCSyncRep")
        psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
             f" AND datname = '{self.database}'")
        self.let_commits_go_on()
        self.assertEqual(process.wait(30), 0)
        self.assert_the_file_opens_no_more()
        self.assert_serves(self.new, connections, 1)

    def test_the_guide_works_as_it_is_written(self):
        """docs/operating/moving-to-postgresql.md: its files, and its commands one after the other."""
        guide = (REPOSITORY / "docs/operating/moving-to-postgresql.md").read_text()
        places = {"/etc/latchkey": self.folder / "etc", "/var/lib/latchkey": self.folder / "var"}
        for place in places.values():
            place.mkdir(mode=0o700)

        def here(text):
            for told, real in places.items():
                text = text.replace(told, str(real))
            return text

        def blocks(kind):
            found = re.findall(rf"```{kind}\n(.*?)```", guide, re.DOTALL)
            return [textwrap.dedent(block) for block in found]

        present, following = places["/etc/latchkey"] / "latchkey.toml", "shared.toml"
        self.dsn.rename(places["/etc/latchkey"] / "dsn")
        text = self.old.read_text().replace(str(self.file), here("/var/lib/latchkey/latchkey.db"))
        text = re.sub(r"\[journal\]\n.*\n", "", text)
        self.private("etc/latchkey.toml", text)
        (changes,) = blocks("toml")
        store = re.search(r"\[store\]\n.*\n", text)[0]
        self.private(f"etc/{following}", text.replace(store, here(changes)))

        self.key = self.admin_key(present)
        server = self.start_node(present, self.key, "guided")
        connection = App(server).connect("ada")["id"]
        commands = [line[2:] for block in blocks("console") for line in block.splitlines()
                    if line.startswith("$ ")]
        self.assertEqual(len(commands), 6, commands)
        for command in commands:
            words = here(command).split()
            if words == ["systemctl", "stop", "latchkey"]:
                self.assertEqual(server.stop(), 0)
            elif words == ["systemctl", "start", "latchkey"]:
                server = self.start_node(present, self.key, "guided")
            elif words[0] == "latchkey":
                done = run(*words[1:])
                self.assertEqual(done.returncode, 0, done)
            else:
                subprocess.run(words, check=True)
        self.emulator.expire_sessions()
        self.assertEqual(server.query(connection).status, 200)
        self.assertEqual(server.stop(), 0)
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (1, 0))

    def test_what_cannot_be_copied_is_refused_and_left_as_it_is(self):
        server = self.start_node(self.old, self.key, "old")
        self.copy(status=1, code="store_locked")
        self.assertEqual(server.stop(), 0)
        right = self.master_key.read_text()
        self.master_key.write_text("00" * 32)
        self.copy(status=1, code="wrong_master_key")
        self.master_key.write_text(right)
        other = self.config("other")
        trial = self.start_node(other, "", "other")
        self.copy(status=1, code="store_in_use")
        self.assertEqual(trial.stop(), 0)
        self.admin_key(other)
        self.copy(status=1, code="store_not_empty")
        self.new = other
        self.copy(status=2, code="store_copy_options")
        self.new, self.old = self.old, self.new
        self.copy(status=2, code="store_copy_options")
        self.assertEqual(self.start_node(self.new, self.key, "old").stop(), 0)

    def test_a_file_that_is_not_there_is_not_made(self):
        self.file = self.folder / "nowhere.db"
        self.old = self.config("old", store=f'[store]\npath = "{self.file}"\n')
        self.copy(status=1, code="store_not_found")
        self.assertFalse(self.file.exists())

    def test_a_moved_file_that_is_marked_as_put_back_opens_and_asks_about_each_connection(self):
        connections = self.connected("ada")
        self.copy()
        self.assert_the_file_opens_no_more()
        marked = run("restore", "--mark", "--config", self.old)
        self.assertEqual(marked.returncode, 0, marked)
        server = self.start_node(self.old, self.key, "old")
        self.assertIn(server.show(connections[0])["standing"], ("active", "uncertain"))
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
