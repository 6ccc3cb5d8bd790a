"""What operators see: readiness, gauges, and what has happened to connections."""
import contextlib
import sqlite3
import threading

from latchkey_processes import Story, eventually, request
from person import App

TOKEN_PATH = "/services/oauth2/token"
TOKEN_EXPIRED = {"error": "invalid_grant", "error_description": "expired access/refresh token"}


class Operations(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.start()
        self.connection = self.app.connect()["id"]

    def start(self):
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def readiness(self):
        return request(self.server.operators_url, "GET", "/readyz")

    def metrics(self):
        return request(self.server.operators_url, "GET", "/metrics").text

    def gauge(self, line):
        """The value behind a metric's name and labels; None if there is no such line."""
        found = [text.rsplit(" ", 1)[1] for text in self.metrics().splitlines()
                 if text.rsplit(" ", 1)[0] == "latchkey_" + line]
        return float(found[0]) if found else None

    def events(self, query=""):
        answer = self.server.operate("GET", f"/v1/events{query}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def lose(self):
        """Salesforce says that the grant is over."""
        self.emulator.fault(TOKEN_PATH, status=400, body=TOKEN_EXPIRED)
        self.emulator.expire_sessions()
        self.assert_refused(self.server.query(self.connection), 409, "reauth_required")

    @contextlib.contextmanager
    def in_background(self, work):
        answers = []
        worker = threading.Thread(target=lambda: answers.append(work()))
        worker.start()
        yield answers
        worker.join(30)

    def test_a_server_in_order_says_so_part_by_part(self):
        answer = self.readiness()
        self.assertEqual(answer.status, 200, answer)
        shown = answer.json
        journal = shown.pop("journal")
        self.assertGreater(journal.pop("bytes"), 100)
        self.assertEqual(journal, {"answers": 1, "open_answers": 0, "unknown_entries": 0,
                                   "damage_set_aside": 0, "disk_failed": False})
        self.assertEqual(shown, {
            "ready": True, "parts": {"store": "ok", "journal": "ok", "refreshing": "ok"},
            "hindrances": [], "paused": [], "refreshes_under_way": 0, "refreshes_waiting": 0,
            "connections_in_doubt": 0, "connections_suspect": 0, "kill_switches_on": 0})
        self.assertEqual(self.gauge("ready"), 1)
        self.assertEqual(self.gauge('journal_answers{state="closed"}'), 1)
        self.assertEqual(self.gauge("journal_disk_failed"), 0)

    def test_a_refresh_under_way_is_counted(self):
        self.emulator.expire_sessions()
        self.emulator.client(refresh_latency=3000)
        refresh = f"/v1/connections/{self.connection}/refresh"
        with self.in_background(lambda: self.server.call("POST", refresh)) as answer:
            self.assertTrue(eventually(lambda: self.gauge("refreshes_under_way") == 1))
            self.assertEqual(self.readiness().json["refreshes_under_way"], 1)
        self.assertEqual(answer[0].status, 200)
        self.assertEqual(self.gauge("refreshes_under_way"), 0)

    def test_n5_connections_are_counted_by_standing_and_nobody_is_named(self):
        self.assertEqual(self.gauge('connections{standing="active",reason=""}'), 1)
        self.assertEqual(self.gauge("connections_in_doubt"), 0)
        self.assertEqual(self.gauge("measurements_dropped_total"), 0)
        for text in (self.metrics(), self.readiness().text):
            for name in (self.connection, self.server.show(self.connection)["org_id"]):
                self.assertNotIn(name, text)

    def test_a_provider_that_refuses_the_app_is_named_with_who_must_act(self):
        self.emulator.fault(TOKEN_PATH, status=400, count=5, body={
            "error": "invalid_client", "error_description": "invalid client credentials"})
        self.emulator.expire_sessions()
        self.assert_refused(self.server.query(self.connection), 502, "invalid_client")
        answer = self.readiness()
        self.assertEqual(answer.status, 200, "no server of ours can do anything about it")
        paused, = answer.json["paused"]
        self.assertEqual((paused["provider"], paused["scope"], paused["code"], paused["act"]),
                         ("salesforce", "provider", "invalid_client", "misconfigured"))
        self.assertEqual(
            self.gauge('refresh_circuits_open{provider="salesforce",scope="provider"}'), 1)

    def test_a_store_behind_its_journal_makes_the_server_not_ready(self):
        database = self.server.data / "latchkey.db"
        with sqlite3.connect(database) as store:
            before = store.execute("SELECT * FROM grants").fetchone()
        store.close()
        self.emulator.expire_sessions()
        self.assertEqual(self.server.query(self.connection).status, 200)
        self.server.stop()
        with sqlite3.connect(database) as store:
            store.execute(f"REPLACE INTO grants VALUES ({','.join('?' * len(before))})", before)
        store.close()
        self.start()

        answer = self.readiness()
        self.assertEqual((answer.status, answer.error), (503, "store_put_back"))
        self.assertEqual(answer.json["ready"], False)
        self.assertIn("Retry-After", answer.headers)
        self.assertEqual(answer.json["parts"], {"store": "ok", "journal": "ok",
                                                "refreshing": "store_put_back"})
        hindrance, = answer.json["hindrances"]
        self.assertEqual((hindrance["part"], hindrance["act"]), ("refreshing", "misconfigured"))
        self.assertIn("latchkey restore --mark", hindrance["message"])
        self.assertEqual(self.gauge("ready"), 0)

    def test_a_lost_connection_and_its_repair_are_told_once_and_in_order(self):
        self.assertEqual(self.events(), {"items": [], "last": 0})
        self.lose()
        lost, = self.events()["items"]
        self.assertEqual((lost["type"], lost["connection"], lost["generation"], lost["reason"]),
                         ("connection.reauth_required", self.connection, 1, "token_expired"))
        self.assertRegex(lost["at"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.server.query(self.connection).status, 409)

        self.app.connect(connection_id=self.connection)
        news = self.events(f"?after={lost['number']}")
        self.assertEqual([(item["type"], item["connection"]) for item in news["items"]],
                         [("connection.recovered", self.connection)])
        self.assertGreater(news["last"], lost["number"])
        self.assertEqual(self.events(f"?after={news['last']}"),
                         {"items": [], "last": news["last"]})
        first = self.events("?limit=1")
        self.assertEqual((first["items"], first["last"]), ([lost], lost["number"]))

    def test_events_outlive_a_restart(self):
        self.lose()
        before = self.events()
        self.server.stop()
        self.start()
        self.assertEqual(self.events(), before)

    def test_events_are_for_operators_and_their_parameters_are_checked(self):
        for permission in ("connect", "read", "token", "proxy"):
            key = self.server.new_key(permission)
            self.assert_refused(self.server.operate("GET", "/v1/events", key=key), 403,
                                "permission_denied")
        self.assert_refused(self.server.operate("GET", "/v1/events", key=""), 401,
                            "invalid_api_key")
        for query in ("limit=0", "limit=501", "limit=", "after=-1", "after=x", "since=1",
                      "after=99999999999999999999", "limit=1&limit=2"):
            self.assert_refused(self.server.operate("GET", f"/v1/events?{query}"), 400,
                                "invalid_parameter")
        self.assert_refused(self.server.operate("POST", "/v1/events"), 405, "method_not_allowed")
        self.assert_refused(self.server.call("GET", "/v1/events"), 404, "no_such_route")
