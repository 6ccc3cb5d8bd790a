#!/usr/bin/env python3
"""Faults drawn from one seed, under load, with the emulator's ledger as judge."""
import argparse
import collections
import contextlib
import json
import pathlib
import random
import sys
import tempfile
import threading
import time

from database_cluster import STUCK_S, DatabaseCluster, PlainDatabase, Unanswered, remove
from load import Load
from nodes import Site, eventually
from statements import CLAIM, SETTLE
from verdicts import (descriptors, honest, no_more_descriptors, quiet_ledger, sealed, settle,
                      usable)

TOKEN = "/services/oauth2/token"
INTROSPECT = "/services/oauth2/introspect"


class Chaos:
    """Draws one fault after another. A fault begins at once and puts down what ends it, and when."""

    def __init__(self, site, seed, say=lambda text: None):
        self.site, self.say = site, say
        self.draw = random.Random(seed)
        self.counts = collections.Counter()
        self.ends = []       # (when, what to do)
        self.starts = []     # threads
        self.faults = [(self.expire, 20), (self.slow_token, 6), (self.lost_answer, 5),
                       (self.refused_token, 5), (self.cut_answer, 4), (self.slow_introspection, 3),
                       (self.slow_salesforce, 4), (self.frozen_salesforce, 3),
                       (self.kill_node, 8), (self.freeze_node, 6), (self.stop_node, 6)]
        if site.nodes[0].database_relays:
            self.faults += [(self.cut_write, 14), (self.frozen_database, 5), (self.no_database, 4)]
        if isinstance(site.database, DatabaseCluster):
            self.faults += [(self.kill_primary, 4), (self.freeze_primary, 3), (self.switchover, 3)]

    def run(self, seconds, every=(0.5, 3.0)):
        end = time.monotonic() + seconds
        names, weights = zip(*self.faults)
        while time.monotonic() < end:
            self._end_what_is_due()
            fault = self.draw.choices(names, weights)[0]
            done = fault()
            if done:
                self.counts[fault.__name__] += 1
                self.say(f"{fault.__name__}: {done}")
            time.sleep(self.draw.uniform(*every))

    def finish(self):
        """Ends every fault."""
        for _, act in self.ends:
            act()
        self.ends.clear()
        self.site.calm()
        if isinstance(self.site.database, DatabaseCluster):
            for member in self.site.database.members:
                member.thaw()
                if not member.running:
                    self.site.database.restart(member)
            self.site.database.wait_all(180)
        for thread in self.starts:
            thread.join(180)
        self.site.settle()

    def _end_what_is_due(self):
        now = time.monotonic()
        due = [act for when, act in self.ends if when <= now]
        self.ends = [(when, act) for when, act in self.ends if when > now]
        for act in due:
            act()

    def after(self, seconds, act):
        self.ends.append((time.monotonic() + seconds, act))

    # Salesforce -------------------------------------------------------------------------------

    def expire(self):
        return f"{self.site.emulator.expire_sessions()} access tokens"

    def fault(self, path, **fields):
        self.site.emulator.fault(path, **fields)
        return fields

    def slow_token(self):
        return self.fault(TOKEN, count=self.draw.randint(1, 5),
                          when=self.draw.choice(("before", "after")),
                          delay_ms=self.draw.choice((300, 1500, 5000, 12000)))

    def refused_token(self):
        return self.fault(TOKEN, count=self.draw.randint(1, 3), when="before",
                          status=self.draw.choice((500, 503, 429)))

    def cut_answer(self):
        return self.fault(TOKEN, when="after", cut_at=self.draw.randint(1, 900))

    def lost_answer(self):
        count = self.draw.randint(1, 2)
        self.site.salesforce.lose(count)
        return count

    def slow_introspection(self):
        return self.fault(INTROSPECT, count=self.draw.randint(1, 5),
                          **self.draw.choice(({"status": 503}, {"delay_ms": 4000})))

    def slow_salesforce(self):
        self.site.salesforce.delay = self.draw.choice((0.05, 0.2, 0.8))
        self.after(self.draw.uniform(1, 6), lambda: setattr(self.site.salesforce, "delay", 0.0))
        return f"{self.site.salesforce.delay} s a piece"

    def frozen_salesforce(self):
        self.site.salesforce.freeze()
        self.after(self.draw.uniform(0.5, 4), self.site.salesforce.thaw)
        return True

    # Nodes ------------------------------------------------------------------------------------

    def some_node(self):
        """A node that runs; of several, at least one other does."""
        up = [node for node in self.site.nodes if node.up]
        return self.draw.choice(up) if len(up) >= min(2, len(self.site.nodes)) else None

    def kill_node(self):
        node = self.some_node()
        if not node:
            return None
        node.kill()
        self.after(self.draw.uniform(0.5, 10), lambda: self.start_node(node))
        return node.name

    def start_node(self, node):
        """In a thread of its own: a node that was killed waits before it takes its name again."""
        node.starting = True
        thread = threading.Thread(target=self._start, args=(node,), daemon=True)
        thread.start()
        self.starts.append(thread)

    def _start(self, node):
        """Started again until it stays: the database may be away at this moment."""
        for _ in range(60):
            try:
                node.start()
                return
            except AssertionError as refused:
                self.say(f"{node.name} did not start: {str(refused)[-200:]}")
                node.starting = True
                time.sleep(2)

    def freeze_node(self):
        node = self.some_node()
        if not node:
            return None
        node.freeze()
        seconds = self.draw.choice((0.3, 2, 4, 10, 40))
        self.after(seconds, node.thaw)
        return f"{node.name} for {seconds} s"

    def stop_node(self):
        node = self.some_node()
        if not node:
            return None
        status = node.stop()
        assert status == 0, f"{node.name} ended with {status} on SIGTERM: {node.said()[-1000:]}"
        self.after(self.draw.uniform(0.1, 2), lambda: self.start_node(node))
        return node.name

    # The database -----------------------------------------------------------------------------

    def cut_write(self):
        what = self.draw.choice((CLAIM, SETTLE))
        how = self.draw.choice(("before", "request", "answer"))
        node = self.draw.choice(self.site.nodes)
        for relay in node.database_relays:
            trap = relay.trap(what.fits, how)
            self.after(20, lambda relay=relay, trap=trap: self.look_at(relay, trap, what))
        return f"{what.name} of {node.name}, {how}"

    def look_at(self, relay, trap, what):
        relay.disarm(trap)
        if trap.sprung.is_set():
            self.counts[f"cut at {what.name}, {trap.how}"] += 1

    def frozen_database(self):
        node = self.draw.choice(self.site.nodes)
        for relay in node.database_relays:
            relay.freeze()
            self.after(self.draw.choice((0.5, 3, 8)), relay.thaw)
        return node.name

    def no_database(self):
        node = self.draw.choice(self.site.nodes)
        for relay in node.database_relays:
            relay.leave()
        seconds = self.draw.choice((0.5, 3, 8))
        for relay in node.database_relays:
            self.after(seconds, lambda relay=relay: relay.leave(False))
        return f"{node.name} for {seconds} s"

    def whole_database(self):
        """Whether every node of the database is in its place: it bears one fault at a time."""
        members = self.site.database.members
        primary = self.site.database.primary()
        return (primary and self.site.database.synchronous() and
                all(m is primary or m.is_("replica") for m in members))

    def kill_primary(self):
        if not self.whole_database():
            return None
        member = self.site.database.kill_primary()
        self.after(self.draw.uniform(8, 15), lambda: self.site.database.restart(member))
        return member.name

    def freeze_primary(self):
        if not self.whole_database():
            return None
        member = self.site.database.freeze_primary()
        seconds = self.draw.uniform(2, 14)
        self.after(seconds, member.thaw)
        self.after(seconds + STUCK_S, self.site.database.unstick)
        return member.name

    def switchover(self):
        if not self.whole_database():
            return None
        with contextlib.suppress(AssertionError, Unanswered):
            return f"to {self.site.database.switchover().name}"
        return None


def connect_all(site, count):
    """Connections by the real flow; and the emulator's grant of each."""
    grants = {}
    for number in range(count):
        connection = site.connect(f"user-{number}")
        token = site.nodes[0].token(connection).json["access_token"]
        kept = {one["token"]: one["grant"] for one in site.emulator.kept()["sessions"]}
        grants[connection] = kept[token]
    return grants


def run(site, seed, seconds, connections, callers, say):
    """The whole story; returns what was counted. Raises AssertionError where a verdict fails."""
    site.start()
    say(f"connecting {connections} users")
    grants = connect_all(site, connections)
    before = descriptors(site)
    chaos = Chaos(site, seed, say)
    with Load(site, grants, seed, callers) as load:
        chaos.run(seconds)
        say("faults end")
        chaos.finish()
        for node in site.nodes:
            assert eventually(node.is_ready, 60), f"{node.name} is not ready: {node.said()[-2000:]}"
        shown, took = settle(site, grants)
    say(f"settled after {took:.0f} s")
    assert not load.broken, "\n".join(load.broken[:10])
    quiet_ledger(site)
    reasons = honest(site, shown, grants)
    kept = [c for c, record in shown.items() if record["standing"] == "active"]
    assert kept, "no connection was left to try"
    usable(site, kept)
    totals = quiet_ledger(site)
    no_more_descriptors(before, descriptors(site))
    sealed(site)
    return {"seed": seed, "seconds": seconds, "connections": connections, "active": len(kept),
            "given up, and why": reasons, "settled after s": round(took), "ledger": totals,
            "faults": dict(sorted(chaos.counts.items())),
            "answers": dict(sorted(load.answers.items()))}


@contextlib.contextmanager
def database_of(kind):
    folder = tempfile.mkdtemp(prefix="latchkey-chaos-db-")
    try:
        if kind == "sqlite":
            yield None
        else:
            with (DatabaseCluster if kind == "cluster" else PlainDatabase)(folder) as database:
                yield database
    finally:
        remove(folder)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=600)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--connections", type=int, default=60)
    arguments.add_argument("--callers", type=int, default=12)
    arguments.add_argument("--database", choices=("cluster", "plain", "sqlite"), default="cluster")
    arguments.add_argument("--keep", help="leave the nodes' files in this new folder")
    chosen = arguments.parse_args()
    begun = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - begun:7.1f} s  {text}", flush=True)

    folder = chosen.keep or tempfile.mkdtemp(prefix="latchkey-chaos-")
    pathlib.Path(folder).mkdir(mode=0o700, exist_ok=True)
    failed = None
    try:
        with database_of(chosen.database) as database:
            say("the database stands")
            site = Site(folder, database)
            try:
                found = run(site, chosen.seed, chosen.seconds, chosen.connections, chosen.callers,
                            say)
            finally:
                site.stop()
        print(json.dumps(found, indent=2))
        print("Every verdict held.")
    except AssertionError as error:
        failed = error
        print(f"\nSeed {chosen.seed}: {failed}", file=sys.stderr)
    finally:
        if not chosen.keep:
            remove(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
