"""Many callers at once while the access token dies again and again.

LATCHKEY_STORM_CONNECTIONS, _CALLERS, _REQUESTS and _SECONDS make it larger; `./dev storm` does.
"""
import collections
import http.client
import os
import threading
import time
import unittest
import urllib.parse

from latchkey_processes import ANSWER_S, Story, eventually
from person import App

CALLERS = int(os.environ.get("LATCHKEY_STORM_CALLERS", "40"))
REQUESTS = int(os.environ.get("LATCHKEY_STORM_REQUESTS", "1000"))
BETWEEN_DEATHS_S = float(os.environ.get("LATCHKEY_STORM_SECONDS", "0.3"))


class Storm(Story):
    """A token that was refused buys two refreshes a minute and no more, so the callers move on to the
    next of several connections when the one they use has died twice."""

    CONNECTIONS = int(os.environ.get("LATCHKEY_STORM_CONNECTIONS", "2"))

    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator(keeps=False)
        # More calls than a small org has in a day.
        self.emulator.control("POST", "data", {"daily_limit": 1_000_000})
        self.server = self.start_server(self.emulator.url)
        app = App(self.server)
        self.connections = [app.connect()["id"] for _ in range(self.CONNECTIONS)]
        self.current = self.connections[0]
        self.last_used = [None] * CALLERS
        self.outcomes = collections.Counter()
        self.lock = threading.Lock()
        self.enough = threading.Event()

    def call_on_one_line(self, number):
        parts = urllib.parse.urlsplit(self.server.url)
        line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ANSWER_S)
        query = "/services/data/v68.0/query?q=" + urllib.parse.quote("SELECT Id FROM Account LIMIT 1")
        lines = {"Authorization": f"Bearer {self.server.key}"}
        try:
            while not self.enough.is_set():
                connection = self.current
                try:
                    line.request("GET", f"/proxy/{connection}{query}", headers=lines)
                    answer = line.getresponse()
                    body = answer.read()
                    whole = answer.status == 200 and b'"totalSize"' in body
                    outcome = "good" if whole else f"{answer.status} {body[:200]!r}"
                except (OSError, http.client.HTTPException) as failed:
                    outcome = repr(failed)
                with self.lock:
                    self.outcomes[outcome] += 1
                    self.last_used[number] = connection
        finally:
            line.close()

    def until_refreshed(self, times):
        seen = eventually(lambda: self.emulator.totals()["refreshes"] >= times, ANSWER_S)
        self.assertTrue(seen, f"{times} deaths: {self.emulator.totals()}, {self.outcomes}")
        time.sleep(BETWEEN_DEATHS_S)

    def kill_tokens(self):
        """One death a time, each once the one before was noticed. Returns how many there were."""
        deaths = 0
        for connection in self.connections:
            # The next one's token died with the others', which the callers find when they come to it.
            self.current = connection
            if deaths == 0:
                self.emulator.expire_sessions()
            moved = eventually(lambda: set(self.last_used) == {self.current}, ANSWER_S)
            self.assertTrue(moved, self.last_used)
            self.until_refreshed(deaths + 1)
            self.emulator.expire_sessions()
            self.until_refreshed(deaths + 2)
            deaths += 2
        return deaths

    def test_no_call_fails_while_the_token_dies_and_each_death_is_refreshed_once(self):
        callers = [threading.Thread(target=self.call_on_one_line, args=(number,))
                   for number in range(CALLERS)]
        for caller in callers:
            caller.start()
        try:
            deaths = self.kill_tokens()
            eventually(lambda: sum(self.outcomes.values()) >= REQUESTS, ANSWER_S)
        finally:
            self.enough.set()
            for caller in callers:
                caller.join(2 * ANSWER_S)
        totals = self.emulator.totals()
        said = (f"{sum(self.outcomes.values())} calls on {CALLERS} lines, {deaths} deaths, "
                f"{totals['refreshes']} refreshes")
        print(said, flush=True)
        self.assertEqual(set(self.outcomes), {"good"}, self.outcomes)
        self.assertGreaterEqual(self.outcomes["good"], REQUESTS)
        self.assertEqual((totals["refreshes"], totals["reuses"]), (deaths, 0), said)


if __name__ == "__main__":
    unittest.main()
