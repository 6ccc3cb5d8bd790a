"""Starts and stops the program under test, and asks it things.

Every process listens on a port of loopback that it chooses itself, writes its output to files, and is
ended by its own process id. LATCHKEY_BINARY names the program.
"""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse

BINARY = os.environ.get("LATCHKEY_BINARY", "")
START_S = 30
STOP_S = 15
ANSWER_S = 40


class Answer:
    """One HTTP answer, read as a whole."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The code of an answer in our error form."""
        return self.json["error"]

    def __repr__(self):
        return f"{self.status} {self.text[:300]}"


def request(base, method, target, body=None, headers=None, timeout=ANSWER_S):
    """Sends one request on a connection of its own and follows nothing. A body that is neither bytes
    nor None goes as JSON. `target` is sent as it is given."""
    lines = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        lines.setdefault("Content-Type", "application/json")
    parts = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.putrequest(method, target, skip_host="Host" in lines,
                              skip_accept_encoding=True)
        data = body.encode() if isinstance(body, str) else body
        for name, value in lines.items():
            connection.putheader(name, value)
        needs_length = data is not None or method in ("POST", "PUT", "PATCH")
        if needs_length and "Content-Length" not in lines:
            connection.putheader("Content-Length", str(len(data or b"")))
        connection.endheaders(data)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def free_port():
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(what, seconds=10, every=0.05):
    """Calls `what` until it gives something true; returns that, or the last that it gave."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > end:
            return found
        time.sleep(every)


class Process:
    """A running latchkey, whose first line on standard output says that it is ready."""
    start_s = START_S

    def __init__(self, arguments, folder, name, environment=None, through=(), stderr=None):
        """`through`: a command that becomes the program, such as prlimit. `stderr`: a descriptor that
        takes its log in the place of the file."""
        self.folder = pathlib.Path(folder)
        self.stdout_file = self.folder / f"{name}.out"
        self.stderr_file = self.folder / f"{name}.err"
        with open(self.stdout_file, "ab") as out, open(self.stderr_file, "ab") as err:
            begun = out.tell()
            self.process = subprocess.Popen([*through, BINARY, *arguments], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=err if stderr is None else stderr,
                                            env=clean(environment))
        self.ready = self._wait_until_ready(begun)
        self.url = self.ready["url"]

    def _wait_until_ready(self, begun):
        def line():
            with open(self.stdout_file, "rb") as out:
                out.seek(begun)
                text = out.read()
            return text.split(b"\n")[0] if b"\n" in text else None

        def settled():
            return line() or self.process.poll() is not None

        eventually(settled, self.start_s, 0.02)
        found = line()
        if not found:
            status = self.process.poll()
            self.kill()
            said = self.stderr_file.read_text()[-2000:]
            raise AssertionError(f"not ready (exit status {status}); it said: {said}")
        return json.loads(found)

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("it did not stop") from None

    def kill(self):
        """SIGKILL, as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_S)

    @property
    def descriptors(self):
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def processor_seconds(self):
        """What it has used of the processors so far."""
        # Behind the name, which may hold anything: the 14th and 15th field of the line.
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def running(self):
        return self.process.poll() is None


class Emulator(Process):
    USER = "ada@acme.example"
    PASSWORD = "latchkey"

    def __init__(self, folder, *arguments, listen="127.0.0.1:0", keeps=True):
        """`keeps`: whether what happens is written to a state file, all of it at every change."""
        self.state_file = pathlib.Path(folder) / "emulator-state.json"
        state = ["--state", str(self.state_file)] if keeps else []
        super().__init__(["emulator", "--listen", listen, *state, *arguments], folder, "emulator")

    def control(self, method, name, body=None):
        answer = request(self.url, method, f"/__emulator/{name}", body)
        if answer.status != 200:
            raise AssertionError(f"{method} {name}: {answer}")
        return answer.json

    def expire_sessions(self):
        return self.control("POST", "sessions/expire")["expired"]

    def client(self, **fields):
        fields.setdefault("client_id", "latchkey-demo")
        return self.control("POST", "clients", fields)

    def fault(self, path, **fields):
        return self.control("POST", "faults", {"path": path, **fields})

    def totals(self):
        return self.control("GET", "ledger")["totals"]

    def kept(self):
        """What the state file holds now."""
        return json.loads(self.state_file.read_text())


class Server(Process):
    """`latchkey server --dev`, with its key."""

    def __init__(self, folder, provider_url, *arguments, data=None, environment=None,
                 listen="127.0.0.1:0", **more):
        self.data = pathlib.Path(data or pathlib.Path(folder) / "data")
        super().__init__(["server", "--dev", "--listen", listen, "--data", str(self.data),
                          "--provider-url", provider_url, *arguments],
                         folder, "server", environment, **more)
        self.operators_url = self.ready["operators_url"]
        self.key_file = self.data / "admin-key"
        self.key = self.key_file.read_text().strip()

    def call(self, method, target, body=None, key=None, headers=None, base=None, timeout=ANSWER_S):
        """One API call; `key` "" sends none, None the admin key."""
        lines = dict(headers or {})
        chosen = self.key if key is None else key
        if chosen:
            lines.setdefault("Authorization", f"Bearer {chosen}")
        return request(base or self.url, method, target, body, lines, timeout)

    def operate(self, method, target, body=None, key=None):
        return self.call(method, target, body, key, base=self.operators_url)

    def new_key(self, *permissions, **more):
        made = self.operate("POST", "/v1/apikeys", {"label": "test", **more,
                                                    "permissions": list(permissions)})
        assert made.status == 201, made
        return made.json["key"]

    def query(self, connection, soql="SELECT Id, Name FROM Account LIMIT 5", **more):
        target = f"/proxy/{connection}/services/data/v68.0/query?q=" + urllib.parse.quote(soql)
        return self.call("GET", target, **more)

    def show(self, connection):
        return self.call("GET", f"/v1/connections/{connection}").json


def clean(environment=None):
    """This process's environment without settings of latchkey; then `environment`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}
    kept.update(environment or {})
    return kept


def run(*arguments, environment=None, given=None, timeout=60):
    """Runs a command to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], env=clean(environment), input=given,
                          stdin=subprocess.DEVNULL if given is None else None,
                          capture_output=True, timeout=timeout, check=False)


class Story(unittest.TestCase):
    """A test with a folder of its own; what it starts is ended with it."""

    def setUp(self):
        self.assertTrue(BINARY and os.path.exists(BINARY), "LATCHKEY_BINARY names no program")
        holder = tempfile.TemporaryDirectory(prefix="latchkey-story-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def ended_with_test(self, process):
        self.addCleanup(process.kill)
        return process

    def start_emulator(self, *arguments, **more):
        return self.ended_with_test(Emulator(self.folder, *arguments, **more))

    def start_server(self, provider_url, *arguments, **more):
        return self.ended_with_test(Server(self.folder, provider_url, *arguments, **more))

    def assert_refused(self, answer, status, code):
        """An error of ours: its status, its code, a sentence for a person, and a request's id."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.error, code, answer)
        self.assertRegex(answer.json["message"], r"^.{15,}\.$")
        self.assertTrue(answer.json["request_id"].startswith("req_"), answer)
        self.assertEqual(answer.headers["Latchkey-Answer"], "gateway")
