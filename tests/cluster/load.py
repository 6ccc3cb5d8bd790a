"""Callers that use the connections of a site through its nodes, and notice what may never happen."""
import collections
import http.client
import random
import threading
import time

# How long a node may serve an access token that another node has replaced, and a caller's own time.
STALE_S = 5
SLACK_S = 2


class Load:
    """`callers` threads, each with a random number generator of its own drawn from `seed`.

    `broken` has a line for each answer that no fault excuses; `answers` counts all by kind.
    """

    def __init__(self, site, connections, seed, callers=12):
        self.site = site
        self.connections = list(connections)
        self.answers = collections.Counter()
        self.broken = []
        self.lock = threading.Lock()
        self.owner = {}       # access token to the connection it was vended for
        self.newest = {}      # connection to (generation, when it was first seen)
        self.newest_at = {}   # (connection, node) to the newest generation that node gave
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(random.Random(f"{seed}/{n}"),),
                                         daemon=True) for n in range(callers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(90)
        assert not any(t.is_alive() for t in self.threads), "a caller got no answer for 90 s"

    def _work(self, draw):
        while not self.ending.is_set():
            node = draw.choice(self.site.nodes)
            connection = draw.choice(self.connections)
            kind = draw.choices(("query", "token", "refresh", "show"), (70, 20, 5, 5))[0]
            if not node.up:
                self.ending.wait(0.05)
                continue
            begun = time.monotonic()
            try:
                answer = getattr(node, kind)(connection)
            except (OSError, http.client.HTTPException) as failed:
                self._count(kind, type(failed).__name__)
                self.ending.wait(0.1)
                continue
            self._judge(kind, node, connection, answer, begun)
            self.ending.wait(draw.uniform(0, 0.05))

    def _count(self, kind, what):
        with self.lock:
            self.answers[f"{kind} {what}"] += 1

    def _judge(self, kind, node, connection, answer, begun):
        if answer.status == 200:
            self._count(kind, "200")
            if kind == "token":
                self._vended(node, connection, answer.json, begun)
            return
        gateway = answer.headers.get("Latchkey-Answer") == "gateway"
        code = answer.error if gateway and answer.text.startswith("{") else "salesforce"
        self._count(kind, f"{answer.status} {code}")
        if answer.status not in (401, 409, 429, 502, 503, 504):
            with self.lock:
                self.broken.append(f"{kind} of {connection} by {node.name}: {answer}")

    def _vended(self, node, connection, token, begun):
        generation = token["generation"]
        with self.lock:
            owner = self.owner.setdefault(token["access_token"], connection)
            if owner != connection:
                self.broken.append(f"a token of {owner} was vended for {connection}")
            newest, since = self.newest.get(connection, (0, begun))
            if generation > newest:
                self.newest[connection] = (generation, time.monotonic())
            elif generation < newest and begun - since > STALE_S + SLACK_S:
                self.broken.append(f"{node.name} vended generation {generation} of {connection}, "
                                   f"{begun - since:.1f} s after {newest} was known")
