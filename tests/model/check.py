#!/usr/bin/env python3
"""Runs spin over rotation.pml: the protocol must hold, and every mutation of it must fail.

Usage: check.py [--short]
Prints a table; status 0 only if every verdict is the expected one. --short leaves the large runs out.
A run that fails unexpectedly can be followed step by step with the command that is printed then.
"""
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).resolve().parent / "rotation.pml"
SMALL = "REFRESHES=3 CRASHES=1 LOSSES=1 GENERATIONS=2"
MINUTES_MOST = 8


@dataclass
class Run:
    name: str
    options: str
    expected: str  # "holds", or the promise that must fail
    large: bool = False
    whole: bool = False  # every statement of the protocol must have been reached


RUNS = [
    Run("two nodes", "", "holds"),
    Run("rotation switched, grant ended", "SWITCHES=1 ENDINGS=1", "holds", large=True, whole=True),
    Run("rotation switched, grant ended, small", SMALL + " SWITCHES=1 ENDINGS=1", "holds"),
    Run("three nodes", SMALL + " N=3", "holds", large=True),
    Run("fail-over loses commits", "ASYNC", "holds", large=True),
    Run("fail-over loses commits, small", SMALL + " ASYNC", "holds"),
    Run("two such fail-overs", SMALL + " ASYNC FAILOVERS=2", "holds", large=True),
    Run("no journal, nothing lost, without P3", "NO_JOURNAL WITHOUT_P3", "holds"),
    Run("no claim before sending", "NO_CLAIM", "P1"),
    Run("unknown claim counts as done", "UNKNOWN_IS_DONE", "P1"),
    Run("unknown claim undoes any claim", "UNDO_ANY", "P1"),
    Run("no send deadline", "NO_DEADLINE", "P1"),
    Run("no quiet period", "NO_QUIET", "P1"),
    Run("blind second attempt", "BLIND_RETRY", "P1"),
    Run("commit without comparing", "NO_CAS", "P1"),
    Run("commit confirms whatever it meets", "ASYNC COMMIT_CONFIRMS", "P1"),
    Run("timeline ignored", "ASYNC IGNORE_TIMELINE", "P1"),
    Run("verdict outlives a fail-over", "ASYNC LATE_VERDICT", "P1"),
    Run("recovered answer straight to ACTIVE", "ASYNC JOURNAL_TO_ACTIVE", "P1"),
    Run("token handed out before it is durable", "ACK_EARLY", "P2"),
    Run("no journal, commits lost, without P3", "ASYNC NO_JOURNAL WITHOUT_P3", "P2"),
    Run("no journal", "NO_JOURNAL", "P3"),
]


@dataclass
class Outcome:
    run: Run
    verdict: str
    states: int
    seconds: float
    megabytes: int
    detail: str = ""


def defines(run):
    return ["-D" + option for option in run.options.split()]


def unreached(text):
    """Statements of the nodes and of Salesforce that no order of events ever came to."""
    found = []
    for process in ("Node", "Salesforce"):
        part = re.search(r"unreached in proctype " + process + r"\n(.*?)\n\t\(", text, re.S)
        for line in (part.group(1).split("\n") if part else []):
            # A broken promise, its punishment, and the end of an endless loop.
            if re.search(r'"(assert\(kept_P\d\)|kept_P\d = 0|reused = 1|ended = 1|-end-)"', line):
                continue
            if re.search(r'\(\(g<valid\)\)|in_use\[', line) or line.endswith('"else"'):
                continue
            found.append(line.strip())
    return found


def explore(run):
    folder = Path(tempfile.mkdtemp(prefix="latchkey-model-"))
    began = time.monotonic()
    try:
        subprocess.run(["spin", *defines(run), "-a", str(MODEL)], cwd=folder, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        subprocess.run(["gcc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048",
                        "-DMEMLIM=1400", "-o", "pan", "pan.c"], cwd=folder, check=True)
        size = "-w24" if run.large else "-w20"
        done = subprocess.run(["./pan", "-m100000", size], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60 * MINUTES_MOST)
    except subprocess.CalledProcessError as failed:
        output = (failed.stdout or b"").decode(errors="replace")
        return Outcome(run, "not built", 0, time.monotonic() - began, 0, output)
    except subprocess.TimeoutExpired:
        return Outcome(run, "too slow", 0, time.monotonic() - began, 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = done.stdout
    states = int((re.search(r"(\d+) states, stored", text) or [0, 0])[1])
    megabytes = round(float((re.search(r"([\d.]+)\ttotal actual memory", text) or [0, 0])[1]))
    broken = re.search(r"assertion violated kept_(P\d)", text)
    complete = "errors: 0" in text and "Search not completed" not in text
    verdict, detail = "unclear", text[-1500:]
    if broken:
        verdict, detail = broken[1], ""
    elif complete:
        verdict, detail = "holds", ""
        missed = unreached(text) if run.whole else []
        if missed:
            verdict, detail = "not all reached", "\n".join(missed)
    return Outcome(run, verdict, states, time.monotonic() - began, megabytes, detail)


def main():
    if len(sys.argv) > 2 or (len(sys.argv) == 2 and sys.argv[1] != "--short"):
        sys.exit(__doc__)
    short = len(sys.argv) == 2
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: ./dev model installs it.")
    runs = [run for run in RUNS if not (short and run.large)]
    print(f"{'run':40}{'expected':>10}{'verdict':>17}{'states':>12}{'s':>7}{'MB':>6}", flush=True)
    wrong = []
    # Large runs first, and one of them at a time: memory is what bounds this.
    runs.sort(key=lambda run: not run.large)
    with ThreadPoolExecutor(max_workers=2) as pool:
        for outcome in pool.map(explore, runs):
            run = outcome.run
            print(f"{run.name:40}{run.expected:>10}{outcome.verdict:>17}{outcome.states:>12,}"
                  f"{outcome.seconds:>7.1f}{outcome.megabytes:>6}", flush=True)
            if outcome.verdict != run.expected:
                wrong.append(outcome)
    for outcome in wrong:
        options = " ".join(defines(outcome.run))
        print(f"\n{outcome.run.name}: expected {outcome.run.expected}, got {outcome.verdict}\n"
              f"follow it: spin -search -safety {options} {MODEL.name} && "
              f"spin -t -p {options} {MODEL.name}\n{outcome.detail}")
    print(f"\n{len(runs) - len(wrong)} of {len(runs)} runs as expected")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
