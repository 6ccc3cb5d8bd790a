#!/usr/bin/env python3
"""What a vended access token costs, beside nginx that returns a constant of the same length.

    run.py PROGRAM_FOLDER [--connections 100000] [--rounds 5] [--seconds 2] [--json FILE] [--chart FILE]

The server under test has one core, the callers the other. A figure is the scheduler's run time of the
server's threads divided by the answered requests, the median of all rounds. `many` asks for every
connection in turn, so each token is read and opened anew; `few` for a hundred of them, as a busy app does.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve()
PROGRAMS = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
os.environ.setdefault("LATCHKEY_BINARY", str(PROGRAMS / "latchkey") if PROGRAMS else "")
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "tests/cluster")]

from chart import draw  # noqa: E402
from measure import free_port, run_time_us, wait_for  # noqa: E402
from database_cluster import remove  # noqa: E402
from nodes import Site  # noqa: E402
from latchkey_processes import clean  # noqa: E402

AT_ONCE = 10_000    # grants that the emulator opens in one request
FEW = 100
SERVER_CORE, CALLERS_CORE = "0", "1"


def seed(site, programs, count):
    """Connections in the store of the stopped server, with tokens that are good."""
    lines = []
    while len(lines) < count:
        opened = site.emulator.control("POST", "grants", {
            "client_id": "latchkey-demo", "count": min(AT_ONCE, count - len(lines))})
        lines += [json.dumps(one["answer"]) for one in opened["grants"]]
    done = subprocess.run([programs / "bench/bench_refresh", "seed-fresh", site.nodes[0].config],
                          input="\n".join(lines), capture_output=True, text=True, check=False,
                          env=clean())
    assert done.returncode == 0, done.stderr
    connections = done.stdout.split()
    assert len(connections) == count, (len(connections), count)
    random.Random(1).shuffle(connections)
    return connections


def nginx(folder, body):
    port = free_port()
    (folder / "nginx.conf").write_text(f"""
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 100000000; default_type application/json;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{body}'; }} }}
}}""")
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, "nginx", "-c", folder / "nginx.conf",
                                "-p", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(port, process)
    return process, port


def measure(load, pid, port, paths, key, seconds):
    before = run_time_us(pid)
    done = subprocess.run(
        ["taskset", "-c", CALLERS_CORE, load, "--upstream", str(free_port()), "--proxy", str(port),
         "--connections", "64", "--seconds", str(seconds), "--paths", paths,
         "--header", f"Authorization: Bearer {key}"],
        capture_output=True, text=True, check=False, timeout=seconds + 120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["requests"] > 0 and result["failures"] == 0, (result, done.stderr)
    return {"cpu_us": (run_time_us(pid) - before) / result["requests"], "p99_us": result["p99_us"],
            "a_second": result["requests"] / result["seconds"]}


def run(site, chosen, folder):
    load = chosen.programs / "bench/proxy/bench_proxy_load"
    connections = seed(site, chosen.programs, chosen.connections)
    site.start()
    node = site.nodes[0]
    subprocess.run(["taskset", "-a", "-c", "-p", SERVER_CORE, str(node.process.pid)], check=True,
                   capture_output=True)
    files = {}
    for name, some in (("many", connections), ("few", connections[:FEW])):
        files[name] = folder / name
        files[name].write_text("".join(f"/v1/connections/{one}/token\n" for one in some))
    constant = node.token(connections[0]).text
    peer, port = nginx(folder, constant)
    seen = {name: {"latchkey": [], "nginx": []} for name in files}
    try:
        for _ in range(chosen.rounds):
            for name, paths in files.items():
                seen[name]["latchkey"].append(measure(load, node.process.pid, node.port, paths,
                                                      site.key, chosen.seconds))
                seen[name]["nginx"].append(measure(load, peer.pid, port, paths, site.key,
                                                   chosen.seconds))
    finally:
        peer.terminate()
        peer.wait(30)
    return {name: {who: {field: round(statistics.median(one[field] for one in rounds), 1)
                         for field in rounds[0]} for who, rounds in both.items()}
            for name, both in seen.items()}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("programs", type=pathlib.Path)
    arguments.add_argument("--connections", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=2)
    arguments.add_argument("--json", type=pathlib.Path)
    arguments.add_argument("--chart", type=pathlib.Path)
    chosen = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-bench-"))
    try:
        site = Site(folder, None, 1, direct=True)
        try:
            found = run(site, chosen, folder)
        finally:
            site.stop()
    finally:
        remove(folder)
    ratios = {("token" if name == "many" else f"token-{name}"):
              round(one["latchkey"]["cpu_us"] / one["nginx"]["cpu_us"], 2)
              for name, one in found.items()}
    print(f"{'':8}{'':10}{'CPU us':>10}{'a second':>12}{'p99 us':>10}")
    for name, one in found.items():
        for who, figures in one.items():
            print(f"{name:8}{who:10}{figures['cpu_us']:>10}{figures['a_second']:>12,.0f}"
                  f"{figures['p99_us']:>10}")
    print("latchkey / nginx:", ratios)
    if chosen.json:
        chosen.json.write_text(json.dumps({"connections": chosen.connections, "ratios": ratios,
                                           "figures": found}, indent=2) + "\n")
    if chosen.chart:
        chosen.chart.write_text(draw(
            "CPU of one vended token in microseconds (less is better)",
            {name: {who: figures["cpu_us"] for who, figures in one.items()}
             for name, one in found.items()}))


if __name__ == "__main__":
    main()
