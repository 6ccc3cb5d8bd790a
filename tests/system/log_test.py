"""A log that nobody reads: it costs records, and nobody waits for it."""
import http.client
import json
import os
import re
import threading
import time
import unittest
import urllib.parse

from latchkey_processes import Story

KEPT_RECORDS = 8192


class BlockedLog(Story):
    def setUp(self):
        super().setUp()
        self.reading, self.writing = os.pipe()
        for end in (self.reading, self.writing):
            self.addCleanup(os.close, end)
        # Full before the server writes its first record.
        os.set_blocking(self.writing, False)
        try:
            while os.write(self.writing, b"-" * 4096):
                pass
        except BlockingIOError:
            pass
        os.set_blocking(self.writing, True)
        emulator = self.start_emulator(keeps=False)
        self.server = self.start_server(emulator.url, "--verbose", stderr=self.writing)

    def ask_often(self, times):
        """So many requests, each of which leaves a record; the slowest one's seconds."""
        place = urllib.parse.urlsplit(self.server.url)
        line = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
        self.addCleanup(line.close)
        slowest = 0
        for _ in range(times):
            began = time.monotonic()
            line.request("GET", "/healthz")
            answer = line.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
            slowest = max(slowest, time.monotonic() - began)
        return slowest

    def dropped(self):
        metrics = self.server.operate("GET", "/metrics").text
        return int(re.search(r"^latchkey_log_records_dropped_total (\d+)$", metrics, re.M).group(1))

    def test_l9_records_are_dropped_and_counted_no_call_waits_and_the_server_ends(self):
        self.assertEqual(self.dropped(), 0)
        self.assertLess(self.ask_often(KEPT_RECORDS + 500), 5)
        self.assertGreater(self.dropped(), 100)
        began = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)

    def test_l9_whoever_begins_to_read_again_finds_whole_records_to_the_last(self):
        self.ask_often(KEPT_RECORDS + 500)
        text = bytearray()

        def read_to_the_end():
            while b"server_stopping" not in text:
                text.extend(os.read(self.reading, 65536))

        reader = threading.Thread(target=read_to_the_end, daemon=True)
        reader.start()
        self.assertEqual(self.server.stop(), 0)
        reader.join(20)
        self.assertFalse(reader.is_alive(), text[-300:])
        lines = text.decode().lstrip("-").splitlines()
        self.assertGreater(len(lines), KEPT_RECORDS - 10)
        for line in lines:
            self.assertIn("event", json.loads(line))


if __name__ == "__main__":
    unittest.main()
