"""The server is killed while a refresh is under way, with the real durations of production.

All servers are killed and started again before the first test, so that their quiet periods of a minute
pass together: the first test waits, the others find their case settled.
"""
import http.client
import pathlib
import tempfile
import threading
import time
import unittest

from latchkey_processes import Emulator, Server, Story, eventually
from person import App

TOKEN_PATH = "/services/oauth2/token"
QUIET_S = 60
PATIENCE_S = 120


class Case:
    """An emulator, a server and one connection whose refresh is interrupted by SIGKILL."""

    def __init__(self, folder, fault, *, token_dies=True):
        folder.mkdir()
        self.folder = folder
        self.emulator = Emulator(folder)
        self.server = Server(folder, self.emulator.url)
        self.connection = App(self.server).connect()["id"]
        if token_dies:
            self.emulator.expire_sessions()
        self.emulator.fault(TOKEN_PATH, **fault)
        caller = threading.Thread(target=self.ask, args=(token_dies,), daemon=True)
        caller.start()
        assert eventually(self.uses), "no refresh was begun"
        # Processed, or held back: either way the server waits for the answer now.
        time.sleep(0.3)
        self.server.kill()
        self.killed_at = time.monotonic()
        caller.join(10)
        self.server = Server(folder, self.emulator.url)
        self.after_start = self.server.show(self.connection)

    def ask(self, token_dies):
        try:
            if token_dies:
                self.server.query(self.connection)
            else:
                self.server.call("POST", f"/v1/connections/{self.connection}/refresh")
        except (OSError, http.client.HTTPException):
            pass  # the server was killed

    def uses(self):
        return self.emulator.control("GET", "ledger?uses=1")["uses"]

    def standing(self):
        return self.server.show(self.connection)["standing"]

    def settled(self):
        return eventually(lambda: self.standing() != "uncertain", PATIENCE_S, 0.5)

    def end(self):
        self.server.kill()
        self.emulator.kill()


class Crash(Story):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="latchkey-crash-")
        cls.addClassCleanup(holder.cleanup)
        root = pathlib.Path(holder.name)
        cls.cases = {}
        for name, fault, dies in (
                ("processed", {"when": "after", "delay_ms": 8000}, True),
                ("not processed", {"when": "before", "delay_ms": 8000, "status": 503}, True),
                ("processed later", {"when": "before", "delay_ms": 8000}, True),
                ("token alive", {"when": "after", "delay_ms": 8000}, False)):
            case = Case(root / name.replace(" ", "-"), fault, token_dies=dies)
            cls.cases[name] = case
            cls.addClassCleanup(case.end)

    def quiet_ledger(self, case):
        totals = case.emulator.totals()
        self.assertEqual(totals["reuses"], 0, totals)
        self.assertLessEqual(totals["max_in_flight"], 1, totals)

    def waits_out_the_quiet_period(self, case):
        self.assertEqual(case.after_start["standing"], "uncertain")
        self.assertTrue(case.settled(), case.server.show(case.connection))
        self.assertGreater(time.monotonic() - case.killed_at, QUIET_S)

    def test_a_until_it_is_settled_nothing_is_sent_and_callers_are_told_to_come_back(self):
        for name in ("processed", "not processed", "processed later"):
            case = self.cases[name]
            answer = case.server.query(case.connection)
            self.assert_refused(answer, 503, "rotation_uncertain")
            self.assertGreater(int(answer.headers["Retry-After"]), 1)
            self.assertLessEqual(int(answer.headers["Retry-After"]), QUIET_S + 1)
            self.assertEqual(len(case.uses()), 1)

    def test_b_j6_the_last_access_token_serves_while_the_refresh_is_in_doubt(self):
        case = self.cases["token alive"]
        self.assertEqual(case.after_start["standing"], "uncertain")
        self.assertEqual(case.server.query(case.connection).status, 200)

    def test_j6_a_refresh_that_was_processed_ends_as_answer_lost_without_a_second_use(self):
        for name in ("processed", "token alive"):
            case = self.cases[name]
            self.waits_out_the_quiet_period(case)
            shown = case.server.show(case.connection)
            self.assertEqual((shown["standing"], shown["reason"]),
                             ("reauth_required", "answer_lost"))
            self.assert_refused(case.server.query(case.connection), 409, "reauth_required")
            self.assertEqual(len(case.uses()), 1)
            self.quiet_ledger(case)

    def test_j7_a_refresh_that_was_not_processed_works_again(self):
        case = self.cases["not processed"]
        self.waits_out_the_quiet_period(case)
        self.assertEqual(case.standing(), "active")
        self.assertEqual(case.server.query(case.connection).status, 200)
        self.assertEqual(case.server.show(case.connection)["generation"], 2)
        self.assertEqual(case.emulator.totals()["refreshes"], 1)
        self.quiet_ledger(case)

    def test_j11_a_refresh_that_is_processed_after_the_restart_is_no_second_use_either(self):
        case = self.cases["processed later"]
        self.waits_out_the_quiet_period(case)
        shown = case.server.show(case.connection)
        self.assertEqual((shown["standing"], shown["reason"]), ("reauth_required", "answer_lost"))
        self.assertEqual(len(case.uses()), 1)
        self.assertEqual(case.emulator.totals()["refreshes"], 1)
        self.quiet_ledger(case)

    def test_z_a_reconnect_mends_what_was_lost(self):
        case = self.cases["processed"]
        self.assertTrue(case.settled())
        app = App(case.server)
        again = app.connect("user-1", connection_id=case.connection)
        self.assertEqual((again["id"], again["standing"]), (case.connection, "active"))
        self.assertEqual(case.server.query(case.connection).status, 200)


if __name__ == "__main__":
    unittest.main()
