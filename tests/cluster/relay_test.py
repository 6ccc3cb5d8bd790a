"""The relays do to connections what they say, in front of a real PostgreSQL."""
import http.client
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from database_cluster import DATABASE, OWNER, PASSWORD, PlainDatabase, Unanswered, psql, remove
from relay import DatabaseRelay, Relay, SalesforceRelay


class DatabaseRelays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="latchkey-relay-")
        cls.addClassCleanup(remove, folder)
        cls.database = cls.enterClassContext(PlainDatabase(folder))

    def setUp(self):
        self.relay = DatabaseRelay(lambda: ("127.0.0.1", self.database.port))
        self.addCleanup(self.relay.close)
        self.database.ask("DROP TABLE IF EXISTS marks")
        self.database.ask("CREATE TABLE marks (name text)")

    def through(self, statement):
        return psql([self.relay.port], statement, DATABASE, OWNER, PASSWORD)

    def marks(self):
        return self.database.ask("SELECT name FROM marks ORDER BY name")

    def test_what_is_not_trapped_passes(self):
        self.through("INSERT INTO marks VALUES ('a')")
        self.assertEqual(self.through("SELECT name FROM marks"), ["a"])

    def test_a_cut_before_keeps_the_statement_from_the_server(self):
        self.assert_cut("before", [])

    def test_a_cut_after_the_answer_loses_the_answer_of_what_was_committed(self):
        self.assert_cut("answer", ["a"])

    def test_a_cut_after_the_request_lets_the_server_do_it(self):
        self.assert_cut("request", ["a"])

    def assert_cut(self, how, left):
        trap = self.relay.trap(lambda text, _: text.startswith("insert into marks"), how)
        self.assertEqual(self.through("SELECT 1"), ["1"])
        with self.assertRaises(Unanswered):
            self.through("INSERT INTO marks VALUES ('a')")
        self.assertTrue(trap.sprung.is_set())
        end = time.monotonic() + 5
        while self.marks() != left and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.marks(), left)
        self.through("INSERT INTO marks VALUES ('b')")
        self.assertEqual(self.marks(), left + ["b"])

    def test_a_held_answer_arrives_when_the_trap_is_released(self):
        self.assert_waits("hold", ["a"])

    def test_a_stalled_statement_reaches_the_server_when_the_trap_is_released(self):
        self.assert_waits("stall", [])

    def assert_waits(self, how, meanwhile):
        trap = self.relay.trap(lambda text, _: text.startswith("insert into marks"), how)
        caller = threading.Thread(
            target=self.through, args=("INSERT INTO marks VALUES ('a')",), daemon=True)
        caller.start()
        self.assertTrue(trap.sprung.wait(10))
        self.assertEqual(self.marks(), meanwhile)
        self.assertTrue(caller.is_alive())
        trap.release()
        caller.join(10)
        self.assertFalse(caller.is_alive())
        self.assertEqual(self.marks(), ["a"])

    def test_away_is_refused_and_comes_back(self):
        self.relay.leave()
        with self.assertRaises(Unanswered):
            self.through("SELECT 1")
        self.relay.leave(False)
        self.assertEqual(self.through("SELECT 1"), ["1"])

    def test_a_freeze_holds_what_is_under_way(self):
        self.relay.freeze()
        answers = []
        caller = threading.Thread(target=lambda: answers.append(self.through("SELECT 1")))
        caller.start()
        caller.join(0.5)
        self.assertEqual(answers, [])
        self.relay.thaw()
        caller.join(10)
        self.assertEqual(answers, [["1"]])


class Answering(BaseHTTPRequestHandler):
    served = []

    def do_POST(self):
        self.served.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class SalesforceRelays(unittest.TestCase):
    def setUp(self):
        Answering.served = []
        self.far = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        threading.Thread(target=self.far.serve_forever, daemon=True).start()
        self.addCleanup(self.far.server_close)
        self.addCleanup(self.far.shutdown)
        self.relay = SalesforceRelay(lambda: self.far.server_address)
        self.addCleanup(self.relay.close)

    def refresh(self, token):
        line = http.client.HTTPConnection("127.0.0.1", self.relay.port, timeout=10)
        try:
            line.request("POST", "/services/oauth2/token",
                         f"grant_type=refresh_token&refresh_token={token}")
            return line.getresponse().read()
        finally:
            line.close()

    def test_a_lost_answer_was_processed_and_is_on_record(self):
        self.assertEqual(self.refresh("one"), b"{}")
        self.relay.lose()
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.refresh("two")
        self.assertEqual(self.refresh("three"), b"{}")
        self.assertEqual(len(Answering.served), 3)
        self.assertEqual([one.lost for one in self.relay.refreshes], [False, True, False])
        self.assertEqual(len({one.tag for one in self.relay.refreshes}), 3)

    def test_a_plain_relay_passes_on_and_resets(self):
        plain = Relay(lambda: self.far.server_address)
        self.addCleanup(plain.close)
        line = http.client.HTTPConnection("127.0.0.1", plain.port, timeout=10)
        self.addCleanup(line.close)
        line.request("POST", "/", "x")
        self.assertEqual(line.getresponse().read(), b"{}")
        plain.leave()
        with self.assertRaises((OSError, http.client.HTTPException)):
            line.request("POST", "/", "x")
            line.getresponse()


if __name__ == "__main__":
    unittest.main()
