"""A backup that is put in the store's place, with rotation on, and the real quiet period of a minute."""
import json
import shutil
import sqlite3
import unittest

from latchkey_processes import Story, eventually, run
from person import App

DONE, FAILED, USAGE = 0, 1, 2
PATIENCE_S = 120


class Restored(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.start()
        self.store = self.server.data / "latchkey.db"
        self.backup = self.folder / "backup.db"

    def start(self):
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def refresh(self, connection):
        self.emulator.expire_sessions()
        return self.server.query(connection)

    def back_up(self):
        """As docs/operating/keys-and-backups.md tells to, while the server runs."""
        source, target = sqlite3.connect(self.store), sqlite3.connect(self.backup)
        source.backup(target)
        source.close()
        target.close()

    def put_back(self):
        self.assertEqual(self.server.stop(), 0)
        for end in ("-wal", "-shm"):
            self.store.with_name(self.store.name + end).unlink(missing_ok=True)
        shutil.copyfile(self.backup, self.store)

    def lose_the_journal(self):
        """As with the machine that it was on."""
        shutil.rmtree(self.store.with_name(self.store.name + ".journal"))

    def mark(self):
        return run("restore", "--mark", "--data", self.server.data, "--json")

    def standing(self, connection):
        shown = self.server.show(connection)
        return shown["standing"], shown.get("reason")

    def assert_no_token_was_used_twice(self):
        totals = self.emulator.totals()
        self.assertEqual(totals["reuses"], 0, totals)
        self.assertLessEqual(totals["max_in_flight"], 1, totals)

    def test_i6_a_backup_from_before_a_key_change_is_put_right_by_the_journal(self):
        """The journal's answers are sealed with a key that the backup does not know."""
        connection = self.app.connect("refreshed since")["id"]
        self.back_up()
        added = self.server.operate("POST", "/v1/keys")
        self.assertEqual(added.status, 202, added)

        def keys():
            return {key["id"]: key for key in self.server.operate("GET", "/v1/keys").json["items"]}

        self.assertTrue(eventually(lambda: keys()[added.json["id"]]["seals"], 20), keys())
        self.assertEqual(self.refresh(connection).status, 200)
        self.put_back()

        # Put back without a word, it is noticed by what is in the journal.
        self.start()
        answer = self.refresh(connection)
        self.assertEqual((answer.status, answer.error), (502, "store_put_back"), answer)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.mark().returncode, DONE)
        self.start()
        self.assertTrue(eventually(lambda: self.standing(connection)[0] == "active", PATIENCE_S, 0.5),
                        self.standing(connection))
        self.assertEqual(self.refresh(connection).status, 200)
        self.assertIn(added.json["id"], keys())
        self.assert_no_token_was_used_twice()

    def test_i17_a_marked_backup_presents_no_spent_token_and_loses_only_what_was_spent(self):
        spent, kept = (self.app.connect(user)["id"] for user in ("refreshed since", "idle since"))
        self.back_up()
        self.assertEqual(self.refresh(spent).status, 200)
        self.put_back()
        self.lose_the_journal()
        marked = self.mark()
        self.assertEqual(marked.returncode, DONE, marked.stderr)
        self.assertEqual(json.loads(marked.stdout), {"timeline": "2"})
        self.start()

        # Both tokens of the backup look alike from here, so neither is presented.
        self.emulator.expire_sessions()
        for connection in (spent, kept):
            self.assert_refused(self.server.query(connection), 503, "rotation_uncertain")
        self.assertEqual(self.emulator.totals()["refreshes"], 1)

        # Salesforce is asked, and knows.
        self.assertTrue(eventually(lambda: self.standing(spent)[0] != "uncertain"
                                   and self.standing(kept)[0] != "uncertain", PATIENCE_S, 0.5))
        self.assertEqual(self.standing(kept), ("active", None))
        self.assertEqual(self.server.query(kept).status, 200)
        self.assertEqual(self.standing(spent), ("reauth_required", "answer_lost"))
        self.assert_refused(self.server.query(spent), 409, "reauth_required")
        self.assert_no_token_was_used_twice()

        # And its user mends it.
        again = self.app.connect("refreshed since", connection_id=spent)
        self.assertEqual((again["id"], again["standing"]), (spent, "active"))
        self.assertEqual(self.refresh(spent).status, 200)
        self.assert_no_token_was_used_twice()

    def test_i17_beside_its_journal_a_backup_loses_nothing_and_one_without_a_mark_is_noticed(self):
        spent, kept = (self.app.connect(user)["id"] for user in ("refreshed since", "idle since"))
        self.back_up()
        self.assertEqual(self.refresh(spent).status, 200)
        self.put_back()
        self.start()
        self.emulator.expire_sessions()
        for connection in (spent, kept):
            refused = self.server.query(connection)
            self.assertEqual((refused.status, refused.error), (502, "store_put_back"))
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.mark().returncode, DONE)
        self.start()
        self.assertTrue(eventually(lambda: self.standing(spent)[0] == "active"
                                   and self.standing(kept)[0] == "active", PATIENCE_S, 0.5),
                        (self.standing(spent), self.standing(kept)))
        for connection in (spent, kept):
            self.assertEqual(self.refresh(connection).status, 200)
        self.assert_no_token_was_used_twice()

    def test_a_store_is_marked_only_while_nobody_has_it_open_and_only_when_told(self):
        running = self.mark()
        self.assertEqual(running.returncode, FAILED, running.stdout)
        self.assertEqual(json.loads(running.stdout or running.stderr)["error"], "store_locked")
        self.server.stop()
        nothing = run("restore", "--data", self.server.data)
        self.assertEqual(nothing.returncode, USAGE)
        self.assertIn(b"latchkey restore --mark", nothing.stderr)
        for timeline in ("2", "3"):
            self.assertEqual(json.loads(self.mark().stdout), {"timeline": timeline})


if __name__ == "__main__":
    unittest.main()
