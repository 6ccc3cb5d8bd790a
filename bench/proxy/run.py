#!/usr/bin/env python3
"""What a proxied call costs, beside nginx, haproxy and Node, in one run.

    run.py LATCHKEY LOAD EMULATOR [--rounds 5] [--seconds 2] [--json FILE] [--chart FILE] [--no-tls]

The proxy under test is pinned to one core, the load generator and the upstream, one process, to the
other. What is measured is the scheduler's run time of the proxy's threads divided by the requests that
were answered, so that other work on the machine disturbs little. Candidates take turns; the figure is
the median of all rounds. latchkey checks an API key, applies path and header rules, puts in the token
and counts; the others add one header.

Then uploads, the latency at a rate that all of them can keep, and bodies of 100 MB.
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

HOME = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(HOME / "tests" / "support"))
sys.path.insert(0, str(HOME / "tools"))
sys.path.insert(0, str(HOME / "bench"))

import demo  # noqa: E402
from chart import draw  # noqa: E402
from measure import first_line, free_port, memory_kb, run_time_us, wait_for  # noqa: E402

SIZES = {"1KB": 1024, "100KB": 100 * 1024}
UPLOAD = 100 * 1024
RATE = 4000  # calls a second; Node has to keep up with it too
PROXY_CORE, LOAD_CORE = "0", "1"


class Candidate:
    def __init__(self, name, process, port, path="/b", header=""):
        self.name, self.process, self.port, self.path, self.header = name, process, port, path, header

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            # The others have to be stopped too.
            print(f"{self.name} did not end when told to", file=sys.stderr)
            self.process.kill()
            self.process.wait()


def pinned(*command, **more):
    return subprocess.Popen(["taskset", "-c", PROXY_CORE, *map(str, command)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def nginx(folder, upstream, ca):
    port = free_port()
    scheme = "https" if ca else "http"
    trust = (f"proxy_ssl_trusted_certificate {ca}; proxy_ssl_verify on; proxy_ssl_name localhost; "
             "proxy_ssl_session_reuse on;" if ca else "")
    (folder / "nginx.conf").write_text(f"""
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_max_body_size 0;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {scheme}://up; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer 00D-bench"; {trust}
      proxy_request_buffering off; client_body_buffer_size 128k;
      proxy_buffer_size 8k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
      proxy_max_temp_file_size 0;
    }}
  }}
}}""")
    process = pinned("nginx", "-c", folder / "nginx.conf", "-p", folder)
    wait_for(port, process)
    return Candidate("nginx", process, port)


def haproxy(folder, upstream, ca):
    port = free_port()
    tls = f"ssl verify required ca-file {ca} verifyhost localhost" if ca else ""
    (folder / "haproxy.cfg").write_text(f"""
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
listen bench
  bind 127.0.0.1:{port}
  http-request set-header Authorization "Bearer 00D-bench"
  server up 127.0.0.1:{upstream} pool-max-conn 256 {tls}
""")
    process = pinned("haproxy", "-db", "-f", folder / "haproxy.cfg")
    wait_for(port, process)
    return Candidate("haproxy", process, port)


def node(folder, upstream, ca):
    port = free_port()
    process = pinned("node", HOME / "bench/proxy/peer.mjs", port, upstream, *([ca] if ca else []))
    wait_for(port, process)
    return Candidate("Node", process, port)


def latchkey(folder, upstream, ca, binary, emulator, certificate):
    """A server with a connection whose instance is the upstream: the emulator lends its port for as
    long as the connecting takes."""
    salesforce = subprocess.Popen([emulator, str(upstream), *(certificate or [])], stdout=subprocess.PIPE, text=True)
    try:
        url = json.loads(first_line(salesforce, "the emulator"))["url"]
        return latchkey_at(folder, url, ca, binary)
    finally:
        salesforce.kill()
        salesforce.wait()


def latchkey_at(folder, url, ca, binary):
    port, operators = free_port(), free_port()
    environment = dict(os.environ)
    if ca:
        environment["SSL_CERT_FILE"] = str(ca)
    process = subprocess.Popen(
        ["taskset", "-c", PROXY_CORE, binary, "server", "--dev", "--data", str(folder / "data"),
         "--provider-url", url, "--listen", f"127.0.0.1:{port}",
         "--operators-listen", f"127.0.0.1:{operators}"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        first_line(process, "latchkey")
        key = (folder / "data" / "admin-key").read_text().strip()
        if ca:
            os.environ["SSL_CERT_FILE"] = str(ca)  # for the person's browser, who is in this process
        with contextlib.redirect_stdout(io.StringIO()):
            connection = demo.connect(f"http://127.0.0.1:{port}", key)["id"]
        # Once, so that what follows finds a token that is good.
        demo.call("GET", f"http://127.0.0.1:{port}/proxy/{connection}/services/data", key)
    except BaseException:
        # Whoever is left behind keeps this program's standard error open, and with it a pipe's reader.
        process.kill()
        process.wait()
        raise
    return Candidate("latchkey", process, port, f"/proxy/{connection}/services/b",
                     f"Authorization: Bearer {key}")


def measure(load, candidate, upstream, body, seconds, connections, certificate, whole=True, more=()):
    """`whole`: answers have to come to their end, which the largest ones may not in the time given."""
    before = run_time_us(candidate.process.pid)
    command = ["taskset", "-c", LOAD_CORE, load, "--upstream", upstream, "--proxy", candidate.port,
               "--connections", connections, "--seconds", seconds, "--body", body,
               "--path", candidate.path]
    command += more
    if candidate.header:
        command += ["--header", candidate.header]
    if certificate:
        command += ["--certificate", certificate[0], "--key", certificate[1]]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                          timeout=seconds + 120)
    if done.returncode != 0:
        raise SystemExit(f"the load generator failed: {done.stderr}")
    result = json.loads(done.stdout)
    spent = run_time_us(candidate.process.pid) - before
    if result["failures"] > result["requests"] / 1000 or (whole and result["requests"] == 0):
        raise SystemExit(f"{candidate.name}: {result}: {done.stderr}")
    result["cpu_us"] = spent / max(result["requests"], 1)
    result["cpu_ms_per_mb"] = spent / 1000 / max(result["bytes"] / 1e6, 1e-9)
    result["memory_kb"] = memory_kb(candidate.process.pid)
    return result


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return str(folder / "cert.pem"), str(folder / "key.pem")


def main():
    options = argparse.ArgumentParser()
    for name in ("latchkey", "load", "emulator"):
        options.add_argument(name)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--json")
    options.add_argument("--chart")
    options.add_argument("--no-tls", action="store_true")
    given = options.parse_args()

    table, ratios, megabytes, latencies = {}, {}, {}, {}
    for tls in (False,) if given.no_tls else (False, True):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-bench-"))
        candidates = []
        try:
            certificate = make_certificate(folder) if tls else None
            ca = certificate[0] if tls else None
            upstream = free_port()
            candidates.append(latchkey(folder, upstream, ca, given.latchkey, given.emulator, certificate))
            candidates += [make(folder, upstream, ca) for make in (nginx, haproxy, node)]
            rows = [(size, body, ()) for size, body in SIZES.items()]
            rows.append(("100KB-upload", 1024, ("--upload", UPLOAD)))
            for size, body, more in rows:
                row = size + ("-tls" if tls else "")
                seen = {one.name: [] for one in candidates}
                for _ in range(given.rounds):
                    for one in candidates:
                        seen[one.name].append(measure(given.load, one, upstream, body, given.seconds,
                                                      given.connections, certificate, more=more))
                table[row] = {name: statistics.median(r["cpu_us"] for r in results)
                              for name, results in seen.items()}
                ratios[row] = round(table[row]["latchkey"] / table[row]["nginx"], 3)
            if not tls:
                for one in candidates:
                    results = [measure(given.load, one, upstream, 1024, given.seconds,
                                       given.connections, None, more=("--rate", RATE))
                               for _ in range(given.rounds)]
                    latencies[one.name] = {
                        which: statistics.median(r[which] for r in results)
                        for which in ("p50_us", "p99_us")}
                for one in candidates:
                    results = [measure(given.load, one, upstream, 100 * 1024 * 1024, 4, 4, None, False)
                               for _ in range(3)]
                    megabytes[one.name] = {
                        "mb_per_s": round(statistics.median(r["bytes"] / r["seconds"] / 1e6
                                                            for r in results)),
                        "cpu_ms_per_mb": round(statistics.median(r["cpu_ms_per_mb"]
                                                                 for r in results), 3),
                        "memory_kb": max(r["memory_kb"] for r in results)}
                ratios["100MB"] = round(megabytes["latchkey"]["mb_per_s"] /
                                        megabytes["nginx"]["mb_per_s"], 3)
        finally:
            for one in candidates:
                one.stop()
            shutil.rmtree(folder, ignore_errors=True)

    names = list(next(iter(table.values())))
    print("CPU per call in microseconds, and as a share of nginx's")
    print(f"{'':10}" + "".join(f"{name:>20}" for name in names))
    for row, values in table.items():
        print(f"{row:10}" + "".join(
            f"{values[name]:>12.1f}  ({values[name] / values['nginx']:.2f})" for name in names))
    for name, values in latencies.items():
        print(f"Latency at {RATE} calls of 1 KB a second, {name}: half within {values['p50_us']:.0f} us, "
              f"99 of 100 within {values['p99_us']:.0f} us")
    for name, values in megabytes.items():
        print(f"100 MB bodies, 4 at once, {name}: {values['mb_per_s']} MB/s, "
              f"{values['cpu_ms_per_mb']} ms of CPU for a MB, {values['memory_kb']} KB of memory")
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(
            {"ratios": ratios, "cpu_us": table, "latency": latencies, "100MB": megabytes,
             "rounds": given.rounds,
             "load": os.getloadavg()[0]}, indent=1) + "\n")
    if given.chart:
        pathlib.Path(given.chart).write_text(draw(
            "CPU of one proxied call (nginx = 1, less is better)",
            {row: {name: values[name] / values["nginx"] for name in names}
             for row, values in table.items()}))


if __name__ == "__main__":
    main()
