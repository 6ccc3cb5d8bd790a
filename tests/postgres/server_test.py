"""A server on PostgreSQL as its users have it: what is refused at the start, and why; what a node of
several does. tests/support/with_postgres.py starts the database.
"""
import concurrent.futures
import json
import os
import subprocess
import time
import unittest

from on_postgres import PASSWORD, PLACE, REFUSED, OnPostgres, psql
from latchkey_processes import clean, free_port, run
from person import App


class Starts(OnPostgres):
    def test_a_dsn_file_that_is_missing_open_to_others_or_no_dsn_is_refused_unread(self):
        self.dsn.unlink()
        self.assert_no_start(self.config(), REFUSED, str(self.dsn), "dsn_file", config_test=True)
        self.private("dsn", f"{PLACE} dbname=x password={PASSWORD}", 0o644)
        self.assert_no_start(self.config(), REFUSED, str(self.dsn), "dsn_file", config_test=True)
        self.private("dsn", f"dbname=x password={PASSWORD}")
        self.assert_no_start(self.config(), REFUSED, "names no host", config_test=True)
        self.private("dsn", f"'{PASSWORD}")
        self.assert_no_start(self.config(), REFUSED, "cannot be read", config_test=True)

    def test_a_file_and_a_database_or_a_database_without_a_journal_are_refused(self):
        both = f'[store]\ndsn_file = "{self.dsn}"\npath = "{self.folder}/latchkey.db"\n'
        self.assert_no_start(self.config(store=both), REFUSED, "exclude each other",
                             config_test=True)
        file = self.config()
        text = file.read_text().replace("[journal]\ndirectory", "[server.x]\nx")
        lines = [line for line in text.splitlines() if "server.x" not in line and
                 not line.startswith("x = ")]
        self.private("node.toml", "\n".join(lines))
        self.assert_no_start(file, REFUSED, "journal.directory", config_test=True)

    def test_a_database_that_is_away_ends_the_start_with_1_so_that_it_is_tried_again(self):
        self.private("dsn", f"host=127.0.0.1 port={free_port()} dbname=x password={PASSWORD}")
        self.assert_no_start(self.config(), 1, "cannot be reached", config_test=False)

    def test_a_wrong_password_and_a_missing_database_are_named(self):
        guarded = self.guarded_role("right")
        self.private("dsn", f"{guarded} dbname={self.database} password={PASSWORD}")
        self.assert_no_start(self.config(), REFUSED, "password", config_test=False)
        self.private("dsn", f"{guarded} dbname={self.database}")
        self.assert_no_start(self.config(), REFUSED, "password")
        self.private("dsn", f"{PLACE} dbname=nowhere password={PASSWORD}")
        self.assert_no_start(self.config(), REFUSED, "dbname")

    def guarded_role(self, password):
        """A role that has to give its password."""
        psql("DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'guarded') THEN"
             " CREATE ROLE guarded LOGIN; END IF; END$$")
        psql(f"ALTER ROLE guarded PASSWORD '{password}'")
        return PLACE.replace("user=postgres", "user=guarded")

    def test_n1_the_password_that_let_a_node_in_is_left_nowhere(self):
        guarded = self.guarded_role(PASSWORD)
        psql(f"GRANT CREATE ON DATABASE {self.database} TO guarded")
        self.private("dsn", f"{guarded} dbname={self.database} password={PASSWORD}")
        self.assertEqual(self.start_node(self.config(), "").stop(), 0)
        left = [file for file in self.folder.rglob("*") if file.is_file() and file != self.dsn]
        self.assertTrue(left)
        for file in left:
            self.assertNotIn(PASSWORD.encode(), file.read_bytes(), file)

    def test_a_role_that_may_not_make_the_schema_is_told_what_to_grant(self):
        psql("CREATE ROLE modest LOGIN")
        self.private("dsn", f"{PLACE} dbname={self.database}".replace("=postgres", "=modest"))
        self.assert_no_start(self.config(), REFUSED, "GRANT CREATE ON DATABASE", config_test=False)
        psql(f"GRANT CREATE ON DATABASE {self.database} TO modest")
        self.assertEqual(self.start_node(self.config(), "").stop(), 0)

    def test_i15_a_schema_of_a_later_latchkey_is_refused_and_left_as_it_is(self):
        self.assertEqual(self.start_node(self.config(), "").stop(), 0)
        psql("UPDATE latchkey.installation SET schema_version = 99", self.database)
        self.assert_no_start(self.config(), REFUSED, "later latchkey", "99", config_test=False)
        self.assertEqual(psql("SELECT schema_version FROM latchkey.installation", self.database),
                         "99")

    def test_several_hosts_without_a_synchronous_standby_are_refused_unless_accepted(self):
        twice = PLACE.replace("host=127.0.0.1", "host=127.0.0.1,127.0.0.1")
        self.private("dsn", f"{twice} dbname={self.database}")
        self.assert_no_start(self.config(), REFUSED, "synchronous_standby_names",
                             "rotation.accept_async_replication", config_test=False)
        accepted = "[rotation]\naccept_async_replication = true\n"
        self.assertEqual(self.start_node(self.config(more=accepted), "").stop(), 0)

    def test_m10_another_installations_journal_is_refused(self):
        self.assertEqual(self.start_node(self.config(), "").stop(), 0)
        psql("UPDATE latchkey.installation SET id = 'another'", self.database)
        psql("DELETE FROM latchkey.sealing_keys", self.database)
        self.assert_no_start(self.config(), REFUSED, "another node or installation")


class Nodes(OnPostgres):
    def test_m10_a_node_that_was_stopped_in_order_is_back_at_once(self):
        file = self.config()
        self.assertEqual(self.start_node(file, "").stop(), 0)
        self.assertEqual(psql("SELECT gone FROM latchkey.nodes", self.database), "t")
        begun = time.monotonic()
        self.assertEqual(self.start_node(file, "").stop(), 0)
        self.assertLess(time.monotonic() - begun, 15, "it was not waited for as for a dead one")

    def test_i15_nodes_that_start_together_on_an_empty_database_serve_one_installation(self):
        emulator = self.start_emulator(keeps=False)
        files = [self.config(f"n{i}", login_url=emulator.url) for i in range(3)]
        begun = [subprocess.Popen([os.environ["LATCHKEY_BINARY"], "server", "--config", str(file)],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean())
                 for file in files]
        for process in begun:
            self.addCleanup(process.communicate)
            self.addCleanup(process.kill)
        said = [process.stdout.readline() for process in begun]
        for line in said:
            self.assertTrue(line and json.loads(line)["ready"], said)
        self.assertEqual(psql("SELECT count(*) FROM latchkey.sealing_keys", self.database), "1")

    def test_what_one_node_connects_the_other_uses_and_a_dead_session_is_refreshed_once(self):
        emulator = self.start_emulator(keeps=False)
        files = [self.config(f"n{i}", login_url=emulator.url) for i in range(2)]
        key = self.admin_key(files[0])
        nodes = [self.start_node(file, key, f"n{i}") for i, file in enumerate(files)]
        connection = App(nodes[0]).connect()["id"]
        self.assertEqual(nodes[1].show(connection)["standing"], "active")
        emulator.expire_sessions()
        with concurrent.futures.ThreadPoolExecutor(10) as callers:
            answers = list(callers.map(lambda i: nodes[i % 2].query(connection), range(10)))
        self.assertEqual([answer.status for answer in answers], [200] * 10, answers)
        totals = emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (1, 0), totals)
        tokens = {node.call("GET", f"/v1/connections/{connection}/token").json["access_token"]
                  for node in nodes}
        self.assertEqual(len(tokens), 1, "both vend the same")
        self.assertEqual([node.stop() for node in nodes], [0, 0])


if __name__ == "__main__":
    unittest.main()
