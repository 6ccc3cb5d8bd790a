"""A long mixed load while things go wrong: what the server holds stays as it is, and no refresh token is
used twice.

LATCHKEY_ENDURANCE_SECONDS and _SEED make it longer and another one; `./dev endurance` does.
"""
import collections
import http.client
import mmap
import os
import pathlib
import random
import re
import statistics
import threading
import time
import unittest
import urllib.parse

from latchkey_processes import ANSWER_S, BINARY, Story, eventually
from person import App

SECONDS = float(os.environ.get("LATCHKEY_ENDURANCE_SECONDS", "40"))
SEED = os.environ.get("LATCHKEY_ENDURANCE_SEED") or str(random.randrange(10**6))
CALLERS = 6
CONNECTIONS = 8
# A kilobyte lost with each call would be six megabytes in the short form.
MARGIN_MB, MARGIN_DESCRIPTORS = 4, 10
TOKEN = "/services/oauth2/token"
# Who calls while things go wrong may be told so, in these ways.
ANSWERS = {200, 202, 401, 409, 429, 500, 502, 503, 504}


class Load:
    """Threads that call, connect, revoke and break things until they are told to stop."""

    def __init__(self, emulator, server):
        self.emulator, self.server = emulator, server
        self.connections = collections.deque()
        self.lock = threading.Lock()
        self.outcomes = collections.Counter()
        self.surprises = []
        self.enough = threading.Event()
        acts = [*[self.call] * (CALLERS - 2), self.vend, self.vend, self.come_and_go, self.go_wrong]
        self.threads = [threading.Thread(target=self.repeat, args=(act, f"{SEED} {number}"))
                        for number, act in enumerate(acts)]

    def repeat(self, act, seed):
        draw = random.Random(seed)
        place = urllib.parse.urlsplit(self.server.url)
        line = http.client.HTTPConnection(place.hostname, place.port, timeout=ANSWER_S)
        while not self.enough.is_set():
            try:
                act(draw, line)
            except (ConnectionError, http.client.HTTPException):
                line.close()  # an answer that Salesforce cut is cut here too
                self.count(act, "cut")
            except Exception as surprise:  # pylint: disable=broad-except
                line.close()
                self.surprises.append(f"{act.__name__}: {surprise!r}")
        line.close()

    def count(self, act, outcome):
        with self.lock:
            self.outcomes[f"{act.__name__} {outcome}"] += 1

    def ask(self, act, line, method, target):
        line.request(method, target, headers={"Authorization": f"Bearer {self.server.key}"})
        answer = line.getresponse()
        answer.read()
        self.count(act, answer.status)
        if answer.status not in ANSWERS:
            self.surprises.append(f"{method} {target}: {answer.status}")
        self.enough.wait(0.01)

    def any_connection(self, draw):
        with self.lock:
            return draw.choice(self.connections)

    def call(self, draw, line):
        soql = urllib.parse.quote(f"SELECT Id, Name FROM Account LIMIT {draw.randint(1, 200)}")
        self.ask(self.call, line, "GET",
                 f"/proxy/{self.any_connection(draw)}/services/data/v68.0/query?q={soql}")

    def vend(self, draw, line):
        self.ask(self.vend, line, "GET", f"/v1/connections/{self.any_connection(draw)}/token")

    def come_and_go(self, draw, line):
        """One user connects, and the one who has been there longest has his connection revoked."""
        try:
            made = App(self.server).connect(f"user-{draw.getrandbits(40)}")["id"]
            self.count(self.come_and_go, "came")
        except (AssertionError, KeyError, IndexError, StopIteration):
            self.count(self.come_and_go, "was refused")  # a fault met the login
            return
        gone = None
        with self.lock:
            self.connections.append(made)
            if len(self.connections) > CONNECTIONS:
                gone = self.connections.popleft()
        if gone:
            self.ask(self.come_and_go, line, "DELETE", f"/v1/connections/{gone}")
        self.enough.wait(draw.uniform(0.2, 1))

    def go_wrong(self, draw, _):
        what = draw.choice(["sessions", "sessions", "calls", "tokens", "lost", "slow"])
        self.count(self.go_wrong, what)
        if what == "sessions":
            self.emulator.expire_sessions()
        elif what == "calls":
            self.emulator.fault("/services/data", count=draw.randint(1, 20), **draw.choice([
                {"status": 500}, {"status": 503, "headers": {"Retry-After": "1"}}, {"reset": True},
                {"when": "after", "cut_at": draw.randint(1, 900)}]))
        elif what == "tokens":
            self.emulator.fault(TOKEN, count=draw.randint(1, 2), status=draw.choice([429, 500, 503]))
        elif what == "lost":
            self.emulator.fault(TOKEN, when="after", cut_at=draw.randint(0, 900))
        else:
            self.emulator.fault(draw.choice([TOKEN, "/services/data"]), count=draw.randint(1, 5),
                                when="after", delay_ms=draw.randint(10, 500))
        self.enough.wait(draw.uniform(0.5, 2))


def keeps_what_was_freed():
    """Sanitizers do, for a while, so that memory says nothing there."""
    with open(BINARY, "rb") as program, mmap.mmap(program.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return any(text.find(mark) >= 0 for mark in (b"__asan_init", b"__tsan_init"))


class Held:
    """What a process holds, looked at again and again."""

    def __init__(self, process):
        self.process = process
        self.megabytes, self.descriptors, self.threads = [], [], []

    def look(self):
        status = pathlib.Path(f"/proc/{self.process.process.pid}/status").read_text()
        number = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+)", status, re.M)}
        self.megabytes.append(number["VmRSS"] / 1024)
        self.descriptors.append(self.process.descriptors)
        self.threads.append(number["Threads"])

    @staticmethod
    def quarters(samples):
        """The second one, behind the warm-up, and the last one."""
        share = len(samples) // 4
        return samples[share:2 * share], samples[-share:]


class Endurance(Story):
    def test_l10_memory_descriptors_and_threads_stay_and_no_refresh_token_is_used_twice(self):
        print(f"seed {SEED}", flush=True)
        emulator = self.start_emulator(keeps=False)
        emulator.control("POST", "data", {"daily_limit": 1_000_000_000})
        emulator.client(max_approvals=1000)
        server = self.start_server(emulator.url)
        load, held = Load(emulator, server), Held(server)
        load.connections.append(App(server).connect()["id"])
        for thread in load.threads:
            thread.start()
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                held.look()
                time.sleep(max(0.25, SECONDS / 10_000))
        finally:
            load.enough.set()
            for thread in load.threads:
                thread.join(2 * ANSWER_S)
        totals = emulator.totals()
        kinds = ("megabytes", "descriptors", "threads")
        before, after = ({kind: statistics.median(Held.quarters(getattr(held, kind))[which])
                          for kind in kinds} for which in (0, 1))
        said = f"seed {SEED}: {dict(load.outcomes)}, {before} then {after}, {totals}"
        print(said, flush=True)

        self.assertEqual(load.surprises[:20], [], said)
        self.assertEqual((totals["reuses"], totals["max_in_flight"]), (0, 1), said)
        if not keeps_what_was_freed():
            self.assertLess(after["megabytes"], before["megabytes"] * 1.05 + MARGIN_MB, said)
        self.assertLess(after["descriptors"], before["descriptors"] + MARGIN_DESCRIPTORS, said)
        self.assertLessEqual(after["threads"], before["threads"], said)
        # It was a load worth the name, most of which was served.
        self.assertGreater(totals["refreshes"], 5, said)
        self.assertGreater(load.outcomes["come_and_go came"], CONNECTIONS, said)
        self.assertGreater(load.outcomes["call 200"], sum(load.outcomes.values()) / 4, said)
        for bug in ("internal_error", "handler_threw", "unexpected_exception"):
            self.assertNotIn(bug, server.stderr_file.read_text(), said)

        # And the server is as good as new.
        emulator.control("DELETE", "faults")
        self.assertTrue(eventually(lambda: self.connects_and_calls(server), ANSWER_S, 1), said)
        self.assertEqual(server.stop(), 0)

    @staticmethod
    def connects_and_calls(server):
        try:
            return server.query(App(server).connect()["id"]).status == 200
        except AssertionError:
            return False  # the provider is still left alone for what the last faults did


if __name__ == "__main__":
    unittest.main()
