"""Starting, stopping, restarting, and refusing to start."""
import base64
import http.client
import os
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time
import unittest
import urllib.parse

from latchkey_processes import ANSWER_S, Process, Story, eventually, free_port, request, run
from person import App, Person

REFUSED = 78


class Restarts(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def restart(self, end=lambda server: server.stop()):
        end(self.server)
        self.server = self.start_server(self.emulator.url)
        self.app.server = self.server

    def test_connections_keys_and_generations_survive_a_restart(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.assertEqual(self.server.query(connection).status, 200)
        key = self.server.key
        reader = self.server.new_key("read")
        self.restart()
        self.assertEqual(self.server.key, key)
        self.assertEqual(self.server.call("GET", "/v1/connections", key=reader).status, 200)
        shown = self.server.show(connection)
        self.assertEqual((shown["standing"], shown["generation"]), ("active", 2))
        self.assertEqual(self.server.query(connection).status, 200)
        self.emulator.expire_sessions()
        self.assertEqual(self.server.query(connection).status, 200)
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (2, 0))

    def test_a_kill_between_calls_loses_nothing(self):
        connection = self.app.connect()["id"]
        for generation in (2, 3, 4):
            self.emulator.expire_sessions()
            self.assertEqual(self.server.query(connection).status, 200)
            self.restart(lambda server: server.kill())
            shown = self.server.show(connection)
            self.assertEqual((shown["standing"], shown["generation"]), ("active", generation))
        self.assertEqual(self.emulator.totals()["reuses"], 0)

    def test_a_login_outlives_a_restart_of_the_server(self):
        port = self.server.url.rsplit(":", 1)[1]
        person = Person()
        person.open(self.app.link())
        person.press()
        self.server.stop()
        self.server = self.start_server(self.emulator.url, listen=f"127.0.0.1:{port}")
        self.app.server = self.server
        person.log_in()
        self.server.stop()
        self.server = self.start_server(self.emulator.url, listen=f"127.0.0.1:{port}")
        self.app.server = self.server
        self.assertEqual(self.app.complete(person.fields).status, 201)

    def test_cp53_sigterm_finishes_the_refresh_under_way_and_ends_with_status_0(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.emulator.client(refresh_latency=1500)
        answers = []
        caller = threading.Thread(target=lambda: answers.append(self.server.query(connection)))
        caller.start()
        self.assertTrue(eventually(lambda: self.emulator.totals()["max_in_flight"] == 1))
        begun = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        caller.join()
        self.assertEqual(answers[0].status, 200, answers)
        self.restart()
        shown = self.server.show(connection)
        self.assertEqual((shown["standing"], shown["generation"]), ("active", 2))
        self.assertEqual(self.emulator.totals()["reuses"], 0)

    def test_j33_sigterm_finishes_a_refresh_whose_caller_has_gone(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.emulator.client(refresh_latency=2500)
        with self.assertRaises(TimeoutError):
            self.server.query(connection, timeout=0.5)
        self.assertEqual(self.emulator.totals()["max_in_flight"], 1)
        self.assertEqual(self.server.stop(), 0)
        self.restart(lambda server: None)
        shown = self.server.show(connection)
        self.assertEqual((shown["standing"], shown["generation"]), ("active", 2))
        self.assertEqual(self.emulator.totals()["reuses"], 0)

    def test_sigterm_does_not_wait_for_idle_callers(self):
        parts = urllib.parse.urlsplit(self.server.url)
        lines = []
        for _ in range(3):
            line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
            line.request("GET", "/healthz")
            line.getresponse().read()
            lines.append(line)
        begun = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - begun, 5)
        for line in lines:
            line.close()

    def test_i18_a_second_server_on_the_same_store_refuses(self):
        refused = run("server", "--dev", "--listen", "127.0.0.1:0", "--data", self.server.data,
                      "--provider-url", self.emulator.url)
        self.assertEqual(refused.returncode, REFUSED, refused)
        self.assertEqual(refused.stdout, b"")
        self.assertIn(b"latchkey", refused.stderr)
        self.assertEqual(request(self.server.url, "GET", "/healthz").status, 200)
        self.assertEqual(self.server.call("GET", "/v1/connections").status, 200)

    def test_i14_files_are_for_their_owner_alone(self):
        self.app.connect()
        for path in self.server.data.rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            self.assertEqual(mode & 0o077, 0, f"{path.name} has mode {mode:o}")
        self.assertEqual(stat.S_IMODE(self.server.data.stat().st_mode) & 0o077, 0)

    def test_i5_a_wrong_or_missing_master_key_is_refused_and_nothing_is_overwritten(self):
        connection = self.app.connect()["id"]
        self.server.stop()
        key_file = self.server.data / "master-key"
        key = key_file.read_bytes()
        for other in (base64.b64encode(os.urandom(32)) + b"\n", b"short\n", None):
            if other is None:
                key_file.unlink()
            else:
                key_file.write_bytes(other)
            refused = run("server", "--dev", "--listen", "127.0.0.1:0", "--data",
                          self.server.data, "--provider-url", self.emulator.url)
            self.assertEqual(refused.returncode, REFUSED, (other, refused))
        self.assertFalse(key_file.exists(), "no new key beside old data")
        key_file.write_bytes(key)
        key_file.chmod(0o600)
        self.restart(lambda server: None)
        self.assertEqual(self.server.query(connection).status, 200)

    def test_without_a_provider_url_the_server_brings_its_own_emulator(self):
        data = self.folder / "alone"
        server = self.ended_with_test(Process(
            ["server", "--dev", "--listen", "127.0.0.1:0", "--data", str(data)],
            self.folder, "alone"))
        key = (data / "admin-key").read_text().strip()
        opened = request(server.url, "POST", "/v1/connect/sessions",
                         {"end_user": "u", "return_url": "http://127.0.0.1:9/done"},
                         {"Authorization": f"Bearer {key}"})
        fields = Person().connect(opened.json["connect_url"])
        done = request(server.url, "POST", f"/v1/connect/sessions/{fields['flow']}/complete",
                       {"ticket": fields["ticket"], "end_user": "u"},
                       {"Authorization": f"Bearer {key}"})
        self.assertEqual(done.status, 201, done)
        self.assertEqual(server.stop(), 0)


class Configuration(Story):
    def setUp(self):
        super().setUp()
        self.secret = self.private("secret", "s3cret\n")
        self.master_key = self.private("master-key", base64.b64encode(os.urandom(32)).decode())

    def private(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def config(self, *, public_url="https://connect.example.com", more="", provider=""):
        text = (f'public_url = "{public_url}"\n'
                '[server]\nlisten = "127.0.0.1:0"\n'
                f'[store]\npath = "{self.folder}/latchkey.db"\n'
                f'[keys]\nmaster_key_file = "{self.master_key}"\n'
                '[providers.salesforce]\nclient_id = "3MVG9"\n'
                f'client_secret_file = "{self.secret}"\n'
                'return_urls = ["https://app.example.com/done"]\n'
                f'{provider}\n{more}\n')
        return self.private("latchkey.toml", text)

    def refused(self, file, *words, arguments=()):
        for extra in (["--config-test"], []):
            answer = run("server", "--config", file, *extra, *arguments)
            said = answer.stderr.decode()
            self.assertEqual(answer.returncode, REFUSED, said)
            for word in words:
                self.assertIn(word, said)
            self.assertEqual(answer.stdout, b"")
            self.assertFalse((self.folder / "latchkey.db").exists(), "nothing half started")

    def test_a_good_file_passes_the_test_and_starts(self):
        file = self.config()
        tested = run("server", "--config", file, "--config-test")
        self.assertEqual(tested.returncode, 0, tested)
        self.assertFalse((self.folder / "latchkey.db").exists())
        server = self.ended_with_test(Process(["server", "--config", str(file)],
                                              self.folder, "server"))
        self.assertEqual(server.ready["url"], "https://connect.example.com")
        operators = server.ready["operators_url"]
        self.assertTrue(eventually(
            lambda: request(operators, "GET", "/readyz").status == 200))
        self.assertEqual(server.stop(), 0)

    def test_m1_an_unknown_key_is_refused_with_file_line_and_the_nearest_name(self):
        file = self.config(more="[server.more]\nlissten = 1")
        self.refused(file, f"{file}:", "lissten")
        file = self.config(provider='client_idd = "x"')
        lines = file.read_text().splitlines()
        number = lines.index('client_idd = "x"') + 1
        self.refused(file, f"{file}:{number}: ", "client_idd", "providers.{provider}.client_id")

    def test_m1_what_is_not_toml_is_refused_with_its_line(self):
        file = self.private("latchkey.toml", 'public_url = "https://a.example"\n[server\n')
        self.refused(file, f"{file}:2")

    def test_m1_a_secret_that_others_may_read_is_refused(self):
        self.secret.chmod(0o644)
        file = self.config()
        self.refused(file, str(self.secret), f"{file}:")

    def test_m1_a_master_key_that_is_none_and_tls_files_that_are_none_are_refused(self):
        self.master_key.write_text("not a key\n")
        self.refused(self.config(), "master key")
        self.master_key.unlink()
        self.refused(self.config(), "master key", "openssl rand")
        self.master_key = self.private("master-key", "00" * 32 + "\n")
        nowhere = self.folder / "nowhere.pem"
        file = self.config()
        text = file.read_text().replace(
            "[store]", f'tls_certificate_file = "{nowhere}"\ntls_key_file = "{nowhere}"\n[store]')
        self.refused(self.private("latchkey.toml", text), str(nowhere))

    def certificate(self):
        """A certificate and its key, made anew; each file is put in its place as a whole."""
        made = [self.folder / "new.pem", self.folder / "new.key"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out", made[0],
                        "-keyout", made[1]], check=True, capture_output=True)
        made[0].rename(self.folder / "server.pem")
        made[1].rename(self.folder / "server.key")
        return (self.folder / "server.pem").read_text()

    def test_m4_m2_a_renewed_certificate_is_taken_up_and_a_broken_one_is_not(self):
        first = self.certificate()
        port = free_port()
        text = self.config().read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}", 1).replace(
            "[store]", f'tls_certificate_file = "{self.folder}/server.pem"\n'
                       f'tls_key_file = "{self.folder}/server.key"\n'
                       'operators_listen = "127.0.0.1:0"\n[store]')
        server = self.ended_with_test(Process(
            ["server", "--config", str(self.private("latchkey.toml", text))], self.folder, "server"))

        def shown():
            return ssl.get_server_certificate(("127.0.0.1", port), timeout=ANSWER_S).strip()

        def hang_up_and_read(event):
            server.process.send_signal(signal.SIGHUP)
            return eventually(lambda: event in server.stderr_file.read_text())

        self.assertEqual(shown(), first.strip())
        kept = ssl._create_unverified_context().wrap_socket(  # pylint: disable=protected-access
            socket.create_connection(("127.0.0.1", port), ANSWER_S))
        self.addCleanup(kept.close)
        second = self.certificate()
        self.assertTrue(hang_up_and_read('"certificate_renewed"'))
        self.assertEqual(shown(), second.strip())
        (self.folder / "server.pem").write_text("-----BEGIN CERTIFICATE-----\n")
        self.assertTrue(hang_up_and_read('"certificate_refused"'))
        # Every loop has a listener of its own, and the kernel chooses among them.
        self.assertEqual({shown() for _ in range(10)}, {second.strip()})
        # Who was there before goes on.
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: connect.example.com\r\n\r\n")
        self.assertTrue(kept.recv(4096).startswith(b"HTTP/1.1 200"))
        self.assertEqual(server.stop(), 0)

    def test_m1_plain_http_for_browsers_is_refused(self):
        self.refused(self.config(public_url="http://connect.example.com"), "https")

    def test_m1_plain_http_or_a_foreign_host_as_login_is_refused(self):
        for url in ("http://login.salesforce.com", "https://salesforce.com.evil.example"):
            file = self.config(provider=f'login_url = "{url}"')
            self.refused(file, "login")

    def test_m1_missing_settings_are_named_all_at_once(self):
        file = self.private("latchkey.toml", "[server]\nlisten = \"127.0.0.1:0\"\n")
        self.refused(file, "public_url", "store.path", "keys.master_key_file", "provider")

    def test_m1_a_missing_file_and_an_unknown_variable_are_refused(self):
        answer = run("server", "--config", self.folder / "nowhere.toml")
        self.assertEqual(answer.returncode, REFUSED, answer)
        self.assertIn(b"nowhere.toml", answer.stderr)
        answer = run("server", "--config", self.config(), "--config-test",
                     environment={"LATCHKEY_SERVER_LISSTEN": "x"})
        self.assertEqual(answer.returncode, REFUSED, answer)
        self.assertIn(b"LATCHKEY_SERVER_LISSTEN", answer.stderr)

    def test_dev_refuses_a_listener_that_others_can_reach(self):
        for listen in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            answer = run("server", "--dev", "--listen", listen, "--data", self.folder / "data",
                         "--provider-url", "http://127.0.0.1:9")
            self.assertEqual(answer.returncode, REFUSED, answer)
            self.assertIn(b"loopback", answer.stderr)

    def test_a_port_in_use_is_refused_by_name(self):
        emulator = self.start_emulator()
        taken = emulator.url[len("http://"):]
        port = taken.split(":")[1]
        answer = run("emulator", "--listen", taken)
        self.assertEqual(answer.returncode, REFUSED, answer)
        self.assertIn(port.encode(), answer.stderr)
        answer = run("server", "--dev", "--listen", taken, "--data", self.folder / "data",
                     "--provider-url", emulator.url)
        self.assertEqual(answer.returncode, REFUSED, answer)
        self.assertIn(port.encode(), answer.stderr)


if __name__ == "__main__":
    unittest.main()
