"""More callers than the server may open descriptors for."""
import http.client
import socket
import time
import unittest
import urllib.parse

from latchkey_processes import Story, eventually
from person import App

DESCRIPTORS = 128
CALLERS = 400
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Descriptors(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(
            self.emulator.url, through=["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"])
        self.place = urllib.parse.urlsplit(self.server.url)
        self.connection = None
        self.flood = []
        self.addCleanup(self.ebb)

    def ebb(self):
        for caller in self.flood:
            caller.close()
        self.flood.clear()

    def come(self, says):
        """Many callers, each of whom says this and then keeps his connection."""
        for _ in range(CALLERS):
            try:
                caller = socket.create_connection((self.place.hostname, self.place.port), timeout=10)
                self.flood.append(caller)
                caller.sendall(says)
            except ConnectionError:
                pass  # shed already

    def served_on(self, line):
        line.request("GET", f"/proxy/{self.connection}/services/data/v68.0/limits",
                     headers={"Authorization": f"Bearer {self.server.key}"})
        answer = line.getresponse()
        answer.read()
        return answer.status

    def lets_in(self):
        try:
            return self.server.query(self.connection).status == 200
        except ConnectionError:
            return False  # it has not noticed yet that the others have gone

    def test_l3_whatever_callers_come_there_are_descriptors_left_for_a_refresh(self):
        for says in (b"", b"GET /healthz HTTP/1.1\r\nHost:", HEALTH):
            with self.subTest(says=says):
                self.connection = App(self.server).connect(f"user of {len(says)} bytes")["id"]
                line = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=20)
                self.addCleanup(line.close)
                self.assertEqual(self.served_on(line), 200)
                refreshes = self.emulator.totals()["refreshes"]
                self.emulator.expire_sessions()
                self.come(says)
                self.assertEqual(self.served_on(line), 200)
                self.assertEqual(self.emulator.totals()["refreshes"], refreshes + 1)
                self.assertLess(self.server.descriptors, DESCRIPTORS - 32)
                used = self.server.processor_seconds
                time.sleep(1)
                self.assertLess(self.server.processor_seconds - used, 0.3)
                self.ebb()
                self.assertTrue(eventually(self.lets_in))

    def test_l3_callers_who_keep_idle_connections_do_not_keep_others_out(self):
        self.come(HEALTH)
        for _ in range(20):
            self.assertEqual(self.server.call("GET", "/healthz", timeout=10).status, 200)
        self.assertIn('"event":"descriptors_few"', self.server.stderr_file.read_text())


if __name__ == "__main__":
    unittest.main()
