"""The command line, on a store of its own and in front of a server."""
import json
import subprocess
import unittest
import urllib.parse

from latchkey_processes import BINARY, Story, clean, eventually, free_port, request, run
from person import App, Person

DONE, FAILED, USAGE, RECONNECT = 0, 1, 2, 3
FIVE = "SELECT Id, Name FROM Account ORDER BY Name LIMIT 5"


class Terminal(Story):
    """A person at a terminal, with a state folder of their own."""

    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.port = free_port()
        self.environment = {"HOME": str(self.folder), "XDG_STATE_HOME": "",
                            "LATCHKEY_STATE": str(self.folder / "state")}

    def latchkey(self, *arguments, status=DONE, given=None):
        done = run(*arguments, environment=self.environment, given=given)
        self.assertEqual(done.returncode, status, (arguments, done.stdout[-500:], done.stderr))
        if status != DONE and "--json" not in arguments:
            self.assertNotEqual(done.stderr, b"")
        return done.stdout.decode()

    def begin_login(self, *arguments):
        """Starts `login web` and gives it and the address that it shows."""
        said = self.folder / "login.err"
        with open(said, "wb") as errors:
            login = subprocess.Popen(
                [BINARY, "login", "web", "--no-browser", "-r", self.emulator.url, "--port",
                 str(self.port), *arguments], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, env=clean(self.environment))
        self.addCleanup(login.stdout.close)
        self.addCleanup(login.wait, 15)
        self.addCleanup(login.kill)

        def address():
            if login.poll() is not None:
                return "it ended"
            return next((line for line in said.read_text().splitlines()
                         if line.startswith("http")), None)

        url = eventually(address, 20)
        self.assertTrue(url and url.startswith("http"), said.read_text())
        return login, url, said

    def log_in(self, *arguments):
        """As somebody with an app of their own: a client id and a secret in a file."""
        secret = self.folder / "secret"
        secret.write_text("latchkey-demo-secret\n")
        secret.chmod(0o600)
        login, url, said = self.begin_login("-i", "latchkey-demo", "--client-secret-file",
                                            str(secret), "--json", *arguments)
        person = Person()
        person.open(url)
        person.log_in()
        self.assertEqual(person.answer.status, 200, person.answer)
        self.assertIn("You can close this window", person.answer.text)
        printed, _ = login.communicate(timeout=20)
        self.assertEqual(login.returncode, DONE, said.read_text())
        return json.loads(printed)


class OwnStore(Terminal):
    def test_a_login_without_an_app_of_ones_own_works_at_the_emulator(self):
        # The official command line's client, whose port a test must not take.
        self.emulator.client(client_id="PlatformCLI",
                             redirect_uris=[f"http://localhost:{self.port}/OauthRedirect"])
        login, url, _ = self.begin_login("-a", "acme")
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.assertEqual(query["client_id"], "PlatformCLI")
        self.assertEqual(query["code_challenge_method"], "S256")
        person = Person()
        person.open(url)
        person.log_in()
        printed, _ = login.communicate(timeout=20)
        self.assertEqual(login.returncode, DONE)
        self.assertIn(b"Connected.", printed)
        self.assertIn(self.emulator.USER, self.latchkey("show", "-o", "acme"))

    def test_a_person_logs_in_looks_around_calls_and_leaves(self):
        made = self.log_in("-a", "acme")
        self.assertEqual(made["standing"], "active")
        self.assertEqual(made["username"], self.emulator.USER)

        self.assertIn(made["id"], self.latchkey("list"))
        self.assertEqual(json.loads(self.latchkey("list", "--json"))["items"][0]["id"], made["id"])
        for name in (made["id"], "acme", self.emulator.USER):
            shown = json.loads(self.latchkey("show", "-o", name, "--json"))
            self.assertEqual(shown["id"], made["id"])

        token = self.latchkey("token").strip()
        self.assertRegex(token, r"^00D\w{12,15}![.\w]+$")
        answer = request(self.emulator.url, "GET", "/services/data/v68.0/limits", None,
                         {"Authorization": f"Bearer {token}"})
        self.assertEqual(answer.status, 200)
        self.assertEqual(json.loads(self.latchkey("token", "--json"))["access_token"], token)

        lines = self.latchkey("query", FIVE).splitlines()
        self.assertEqual(lines[0].split(), ["Id", "Name"])
        self.assertEqual(len(lines), 6)
        records = json.loads(self.latchkey("query", FIVE, "--json"))["records"]
        self.assertEqual([line.split()[0] for line in lines[1:]], [r["Id"] for r in records])

        limits = json.loads(self.latchkey("api", "/services/data/v68.0/limits"))
        self.assertIn("DailyApiRequests", limits)
        account = "/services/data/v68.0/sobjects/Account"
        created = json.loads(self.latchkey("api", "-X", "POST", account, "--body", "-",
                                           given=b'{"Name": "From a terminal"}'))
        self.assertTrue(created["success"])
        shown = self.latchkey("api", "-i", f"{account}/{created['id']}")
        self.assertTrue(shown.startswith("HTTP 200\n"), shown)
        self.assertIn("From a terminal", shown)
        self.latchkey("api", "-X", "DELETE", f"{account}/{created['id']}")
        self.latchkey("api", f"{account}/{created['id']}", status=FAILED)

        self.assertIn("revoked at Salesforce", self.latchkey("logout", "-o", "acme"))
        self.assertEqual(self.emulator.totals()["live_tokens"], 0)
        self.latchkey("token", status=FAILED)
        self.assertEqual(self.emulator.totals()["reuses"], 0)

    def test_a_dead_session_is_renewed_without_a_word(self):
        self.log_in()
        for _ in range(2):
            self.emulator.expire_sessions()
            self.assertEqual(len(self.latchkey("query", FIVE).splitlines()), 6)
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (2, 0))

    def test_a_long_answer_comes_in_pages_and_whole(self):
        self.log_in()
        pages = [json.loads(line) for line in
                 self.latchkey("query", "SELECT Id FROM Contact", "--json").splitlines()]
        self.assertEqual(sum(len(p["records"]) for p in pages), pages[0]["totalSize"])
        self.assertTrue(pages[-1]["done"])

    def test_a_grant_that_is_over_ends_with_status_3_and_a_reconnect_mends_it(self):
        made = self.log_in("-a", "acme")
        token = self.emulator.kept()["grants"][0]["refresh_token"]
        ended = request(self.emulator.url, "POST", "/services/oauth2/revoke", f"token={token}",
                        {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(ended.status, 200)
        self.latchkey("query", FIVE, status=RECONNECT)
        self.latchkey("token", status=RECONNECT)
        told = json.loads(self.latchkey("api", "/services/data/v68.0/limits", "--json",
                                        status=RECONNECT))
        self.assertEqual(told["error"], "reauth_required")
        self.assertEqual(told["act"], "reauthorize")
        self.assertIn("reauth_required", self.latchkey("list"))
        again = self.log_in("--reconnect", "acme")
        self.assertEqual(again["id"], made["id"])
        self.assertEqual(len(self.latchkey("query", FIVE).splitlines()), 6)

    def test_a_reconnect_needs_no_more_words_than_the_connection(self):
        made = self.log_in("-a", "acme")
        login, url, said = self.begin_login("--reconnect", "acme", "--json")
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.assertEqual(query["client_id"], "latchkey-demo")
        person = Person()
        person.open(url)
        person.log_in()
        printed, _ = login.communicate(timeout=20)
        self.assertEqual(login.returncode, DONE, said.read_text())
        self.assertEqual(json.loads(printed)["id"], made["id"])

    def test_a_missing_secret_file_stops_only_the_connections_that_need_it(self):
        self.log_in("-a", "acme")
        (self.folder / "secret").unlink()
        done = run("list", environment=self.environment)
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertIn(b"latchkey-demo", done.stderr)
        self.assertIn(b"ada@acme.example", done.stdout)

    def test_a_denied_consent_ends_the_login_with_a_reason(self):
        login, url, said = self.begin_login("-i", "latchkey-demo", "--client-secret-file",
                                            self.secret_file("latchkey-demo-secret"))
        person = Person()
        person.open(url)
        person.log_in(decision="deny")
        self.assertEqual(person.answer.status, 400)
        self.assertIn("Not connected", person.answer.text)
        self.assertEqual(login.wait(15), FAILED)
        self.assertIn("access_denied", said.read_text())

    def secret_file(self, text, mode=0o600):
        path = self.folder / f"secret-{mode:o}"
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def test_a_login_that_nobody_finishes_ends_by_itself(self):
        login, _, said = self.begin_login("-i", "latchkey-demo", "--client-secret-file",
                                          self.secret_file("latchkey-demo-secret"), "--wait", "1")
        self.assertEqual(login.wait(15), FAILED)
        self.assertIn("login_not_finished", said.read_text())

    def test_f13_a_secret_that_others_may_read_is_not_used(self):
        done = run("login", "web", "--no-browser", "-r", self.emulator.url, "-i", "latchkey-demo",
                   "--client-secret-file", self.secret_file("latchkey-demo-secret", 0o644),
                   environment=self.environment)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(b"chmod 600", done.stderr)

    def test_wrong_usage_ends_with_status_2_and_says_what_is_right(self):
        for arguments in ((), ("nonsense",), ("query",), ("query", "--colour", FIVE),
                          ("login",), ("login", "web", "--port", "0"),
                          ("login", "web", "--no-browser"),
                          ("emulator", "--rotation", "maybe"), ("apikeys", "create",
                                                                "--permission", "all")):
            self.latchkey(*arguments, status=USAGE)
        self.log_in()
        self.latchkey("api", "/services/data", "-H", "no colon", status=USAGE)
        self.latchkey("api", "http://elsewhere.example/services/data", status=USAGE)
        self.latchkey("query", "SELECT FROM", status=USAGE)
        self.log_in()
        self.latchkey("query", FIVE, status=USAGE)  # two connections fit
        self.latchkey("show", "-o", "nobody", status=FAILED)

    def test_without_a_connection_the_way_to_one_is_told(self):
        done = run("query", FIVE, environment=self.environment)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(b"latchkey login web", done.stderr)

    def test_help_is_for_people(self):
        for arguments in (("--help",), ("login", "web", "--help"), ("server", "--help"),
                          ("emulator", "--help"), ("apikeys", "create", "--help")):
            printed = self.latchkey(*arguments)
            self.assertIn("Usage", printed)
        self.assertRegex(self.latchkey("--version"), r"^\d+\.\d+\.\d+")

    def test_i14_the_state_folder_is_for_its_owner_alone(self):
        self.log_in("-a", "acme")
        for path in [self.folder / "state", *(self.folder / "state").rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)


class AtAServer(Terminal):
    def setUp(self):
        super().setUp()
        self.server = self.start_server(self.emulator.url)
        self.connection = App(self.server).connect()["id"]
        self.environment |= {"LATCHKEY_SERVER": self.server.url,
                             "LATCHKEY_API_KEY_FILE": str(self.server.key_file)}

    def test_the_same_commands_work_on_a_servers_connections(self):
        self.assertIn(self.connection, self.latchkey("list"))
        self.assertIn(self.emulator.USER, self.latchkey("show"))
        self.assertRegex(self.latchkey("token").strip(), r"^00D\w{12,15}![.\w]+$")
        self.emulator.expire_sessions()
        self.assertEqual(len(self.latchkey("query", FIVE).splitlines()), 6)
        self.assertIn("DailyApiRequests", self.latchkey("api", "/services/data/v68.0/limits"))
        self.latchkey("logout", "-o", self.connection)
        self.assertEqual(self.emulator.totals()["live_tokens"], 0)
        self.assertFalse((self.folder / "state" / "latchkey.db").exists(), "no store of its own")

    def test_status_3_and_a_missing_permission_come_through(self):
        reader = self.folder / "reader-key"
        reader.write_text(self.server.new_key("read"))
        reader.chmod(0o600)
        self.environment["LATCHKEY_API_KEY_FILE"] = str(reader)
        self.assertIn(self.connection, self.latchkey("list"))
        self.latchkey("token", status=FAILED)
        self.environment["LATCHKEY_API_KEY_FILE"] = str(self.server.key_file)
        token = self.emulator.kept()["grants"][0]["refresh_token"]
        request(self.emulator.url, "POST", "/services/oauth2/revoke", f"token={token}",
                {"Content-Type": "application/x-www-form-urlencoded"})
        self.latchkey("query", FIVE, status=RECONNECT)

    def test_a_login_and_a_missing_key_file_are_told_apart_from_failures(self):
        self.latchkey("login", "web", "-r", self.emulator.url, "--no-browser", status=USAGE)
        del self.environment["LATCHKEY_API_KEY_FILE"]
        self.latchkey("list", status=FAILED)
        self.environment["LATCHKEY_API_KEY_FILE"] = str(self.server.key_file)
        self.server.stop()
        self.latchkey("list", status=FAILED)

    def test_keys_are_made_with_rules_and_limits_what_is_denied_first(self):
        self.environment["LATCHKEY_SERVER"] = self.server.operators_url
        made = json.loads(self.latchkey(
            "apikeys", "create", "--allow", "GET /services/data/**", "--deny",
            "/services/data/*/query*", "--rate", "50", "--burst", "100", "--concurrency", "20",
            "--priority", "low", "--json"))
        rules = ["deny /services/data/*/query*", "allow GET /services/data/**"]
        self.assertEqual(made["rules"], rules)
        self.assertEqual(made["limits"], {"rate": 50, "burst": 100, "concurrency": 20})
        self.assertEqual(made["priority"], "low")
        self.assertIn("2 rules, 50/s, 20 at once, low", self.latchkey("apikeys", "list"))
        self.assertEqual(self.server.query(self.connection, key=made["key"]).status, 403)
        for wrong in (("--allow", "query"), ("--deny", "/**"), ("--rate", "-1"),
                      ("--burst", "5"), ("--priority", "urgent")):
            self.latchkey("apikeys", "create", *wrong, status=USAGE)

        self.server.stop()
        del self.environment["LATCHKEY_SERVER"]
        data = str(self.server.data)
        listed = json.loads(self.latchkey("apikeys", "list", "--data", data, "--json"))["items"]
        self.assertIn(rules, [key["rules"] for key in listed])

    def test_keys_are_made_at_a_running_server_and_on_a_stopped_store(self):
        self.environment["LATCHKEY_SERVER"] = self.server.operators_url
        made = json.loads(self.latchkey("apikeys", "create", "--label", "reports",
                                        "--permission", "read", "--json"))
        self.assertEqual(made["permissions"], ["read"])
        listed = self.latchkey("apikeys", "list")
        self.assertIn("reports", listed)
        self.assertNotIn(made["key"], listed)
        self.assertEqual(self.server.call("GET", "/v1/connections", key=made["key"]).status, 200)
        self.latchkey("apikeys", "revoke", made["id"])
        self.assertEqual(self.server.call("GET", "/v1/connections", key=made["key"]).status, 401)

        data = str(self.server.data)
        self.latchkey("apikeys", "create", "--data", data, status=FAILED)  # the server has it
        self.server.stop()
        del self.environment["LATCHKEY_SERVER"]
        key = self.latchkey("apikeys", "create", "--permission", "admin", "--permission", "read",
                            "--data", data).strip()
        self.assertRegex(key, r"^lk_[\w-]+$")
        self.assertIn("admin", self.latchkey("apikeys", "list", "--data", data))
        again = self.start_server(self.emulator.url)
        self.assertEqual(again.call("GET", "/v1/connections", key=key).status, 200)
        self.assertEqual(again.operate("GET", "/v1/apikeys", key=key).status, 200)
        self.assertEqual(again.query(self.connection, key=key).status, 403)


if __name__ == "__main__":
    unittest.main()
