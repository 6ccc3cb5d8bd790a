"""No token, key or secret stands readable in anything that the server leaves behind."""
import pathlib
import re
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from latchkey_processes import Story, eventually, request, run  # noqa: E402
from person import App, Person  # noqa: E402
from spelled import spellings  # noqa: E402


class Secrecy(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url, "--verbose")
        self.app = App(self.server)
        self.secrets = {"latchkey-demo-secret"}

    def remember_tokens(self):
        kept = self.emulator.kept()
        self.secrets |= {g["refresh_token"] for g in kept["grants"] if g["refresh_token"]}
        self.secrets |= {s["token"] for s in kept["sessions"]}

    def remember_way(self, person):
        """Links, states, codes, tickets and cookies of a login."""
        for _, url, _ in person.trail:
            link = re.search(r"/connect/([^?]+)", url)
            if link:
                self.secrets.add(link.group(1))
            self.secrets |= set(re.findall(r"[?&](?:state|code|ticket)=([^&]+)", url))
        self.secrets.add(person.fields.get("ticket", "none-was-given"))
        self.secrets |= {v for n, v in person.cookies["127.0.0.1"].items() if n.startswith("lk-")}

    def files(self):
        return [p for p in [*self.server.data.rglob("*"), self.server.stdout_file,
                            self.server.stderr_file] if p.is_file()]

    def test_i1_and_n1_nothing_readable_is_left_by_a_whole_life(self):
        people = [Person(), Person()]
        made = [self.app.connect(f"user-{i}", person)["id"] for i, person in enumerate(people)]
        self.remember_tokens()
        for person in people:
            self.remember_way(person)
        self.emulator.expire_sessions()
        for connection in made:
            self.assertEqual(self.server.query(connection).status, 200)
        self.remember_tokens()
        vended = self.server.call("GET", f"/v1/connections/{made[0]}/token").json["access_token"]
        self.assertIn(vended, self.secrets, "the emulator's file tells the tokens")

        # Errors, too: a refused login, a lost answer, a wrong secret, a key in the query.
        refused = Person()
        self.app.complete(refused.connect(self.app.link("user-9")), "somebody-else")
        self.remember_way(refused)
        self.emulator.expire_sessions()
        self.emulator.fault("/services/oauth2/token", when="after", cut_at=200)
        self.server.query(made[0])
        self.emulator.client(secret="changed")
        self.server.query(made[1])
        self.emulator.client(secret="latchkey-demo-secret")
        self.server.call("GET", f"/v1/connections?api_key={self.server.key}", key="")
        self.server.call("DELETE", f"/v1/connections/{made[1]}")
        eventually(lambda: self.server.show(made[1])["standing"] == "revoked")
        self.remember_tokens()
        extra = self.server.new_key("read")
        metrics = request(self.server.operators_url, "GET", "/metrics").body

        self.server.kill()
        secrets = {s for s in self.secrets if len(s) > 15}
        self.assertGreater(len(secrets), 12, "links, states, codes, tickets and tokens")
        admin_key, master_key = self.server.data / "admin-key", self.server.data / "master-key"
        secrets |= {extra, extra.split("_", 2)[2], self.server.key.split("_", 2)[2],
                    master_key.read_text().strip()}
        contents = {p: p.read_bytes() for p in self.files() if p not in (admin_key, master_key)}
        contents[pathlib.Path("metrics")] = metrics
        self.assertIn("latchkey.db", {p.name for p in contents})
        self.assertGreater(sum(map(len, contents.values())), 10000)
        for secret in secrets:
            for form in spellings(secret):
                for path, content in contents.items():
                    self.assertNotIn(form, content, f"{path.name} holds {secret[:6]}…")

    def test_the_search_would_find_what_the_store_keeps_in_the_open(self):
        connection = self.app.connect("user-in-the-open")
        self.server.stop()
        found = b"".join(p.read_bytes() for p in self.files())
        self.assertIn(spellings(connection["org_id"])[0], found)
        self.assertIn(spellings("user-in-the-open")[0], found)

    def test_i2_a_flipped_bit_takes_one_connection_down_and_no_other(self):
        made = [self.app.connect(f"user-{i}")["id"] for i in range(2)]
        self.server.stop()
        store = sqlite3.connect(self.server.data / "latchkey.db")
        with store:
            sealed = bytearray(store.execute(
                "SELECT access_token FROM grants WHERE connection = ?", (made[0],)).fetchone()[0])
            sealed[len(sealed) // 2] ^= 1
            store.execute("UPDATE grants SET access_token = ? WHERE connection = ?",
                          (bytes(sealed), made[0]))
        store.close()
        self.server = self.start_server(self.emulator.url)
        self.assert_refused(self.server.query(made[0]), 409, "quarantined")
        self.assertEqual(self.server.show(made[0])["reason"], "corrupt")
        self.assertEqual(self.server.query(made[1]).status, 200)

    def test_i3_tokens_exchanged_between_two_connections_are_noticed(self):
        made = [self.app.connect(f"user-{i}")["id"] for i in range(2)]
        self.server.stop()
        store = sqlite3.connect(self.server.data / "latchkey.db")
        with store:
            kept = dict(store.execute("SELECT connection, access_token FROM grants"))
            for one, other in (made, reversed(made)):
                store.execute("UPDATE grants SET access_token = ? WHERE connection = ?",
                              (kept[other], one))
        store.close()
        self.server = self.start_server(self.emulator.url)
        for connection in made:
            self.assert_refused(self.server.query(connection), 409, "quarantined")

    def test_f13_programs_print_no_secret(self):
        told = run("emulator", "--print-config")
        self.assertEqual(told.returncode, 0)
        self.assertIn(b"latchkey-demo-secret", told.stdout, "all of it is make-believe")
        self.app.connect()
        said = self.server.stdout_file.read_bytes() + self.server.stderr_file.read_bytes()
        for secret in (self.server.key, "latchkey-demo-secret"):
            self.assertNotIn(secret.encode(), said)
        command_line = pathlib.Path(f"/proc/{self.server.process.pid}/cmdline").read_bytes()
        self.assertNotIn(b"secret", command_line)


if __name__ == "__main__":
    unittest.main()
