#!/usr/bin/env python3
"""Many connections due at once, and one connection that many want at once.

    run.py PROGRAM_FOLDER [--connections 100000] [--nodes 3] [--database cluster|plain|sqlite]

Servers, PostgreSQL, the emulator and the callers share this machine: the rate is what is left for the
servers. Beside it stands what the database alone does with the same two writes, measured in the same
run.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve()
PROGRAMS = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
os.environ.setdefault("LATCHKEY_BINARY", str(PROGRAMS / "latchkey") if PROGRAMS else "")
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2] / "tests/cluster")]

from bare import pairs_a_second  # noqa: E402
from chaos import database_of  # noqa: E402
from database_cluster import remove  # noqa: E402
from nodes import Site  # noqa: E402
from latchkey_processes import clean  # noqa: E402

AT_ONCE = 10_000       # grants that the emulator opens in one request
HOT_CALLERS = 10_000
HOT_LATENCY_MS = 200   # how long Salesforce takes for the one refresh


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, site, programs):
        self.site, self.program = site, programs / "bench/bench_refresh"
        self.key_file = site.private("api-key", site.key)

    def seed(self, count):
        """Grants at the emulator and, sealed, in the store; returns the connections."""
        lines = []
        while len(lines) < count:
            opened = self.site.emulator.control("POST", "grants", {
                "client_id": "latchkey-demo", "count": min(AT_ONCE, count - len(lines))})
            lines += [json.dumps(one["answer"]) for one in opened["grants"]]
        done = subprocess.run([self.program, "seed", self.site.nodes[0].config],
                              input="\n".join(lines), capture_output=True, text=True, check=False,
                              env=clean())
        assert done.returncode == 0, done.stderr
        connections = done.stdout.split()
        assert len(connections) == count, (len(connections), count)
        return connections

    def drive(self, act, connections, callers):
        nodes = [f"127.0.0.1:{node.port}" for node in self.site.nodes]
        done = subprocess.run([self.program, act, self.key_file, str(callers), *nodes],
                              input="\n".join(connections), capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    def grants(self):
        return self.site.emulator.control("GET", "ledger")["grants"]


def all_due(bench, count, callers):
    begun = time.monotonic()
    connections = bench.seed(count)
    say(f"{count} connections seeded in {time.monotonic() - begun:.0f} s")
    bench.site.start()
    driven = bench.drive("each", connections, callers)
    refreshes = [grant["refreshes"] for grant in bench.grants()[-count:]]
    totals = bench.site.totals()
    assert totals["reuses"] == 0 and totals["max_in_flight"] == 1, totals
    wrong = sum(1 for n in refreshes if n != 1)
    assert wrong == 0, f"{wrong} grants were not refreshed exactly once"
    assert driven["answers"]["200"] == count * len(bench.site.nodes), driven
    return {
        "connections": count, "nodes": len(bench.site.nodes), "refreshes": totals["refreshes"],
        "reuses": totals["reuses"], "seconds": driven["seconds"],
        "refreshes a second": round(count / driven["seconds"], 1), "answers": driven["answers"]}


def one_hot(bench, connection, callers):
    bench.site.emulator.client(client_id="latchkey-demo", refresh_latency=HOT_LATENCY_MS)
    before = bench.site.totals()["refreshes"]
    driven = bench.drive("hot", [connection], callers)
    totals = bench.site.totals()
    assert totals["refreshes"] - before == 1 and totals["reuses"] == 0, totals
    return {"callers": callers, "nodes": len(bench.site.nodes),
            "refreshes": totals["refreshes"] - before, "answers": driven["answers"],
            "p50 ms": driven["p50_ms"], "p99 ms": driven["p99_ms"], "last ms": driven["most_ms"],
            "of which Salesforce ms": HOT_LATENCY_MS}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("programs", type=pathlib.Path)
    arguments.add_argument("--connections", type=int, default=100_000)
    arguments.add_argument("--nodes", type=int, default=3)
    arguments.add_argument("--callers", type=int, default=128, help="at each node")
    arguments.add_argument("--database", choices=("cluster", "plain", "sqlite"), default="cluster")
    chosen = arguments.parse_args()
    folder = tempfile.mkdtemp(prefix="latchkey-bench-")
    found = {}
    try:
        with database_of(chosen.database) as database:
            site = Site(folder, database, chosen.nodes, direct=True)
            try:
                site.emulator.client(include_expires_in=True)
                bench = Bench(site, chosen.programs.resolve())
                hot = bench.seed(1)[0]
                found["due at once"] = all_due(bench, chosen.connections, chosen.callers)
                say(json.dumps(found["due at once"]))
                found["one hot connection"] = one_hot(bench, hot, HOT_CALLERS)
                if database:
                    for node in site.nodes:
                        node.stop()
                    bare = pairs_a_second(database, chosen.nodes, pathlib.Path(folder))
                    due = found["due at once"]
                    found["the two writes alone"] = {
                        "pairs a second": round(bare, 1),
                        "refreshes for one pair": round(due["refreshes a second"] / bare, 3)}
            finally:
                site.stop()
    finally:
        remove(folder)
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
