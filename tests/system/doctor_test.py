"""latchkey doctor rotation: what it finds out about emulators that behave differently."""
import json
import os
import pty
import subprocess
import threading
import time

from cli_test import DONE, FAILED, USAGE, Terminal
from latchkey_processes import BINARY, clean, eventually
from person import App, Person

PROCESSED = "token request is already being processed"
EXPIRED = "expired access/refresh token"


class Doctor(Terminal):
    def setUp(self):
        super().setUp()
        self.secret = self.folder / "secret"
        self.secret.write_text("latchkey-demo-secret\n")
        self.secret.chmod(0o600)
        # Time enough for the second of two at once to arrive while the first is processed.
        self.emulator.client(refresh_latency=200)

    def arguments(self, *more):
        return [BINARY, "doctor", "rotation", "--no-browser", "-r", self.emulator.url, "--port",
                str(self.port), "-i", "latchkey-demo", "--client-secret-file", str(self.secret),
                *more]

    def examine(self, *more, status=DONE):
        """Runs it with a person who logs in whenever asked to; what it printed."""
        said = self.folder / "doctor.err"
        with open(said, "wb") as errors:
            process = subprocess.Popen(self.arguments("--yes", "--json", *more),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=errors, env=clean(self.environment))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        person, seen = Person(), 0
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            urls = [line for line in said.read_text().splitlines() if line.startswith("http")]
            if len(urls) == seen:
                time.sleep(0.02)
                continue
            seen += 1
            self.log_in_at(person, urls[-1])
        printed = process.stdout.read().decode()
        self.assertEqual(process.wait(15), status, (printed, said.read_text()))
        self.said = said.read_text()
        self.logins = seen
        return json.loads(printed)

    def log_in_at(self, person, url):
        """The browser is logged in after the first time, and the app approved."""
        person.open(url)
        if person.page.forms:
            person.log_in()
        self.assertIn("You can close this window", person.answer.text)

    def reuses(self):
        return self.emulator.totals()["reuses"]

    def assert_nothing_is_left(self, found):
        self.assertEqual(self.emulator.totals()["live_tokens"], 0)
        grants = found["grants"]
        self.assertEqual(grants["made"], grants["revoked"] + grants["ended"])
        self.assertEqual(grants["made"], self.logins)
        self.assertFalse((self.folder / "state" / "latchkey.db").exists())

    def test_a_second_use_that_ends_its_grant(self):
        found = self.examine()
        self.assertTrue(found["rotates"])
        self.assertEqual(found["introspection"], "truthful")
        first, second = found["two_at_once"]["answers"]
        self.assertEqual(sorted([first["accepted"], second["accepted"]]), [False, True])
        refused = second if first["accepted"] else first
        self.assertEqual((refused["error"], refused["description"]), ("invalid_grant", PROCESSED))
        self.assertEqual(found["two_at_once"]["grant"], "lives")
        spent = found["spent_token"]
        self.assertEqual((spent["at_once"]["accepted"], spent["at_once"]["description"]),
                         (False, EXPIRED))
        self.assertEqual((spent["its_grant"], spent["other_grants"]), ("ended", "lives"))
        self.assertIsNone(spent["later"])
        self.assertIsNone(found["approvals"])
        self.assertEqual(found["advice"], [])
        self.assertEqual(self.reuses(), 1)
        self.assertEqual(self.emulator.totals()["max_in_flight"], 2)
        self.assertEqual(self.logins, 2)
        self.assert_nothing_is_left(found)

    def test_a_second_use_that_is_only_refused(self):
        self.emulator.client(reuse="reject_only")
        found = self.examine()
        spent = found["spent_token"]
        self.assertFalse(spent["at_once"]["accepted"])
        self.assertEqual((spent["its_grant"], spent["other_grants"]), ("lives", "lives"))
        self.assertEqual(self.reuses(), 1)
        self.assert_nothing_is_left(found)

    def test_a_second_use_that_ends_every_grant_of_the_user_and_app(self):
        self.emulator.client(reuse="revoke_user_app")
        found = self.examine()
        spent = found["spent_token"]
        self.assertEqual((spent["its_grant"], spent["other_grants"]), ("ended", "ended"))
        self.assertIn("every grant", found["advice"][0])
        self.assertEqual(self.reuses(), 1)
        self.assert_nothing_is_left(found)

    def test_no_rotation_and_so_no_second_use(self):
        self.emulator.client(rotation="off")
        found = self.examine()
        self.assertFalse(found["rotates"])
        self.assertEqual(found["introspection"], "truthful")
        self.assertIsNone(found["spent_token"]["at_once"])
        self.assertEqual(self.reuses(), 0)
        self.assertEqual(self.logins, 1)
        self.assert_nothing_is_left(found)

    def test_two_at_once_that_are_not_told_apart_from_a_second_use(self):
        self.emulator.client(concurrent_refresh="allow")
        found = self.examine()
        self.assertEqual(found["two_at_once"]["grant"], "ended")
        self.assertEqual((found["spent_token"]["its_grant"], found["spent_token"]["other_grants"]),
                         ("ended", "lives"))
        self.assertEqual(self.reuses(), 2)
        self.assertEqual(self.logins, 3)
        self.assert_nothing_is_left(found)

    def test_j28_approvals_are_counted_until_the_oldest_ends(self):
        found = self.examine("--approvals")
        self.assertEqual(found["approvals"], 5)
        self.assertEqual(self.reuses(), 1)
        self.assert_nothing_is_left(found)

    def test_introspection_that_lies_or_is_not_allowed_is_found_out(self):
        path = "/services/oauth2/introspect"
        self.emulator.fault(path, status=200, body={"active": True}, count=3)
        found = self.examine()
        self.assertEqual(found["introspection"], "wrong")
        self.assertIn("untrusted", found["advice"][0])
        self.emulator.fault(path, status=403, count=3,
                            body={"error": "invalid_request",
                                  "error_description": "introspection not allowed"})
        self.assertEqual(self.examine()["introspection"], "refused")

    def test_a_user_whom_somebody_has_connected_is_left_alone(self):
        kept = self.log_in()
        found = self.examine(status=FAILED)
        self.assertEqual(found["error"], "user_is_connected")
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"], totals["live_tokens"]), (0, 0, 1))
        self.emulator.expire_sessions()
        self.latchkey("query", "SELECT Id FROM Account LIMIT 1", "-o", kept["id"])

    def test_the_connections_of_a_server_are_compared_too(self):
        server = self.start_server(self.emulator.url)
        connection = App(server).connect()["id"]
        self.environment |= {"LATCHKEY_SERVER": server.url,
                             "LATCHKEY_API_KEY_FILE": str(server.key_file)}
        self.assertEqual(self.examine(status=FAILED)["error"], "user_is_connected")
        self.emulator.expire_sessions()
        self.assertEqual(server.query(connection).status, 200)
        self.assertEqual(self.reuses(), 0)

    def test_a_server_that_cannot_be_asked_ends_it_before_anybody_logs_in(self):
        key = self.folder / "key"
        key.write_text("lk_none_" + "x" * 40)
        key.chmod(0o600)
        server = self.start_server(self.emulator.url)
        self.environment |= {"LATCHKEY_SERVER": server.url, "LATCHKEY_API_KEY_FILE": str(key)}
        self.assertEqual(self.examine(status=FAILED)["error"], "invalid_api_key")
        self.assertEqual(self.logins, 0)

    def test_nothing_begins_without_a_yes(self):
        done = subprocess.run(self.arguments(), stdin=subprocess.DEVNULL, capture_output=True,
                              env=clean(self.environment), timeout=30, check=False)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(b"--yes", done.stderr)
        for answer, begun in ((b"no\n", False), (b"yes\n", True)):
            ours, theirs = pty.openpty()
            process = subprocess.Popen(self.arguments(), stdin=theirs, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=clean(self.environment))
            os.close(theirs)
            self.addCleanup(process.kill)
            os.write(ours, answer)
            said = process.stderr.readline
            lines = []
            while line := said():
                lines.append(line)
                if line.startswith(b"http"):
                    break
            self.assertEqual(lines[-1].startswith(b"http"), begun, lines)
            if begun:
                process.kill()
            self.assertEqual(process.wait(15) == FAILED, not begun)
            os.close(ours)
            process.stdout.close()
            process.stderr.close()
        self.assertEqual(self.emulator.totals()["live_tokens"], 0)

    def test_a_person_is_shown_a_table(self):
        said = self.folder / "table.err"
        with open(said, "wb") as errors:
            process = subprocess.Popen(self.arguments("--yes"), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=errors,
                                       env=clean(self.environment))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)

        def log_in(number):
            def address():
                urls = [u for u in said.read_text().splitlines() if u.startswith("http")]
                return urls[number] if len(urls) > number else None
            self.log_in_at(person, eventually(address, 20))

        person = Person()
        log_in(0)
        log_in(1)
        printed = process.communicate(timeout=30)[0].decode()
        self.assertEqual(process.returncode, DONE, said.read_text())
        self.assertRegex(printed, r"(?m)^refresh tokens +rotate: each refresh brings a new one$")
        self.assertRegex(printed, rf"(?m)^spent token, at once +refused with 400 .*{EXPIRED}")
        self.assertRegex(printed, r"(?m)^its grant after that +ended$")
        secrets = [grant["refresh_token"] for grant in self.emulator.kept()["grants"]]
        self.assertEqual(len(secrets), 2)
        for secret in [*secrets, "latchkey-demo-secret"]:
            self.assertNotIn(secret, printed + said.read_text())
