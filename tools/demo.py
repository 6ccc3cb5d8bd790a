#!/usr/bin/env python3
"""The whole job once, against an emulated Salesforce, with every step printed.

    demo.py BINARY [--once]

Starts an emulator and a server on free loopback ports, connects a user, queries, lets the access
token die, and queries again; proves that no token stands readable in the store's files. Without
--once it then stays up. Exit status 0: every step held.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))
from browse import Browser  # noqa: E402
from spelled import spellings  # noqa: E402

SOQL = "SELECT Id, Name FROM Account LIMIT 5"
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


class Failed(Exception):
    """A step did not hold."""


def expect(holds, what):
    if not holds:
        raise Failed(what)


def step(title):
    print(f"\n{BOLD}{title}{PLAIN}")


def start(*arguments):
    """A process of our binary and the line that it prints when it is ready."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    noise = []
    threading.Thread(target=lambda: noise.extend(process.stderr), daemon=True).start()
    line = process.stdout.readline()
    if not line:
        process.wait(timeout=10)
        raise Failed(f"{arguments[1]} did not start:\n{''.join(noise)}")
    return process, json.loads(line)


def call(method, url, key=None, body=None):
    """One HTTP call; returns status, JSON (or None) and headers."""
    request = urllib.request.Request(url, method=method)
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open(request, data, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    text = answer.read().decode()
    return answer.status, json.loads(text) if text else None, answer.headers


def connect(server, key, end_user="user-42"):
    """The steps of docs/guides: a session, the person's browser, the app's complete."""
    step("1. The app opens a connect session and sends its user to the link")
    status, session, _ = call("POST", f"{server}/v1/connect/sessions", key, {
        "end_user": end_user, "return_url": "http://127.0.0.1:9/salesforce/done",
        "purpose": "The demo wants to read your accounts."})
    expect(status == 201, f"opening a session answered {status}: {session}")
    print(f"   connect link   {session['connect_url'].rsplit('/', 1)[0]}/...")

    step("2. The user presses the button, logs in at Salesforce and allows the app")
    browser = Browser("ada@acme.example", "latchkey", stop_at="http://127.0.0.1:9/")
    browser.walk(session["connect_url"])
    trail = browser.visited
    authorize = next(u for u in trail if "/services/oauth2/authorize" in u)
    callback = next(u for u in trail if "/oauth/callback/" in u)
    print(f"   authorize URL  {authorize}")
    print(f"   callback       {callback.split('?')[0]}?code=...&state=...")
    arrived = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(trail[-1]).query))
    expect("ticket" in arrived, f"the return URL has no ticket: {sorted(arrived)}")

    step("3. The app, which knows who is logged in, completes the session with the ticket")
    status, connection, _ = call("POST", f"{server}/v1/connect/sessions/{session['id']}/complete",
                                 key, {"ticket": arrived["ticket"], "end_user": end_user})
    expect(status == 201, f"complete answered {status}: {connection}")
    print(f"   connection     {connection['id']}  {connection.get('username', connection['user_id'])}"
          f"  {connection['standing']}, generation {connection['generation']}")
    return connection


def query(server, key, connection):
    target = f"/services/data/v68.0/query?q={urllib.parse.quote(SOQL)}"
    status, page, headers = call("GET", f"{server}/proxy/{connection['id']}{target}", key)
    expect(status == 200, f"the query answered {status}: {page}")
    expect(headers["Latchkey-Answer"] == "salesforce", "the answer is not Salesforce's")
    expect(len(page["records"]) == 5, f"the query gave {len(page['records'])} records, not 5")
    for record in page["records"]:
        print(f"   {record['Id']}  {record['Name']}")


def token(server, key, connection):
    status, vended, _ = call("GET", f"{server}/v1/connections/{connection['id']}/token", key)
    expect(status == 200, f"the token endpoint answered {status}")
    return vended


def readable(folder, secrets):
    """Names of files below `folder` that hold one of the secrets in any usual spelling."""
    found = []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += [path.name for secret in secrets for s in spellings(secret) if s in content]
    return found


def run(binary, once, folder):
    data, state = f"{folder}/server", f"{folder}/emulator.json"
    processes = []
    try:
        emulator, salesforce = start(binary, "emulator", "--listen", "127.0.0.1:0", "--state", state)
        processes.append(emulator)
        server, ready = start(binary, "server", "--dev", "--listen", "127.0.0.1:0", "--data", data,
                              "--provider-url", salesforce["url"])
        processes.append(server)
        key = pathlib.Path(data, "admin-key").read_text().strip()
        print(f"Salesforce (emulated) at {salesforce['url']}, latchkey at {ready['url']}")

        connection = connect(ready["url"], key)
        first = token(ready["url"], key, connection)

        step(f"4. A query through the proxy: {SOQL}")
        query(ready["url"], key, connection)

        step("5. The access token dies")
        status, _, _ = call("POST", f"{salesforce['url']}/__emulator/sessions/expire")
        expect(status == 200, f"the emulator's control answered {status}")
        status, refusal, _ = call(
            "GET", f"{salesforce['url']}/services/data/v68.0/limits", first["access_token"])
        expect(status == 401, f"the old token still works: {status}")
        print(f"   Salesforce says {refusal[0]['errorCode']}: {refusal[0]['message']}")

        step("6. The same query again: refreshed on the way, with rotation")
        query(ready["url"], key, connection)
        second = token(ready["url"], key, connection)
        expect(second["generation"] == first["generation"] + 1 == 2,
               f"generation went from {first['generation']} to {second['generation']}")
        print(f"   generation     {first['generation']} -> {second['generation']}")
        _, ledger, _ = call("GET", f"{salesforce['url']}/__emulator/ledger")
        totals = ledger["totals"]
        expect(totals["refreshes"] == 1 and totals["reuses"] == 0 and totals["max_in_flight"] <= 1,
               f"the ledger shows {totals}")
        print(f"   ledger         {totals['refreshes']} refresh, {totals['reuses']} reuses of a spent "
              f"token, at most {totals['max_in_flight']} in flight")

        step("7. No token stands readable in the store's files")
        kept = pathlib.Path(state).read_text()
        refresh_tokens = sorted({word for word in kept.split('"') if word.startswith("5Aep861")})
        expect(len(refresh_tokens) >= 2, "the emulator's state shows no rotated refresh token")
        secrets = [first["access_token"], second["access_token"], *refresh_tokens]
        found = readable(data, secrets)
        expect(not found, f"readable in: {', '.join(found)}")
        names = ", ".join(sorted(str(p.relative_to(data)) for p in pathlib.Path(data).rglob("*")
                                 if p.is_file()))
        print(f"   {len(secrets)} tokens looked for, plain, base64, hex and percent-encoded, in: {names}")
        print(f"\n{BOLD}Every step held.{PLAIN}")
        if not once:
            stay(binary, ready, salesforce, data, connection)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(processes):
            try:
                process.wait(timeout=45)
            except subprocess.TimeoutExpired:
                process.kill()


def stay(binary, ready, salesforce, data, connection):
    print(f"""
Still running; Ctrl-C ends it.
   server           {ready['url']}   (operators: {ready['operators_url']})
   API              {ready['url']}/openapi.json, metrics {ready['operators_url']}/metrics
   emulator         {salesforce['url']}   (log in as ada@acme.example, password latchkey)
   API key          {data}/admin-key

   curl -H "Authorization: Bearer $(cat {data}/admin-key)" {ready['url']}/v1/connections/{connection['id']}
   LATCHKEY_SERVER={ready['url']} LATCHKEY_API_KEY_FILE={data}/admin-key {binary} query "{SOQL}"
""", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--once", action="store_true", help="exit when done")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="latchkey-demo-") as folder:
        os.chmod(folder, 0o700)
        try:
            run(chosen.binary, chosen.once, folder)
        except Failed as failed:
            print(f"\nThis step did not hold: {failed}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
