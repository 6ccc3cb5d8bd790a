"""What an operator does when a secret may have been seen: other keys, and stopping all use."""
import json

from latchkey_processes import Story, eventually, run
from person import App

STOPPED = "stopped_by_operator"


class Safety(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.start()
        self.connections = [self.app.connect(f"user-{n}")["id"] for n in range(3)]

    def start(self):
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def command(self, *arguments):
        """A command of an operator against the running server."""
        done = run(*arguments, "--json", environment={
            "LATCHKEY_SERVER": self.server.operators_url,
            "LATCHKEY_API_KEY_FILE": str(self.server.key_file)})
        self.assertEqual(done.returncode, 0, done)
        return json.loads(done.stdout)

    def keys(self):
        return {key["id"]: key for key in self.command("keys", "list")["items"]}

    def standings(self):
        return [self.server.show(connection)["standing"] for connection in self.connections]

    def test_i6_the_sealing_key_is_changed_while_the_server_works(self):
        self.assertEqual(list(self.keys()), ["00000001"])
        added = self.command("keys", "change")
        self.assertEqual(added["stage"], "announced")
        self.assertTrue(eventually(lambda: self.keys()["00000001"]["tokens"] == 0, 20), self.keys())
        now = self.keys()[added["id"]]
        self.assertTrue(now["seals"])
        self.assertEqual(now["tokens"], 2 * len(self.connections))
        self.emulator.expire_sessions()
        for connection in self.connections:
            self.assertEqual(self.server.query(connection).status, 200)
        self.server.stop()
        self.start()
        for connection in self.connections:
            self.assertEqual(self.server.query(connection).status, 200)
        self.assertEqual(self.emulator.totals()["reuses"], 0)

    def test_the_master_key_is_changed_on_a_stopped_server(self):
        next_file = self.folder / "next-master-key"
        self.server.stop()
        done = run("keys", "change-master", "--data", self.server.data, "--to", next_file)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(next_file.stat().st_mode & 0o777, 0o600)
        refused = run("server", "--dev", "--data", self.server.data, "--listen", "127.0.0.1:0",
                      "--provider-url", self.emulator.url)
        self.assertEqual(refused.returncode, 78, refused)
        self.assertIn(b"The master key does not open this store's keys", refused.stderr)
        next_file.rename(self.server.data / "master-key")
        self.start()
        self.assertEqual(self.server.query(self.connections[0]).status, 200)

    def test_f14_a_kill_switch_stops_every_way_to_use_a_connection_at_once(self):
        one = self.connections[0]
        session = self.server.call("POST", f"/v1/connections/{one}/sessions").json
        path = "/services/data/v68.0/limits"
        lines = {"Authorization": f"Bearer {session['access_token']}"}
        self.assertEqual(self.server.query(one).status, 200)
        self.assertEqual(self.server.call("GET", path, headers=lines).status, 200)

        on = self.command("kill-switch", "on", "--reason", "a laptop was lost")
        self.assertFalse(on["revokes"])
        for refused in (self.server.query(one),
                        self.server.call("GET", f"/v1/connections/{one}/token"),
                        self.server.call("POST", f"/v1/connections/{one}/refresh"),
                        self.app.open_session("user-9")):
            self.assert_refused(refused, 503, STOPPED)
            self.assertIn("a laptop was lost", refused.json["message"])
            self.assertTrue(refused.headers["Retry-After"])
        self.assertEqual(self.server.call("GET", path, headers=lines).status, 503)
        self.assert_refused(self.server.call("POST", f"/v1/connections/{one}/sessions"), 503, STOPPED)
        self.assertEqual(self.server.call("GET", "/services/oauth2/userinfo", headers=lines).status, 503)
        self.assertEqual(self.command("kill-switch", "list")["items"], [on])
        self.assertEqual(self.server.show(one)["standing"], "active")

        # It is on after a restart, before anything is vended.
        self.server.stop()
        self.start()
        self.assert_refused(self.server.query(one), 503, STOPPED)
        self.command("kill-switch", "off")
        self.assertEqual(self.server.query(one).status, 200)
        self.assertEqual(self.command("kill-switch", "list")["items"], [])

    def test_f14_a_kill_switch_that_revokes_tells_salesforce_and_reports(self):
        self.command("kill-switch", "on", "--revoke", "--all")
        self.assertTrue(eventually(lambda: set(self.standings()) == {"revoked"}, 20),
                        self.standings())
        self.assertEqual(self.emulator.totals()["revocations"], len(self.connections))
        self.assertTrue(eventually(
            lambda: self.command("kill-switch", "list")["items"][0]["swept"], 20))
        # Who connects again when it is over has a connection again.
        self.command("kill-switch", "off")
        again = self.app.connect("user-0")["id"]
        self.assertEqual(self.server.query(again).status, 200)

    def test_cp44_a_server_that_is_killed_while_it_revokes_goes_on_at_its_next_start(self):
        self.emulator.fault("/services/oauth2/revoke", status=503, count=1000)
        self.command("kill-switch", "on", "--revoke", "--all")
        self.server.kill()
        self.emulator.control("DELETE", "faults")
        self.start()
        self.assertTrue(eventually(lambda: set(self.standings()) == {"revoked"}, 40),
                        self.standings())
        self.assert_refused(self.server.query(self.connections[0]), 503, STOPPED)

    def test_what_is_ordered_wrongly_is_refused_and_changes_nothing(self):
        for body, code in (({"provider": ""}, "invalid_field"), ({"revoke": "yes"}, "invalid_field"),
                           ({"reason": "x" * 201}, "invalid_reason"), ({"all": True}, "unknown_field")):
            answer = self.server.operate("POST", "/v1/kill-switches", body)
            self.assert_refused(answer, 400, code)
        answer = self.server.operate("POST", "/v1/kill-switches", {"provider": "nobody"})
        self.assert_refused(answer, 404, "unknown_provider")
        answer = self.server.operate("DELETE", "/v1/kill-switches")
        self.assert_refused(answer, 404, "kill_switch_not_found")
        for arguments in (("on", "--revoke"), ("on", "--provider", ""), ("off", "--provider", "")):
            done = run("kill-switch", *arguments, environment={
                "LATCHKEY_SERVER": self.server.operators_url,
                "LATCHKEY_API_KEY_FILE": str(self.server.key_file)})
            self.assertEqual(done.returncode, 2, done)
        weak = self.server.new_key("proxy")
        for target in ("/v1/kill-switches", "/v1/keys"):
            answer = self.server.operate("POST", target, key=weak)
            self.assert_refused(answer, 403, "permission_denied")
            self.assertEqual(self.server.call("GET", target).status, 404)
        self.assertEqual(self.server.query(self.connections[0]).status, 200)
