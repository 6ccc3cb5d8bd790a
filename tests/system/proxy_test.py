"""Calls through the proxy on kept connections, as clients make them: bodies that are passed on, what is
remembered and forgotten, and several event loops."""
import concurrent.futures
import http.client
import socket
import threading
import time
import unittest
import urllib.parse

from latchkey_processes import Process, Server, Story, eventually, free_port
from person import App

LIMITS = "/services/data/v68.0/limits"


class Kept:
    """A caller who keeps one connection to the server."""

    def __init__(self, server, key=None):
        place = urllib.parse.urlsplit(server.url)
        self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=40)
        self.lines = {"Authorization": f"Bearer {key or server.key}"}

    def call(self, method, target, body=None, **lines):
        self.connection.request(method, target, body, {**self.lines, **lines})
        answer = self.connection.getresponse()
        answer.text = answer.read()
        return answer

    def close(self):
        self.connection.close()


class Proxy(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.connection = App(self.server).connect()["id"]
        self.target = f"/proxy/{self.connection}{LIMITS}"

    def keep(self, key=None):
        caller = Kept(self.server, key)
        self.addCleanup(caller.close)
        return caller

    def test_f4_a_revoked_key_is_refused_at_once_on_an_open_connection(self):
        key = self.server.new_key("proxy")
        caller = self.keep(key)
        self.assertEqual(caller.call("GET", self.target).status, 200)
        self.server.operate("DELETE", f"/v1/apikeys/{key.split('_')[1]}")
        self.assertEqual(caller.call("GET", self.target).status, 401)

    def test_h19_what_is_done_to_a_connection_counts_for_the_next_call_on_an_open_one(self):
        caller = self.keep()
        self.assertEqual(caller.call("GET", self.target).status, 200)
        for act, status in (("quarantine", 409), ("release", 200)):
            self.server.call("POST", f"/v1/connections/{self.connection}/{act}")
            self.assertEqual(caller.call("GET", self.target).status, status, act)
        self.server.call("DELETE", f"/v1/connections/{self.connection}")
        self.assertEqual(caller.call("GET", self.target).status, 409)

    def test_h11_a_long_body_is_passed_on_once_and_the_next_call_finds_a_newer_token(self):
        caller = self.keep()
        create = f"/proxy/{self.connection}/services/data/v68.0/sobjects/Account"
        body = '{"Name": "Long", "Description": "' + "x" * 30_000 + '"' + " " * 200_000 + "}"
        lines = {"Content-Type": "application/json"}
        self.assertEqual(caller.call("POST", create, body, **lines).status, 201)
        self.emulator.expire_sessions()
        refused = caller.call("POST", create, body, **lines)
        self.assertEqual(refused.status, 401)
        self.assertEqual(refused.headers["Latchkey-Answer"], "salesforce")
        self.assertEqual(refused.headers["Latchkey-Retry"], "body-not-buffered")
        self.assertTrue(eventually(
            lambda: caller.call("POST", create, body, **lines).status == 201))
        self.assertEqual(self.emulator.totals()["refreshes"], 1)

    def test_h11_two_hundred_calls_on_dead_sessions_cause_one_refresh(self):
        self.server.query(self.connection)
        self.emulator.expire_sessions()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(lambda _: self.server.query(self.connection).status, range(200)))
        self.assertEqual(set(statuses), {200})
        self.assertEqual(self.emulator.totals()["refreshes"], 1)

    def test_a_chunked_body_arrives_as_it_was_sent(self):
        caller = self.keep()
        create = f"/proxy/{self.connection}/services/data/v68.0/sobjects/Account"
        pieces = iter([b'{"Name": ', b'"In pieces"', b"}"])
        caller.connection.request("POST", create, pieces,
                                  {**caller.lines, "Content-Type": "application/json"},
                                  encode_chunked=True)
        answer = caller.connection.getresponse()
        answer.read()
        self.assertEqual(answer.status, 201)

    def test_relayed_calls_are_counted_by_status(self):
        self.server.query(self.connection)
        self.server.call("GET", self.target, key="lk_nobody")
        metrics = self.server.operate("GET", "/metrics").text
        for status in (200, 401):
            self.assertRegex(metrics, r'latchkey_http_requests_total\{route="/proxy/\{connection\}",'
                                      rf'status="{status}"\}} [1-9]')

    def test_l8_a_stopping_server_lets_nobody_in_on_any_loop_and_answers_who_is_there(self):
        self.start_with_loops(4)
        self.assertEqual(self.keep().call("GET", self.target).status, 200)
        self.emulator.fault("/services/data", when="before", delay_ms=5000, count=8)
        answers = []
        callers = [threading.Thread(
            target=lambda: answers.append(self.keep().call("GET", self.target).status))
            for _ in range(8)]
        for caller in callers:
            caller.start()
        time.sleep(1)
        stopping = threading.Thread(target=self.server.stop)
        stopping.start()
        parts = urllib.parse.urlsplit(self.server.url)

        def refused():
            try:
                socket.create_connection((parts.hostname, parts.port), timeout=5).close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:
                pass  # a door that closes in this moment
            return False
        self.assertTrue(eventually(lambda: all(refused() for _ in range(20))))
        self.assertEqual(answers, [], "while the first calls are under way")
        for caller in callers:
            caller.join()
        self.assertEqual(answers, [200] * 8)
        stopping.join()

    def start_with_loops(self, loops):
        self.server.stop()
        port, operators = free_port(), free_port()
        secret = self.folder / "secret"
        secret.write_text("latchkey-demo-secret\n")
        secret.chmod(0o600)
        file = self.folder / "latchkey.toml"
        file.write_text(f"""
public_url = "http://127.0.0.1:{port}"
[server]
listen = "127.0.0.1:{port}"
operators_listen = "127.0.0.1:{operators}"
event_loops = {loops}
[store]
path = "{self.server.data}/latchkey.db"
[keys]
master_key_file = "{self.server.data}/master-key"
[providers.salesforce]
login_url = "{self.emulator.url}"
client_id = "latchkey-demo"
client_secret_file = "{secret}"
return_urls = ["http://127.0.0.1:9/done"]
""")
        running = self.ended_with_test(Process(["server", "--config", str(file)], self.folder, "loops"))
        running.key, running.operators_url = self.server.key, running.ready["operators_url"]
        running.call = lambda *given, **more: Server.call(running, *given, **more)
        self.server = running
        return file

    def test_several_event_loops_serve_one_listener_and_know_the_same_changes(self):
        file = self.start_with_loops(4)
        running = self.server
        # The kernel deals connections out by their ports: forty of them meet every loop.
        callers = [self.keep() for _ in range(40)]
        for caller in callers:
            self.assertEqual(caller.call("GET", self.target).status, 200)
            self.assertEqual(caller.call("GET", "/v1/connections").status, 200)
        running.call("POST", f"/v1/connections/{self.connection}/quarantine")
        for caller in callers:
            self.assertEqual(caller.call("GET", self.target).status, 409)
        metrics = running.call("GET", "/metrics", base=running.operators_url).text
        self.assertIn('route="/proxy/{connection}",status="200"} 40\n', metrics)

        # They count the calls of a key together, whichever of them a call meets.
        running.call("POST", f"/v1/connections/{self.connection}/release")
        key = running.call("POST", "/v1/apikeys", {"limits": {"rate": 1, "burst": 10}},
                           base=running.operators_url).json["key"]
        began = time.monotonic()
        statuses = [self.keep(key).call("GET", self.target).status for _ in range(40)]
        earned = int(time.monotonic() - began) + 1
        self.assertTrue(10 <= statuses.count(200) <= 10 + earned, statuses)
        self.assertEqual(set(statuses), {200, 429})
        metrics = running.call("GET", "/metrics", base=running.operators_url).text
        self.assertIn(f'key_refusals_total{{code="rate_limited"}} {statuses.count(429)}\n', metrics)

        # A second server at the same place is refused, although the loops share it.
        with self.assertRaises(AssertionError) as refused:
            Process(["server", "--config", str(file)], self.folder, "second")
        self.assertIn("Cannot listen on 127.0.0.1", str(refused.exception))
        self.assertEqual(running.stop(), 0)


if __name__ == "__main__":
    unittest.main()
