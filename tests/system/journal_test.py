"""The journal's directory beside the store: damaged, foreign, and made from the table of before."""
import json
import shutil
import sqlite3
import stat
import unittest

from latchkey_processes import Story, run
from person import App

DONE, FAILED, REFUSED = 0, 1, 78
HEADER = 4096   # bytes of a segment before its first frame
FORMER_TABLE = """CREATE TABLE journal (number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL, connection TEXT NOT NULL, epoch INTEGER NOT NULL,
    grant_generation INTEGER NOT NULL, generation INTEGER NOT NULL, attempt TEXT NOT NULL,
    flow TEXT NOT NULL, timeline TEXT NOT NULL, answer BLOB NOT NULL, at INTEGER NOT NULL,
    closed_at INTEGER) STRICT"""


class JournalFiles(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.start()
        self.journal = self.server.data / "latchkey.db.journal"

    def start(self):
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def refresh(self, connection):
        self.emulator.expire_sessions()
        return self.server.query(connection)

    def refused_start(self):
        """What a server says that does not start."""
        refused = run("server", "--dev", "--listen", "127.0.0.1:0", "--data", self.server.data,
                      "--provider-url", self.emulator.url)
        self.assertEqual(refused.returncode, REFUSED, refused)
        return refused.stderr.decode()

    def repair(self):
        done = run("journal", "repair", "--data", self.server.data, "--json")
        return done.returncode, json.loads(done.stdout or done.stderr)

    def segments(self):
        return sorted(self.journal.glob("*.journal"))

    def test_i14_the_journal_is_for_its_owner_alone(self):
        self.app.connect()
        self.assertEqual(stat.S_IMODE(self.journal.stat().st_mode), 0o700)
        for path in self.journal.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)

    def test_i16_damage_stops_the_start_until_it_is_repaired_and_no_connection_is_lost(self):
        connection = self.app.connect()["id"]
        for _ in range(2):
            self.assertEqual(self.refresh(connection).status, 200)
        status, said = self.repair()
        self.assertEqual((status, said["error"]), (FAILED, "journal_locked"))
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.repair()[1]["repaired"], [])

        segment = self.segments()[0]
        damaged = bytearray(segment.read_bytes())
        damaged[HEADER + 100] ^= 1  # in the first of several answers
        segment.write_bytes(damaged)
        said = self.refused_start()
        self.assertIn("The journal is damaged", said)
        self.assertIn("latchkey journal repair", said)
        self.assertEqual(segment.read_bytes(), bytes(damaged), "a refused start changes nothing")

        status, said = self.repair()
        self.assertEqual(status, DONE, said)
        self.assertEqual(said["directory"], str(self.journal))
        (mended,) = said["repaired"]
        self.assertEqual(mended["segment"], segment.name)
        self.assertGreaterEqual(mended["kept"], 2)
        aside = self.journal / mended["set_aside"]
        self.assertEqual(aside.stat().st_size, mended["damaged_bytes"])
        self.assertIn(bytes(damaged[HEADER + 90:HEADER + 110]), aside.read_bytes())

        self.start()
        self.assertEqual(self.refresh(connection).status, 200)
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (3, 0))

    def test_a_repair_says_what_to_do_next(self):
        self.app.connect()
        self.server.stop()
        segment = self.segments()[0]
        damaged = bytearray(segment.read_bytes())
        damaged[100] ^= 1  # in the first copy of its header
        segment.write_bytes(damaged)
        done = run("journal", "repair", self.journal)
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertIn(segment.name, done.stdout.decode())
        self.assertIn("Start latchkey", done.stdout.decode())

    def test_i16_the_journal_of_another_installation_is_refused(self):
        self.app.connect()
        self.server.stop()
        other = self.folder / "other"
        self.start_server(self.emulator.url, data=other).stop()
        shutil.rmtree(self.journal)
        shutil.copytree(other / "latchkey.db.journal", self.journal)
        said = self.refused_start()
        self.assertIn("another node or installation", said)
        self.assertIn("0000000001.journal", said)

    def test_a_store_that_kept_its_journal_in_a_table_gets_files_and_keeps_its_node(self):
        connection = self.app.connect()["id"]
        self.server.stop()
        shutil.rmtree(self.journal)
        store = sqlite3.connect(self.server.data / "latchkey.db")
        with store:
            store.execute(FORMER_TABLE)
            store.execute("DROP INDEX flows_open_of_owner")
            store.execute("ALTER TABLE api_keys DROP COLUMN rules")
            store.execute("DROP TABLE kill_switches")
            store.execute("DROP INDEX one_announced_key")
            store.execute("ALTER TABLE sealing_keys DROP COLUMN stage")
            store.execute("ALTER TABLE nodes DROP COLUMN reads")
            store.execute("DROP TABLE gateway_sessions")
            store.execute("ALTER TABLE installation DROP COLUMN moved_to")
            store.execute("ALTER TABLE installation DROP COLUMN move_done")
            store.execute("PRAGMA user_version = 2")
            node = store.execute("SELECT node FROM installation").fetchone()[0]
        store.close()
        self.start()
        self.assertEqual(self.refresh(connection).status, 200)
        self.server.stop()
        self.assertIn(node.encode(), self.segments()[0].read_bytes()[:HEADER])
        store = sqlite3.connect(self.server.data / "latchkey.db")
        self.assertGreaterEqual(store.execute("PRAGMA user_version").fetchone()[0], 3)
        self.assertEqual(store.execute("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'journal'")
                         .fetchone()[0], 0)
        store.close()


if __name__ == "__main__":
    unittest.main()
