"""Every command of docs/operating/high-availability.md, in its order, on the files of deploy/three-nodes."""
import os
import pathlib
import shlex
import subprocess
import unittest

from database_cluster import EXAMPLES, SUPERUSER, DatabaseCluster
from nodes import BINARY, RETURN_URL, clean, eventually
from story import Together

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs/operating/high-availability.md"


def commands():
    """The lines that begin with a prompt."""
    return [line[2:] for line in GUIDE.read_text().splitlines() if line.startswith("$ ")]


class Guide(Together):
    database_kind = DatabaseCluster
    node_count = 2

    def test_every_command_of_the_guide_works(self):
        for node in self.site.nodes:
            node.stop()
        self.node = self.site.nodes[0]
        self.node.config.write_text(self.example())
        found = commands()
        self.assertGreater(len(found), 8)
        for command in found:
            with self.subTest(command=command):
                self.obey(command)
        connection = self.connect()
        self.assertTrue(eventually(lambda: self.node.query(connection).status == 200, 30))

    def example(self):
        """deploy/three-nodes/latchkey.toml on this machine."""
        text = (EXAMPLES / "latchkey.toml").read_text()
        for written, here in {
                "https://connect.example.com": self.site.public_url,
                "0.0.0.0:8717": f"127.0.0.1:{self.node.port}",
                "127.0.0.1:8718": f"127.0.0.1:{self.node.operators_port}",
                "/etc/latchkey/dsn": str(self.node.home / "dsn"),
                "/var/lib/latchkey/journal": str(self.node.home / "journal"),
                "/etc/latchkey/master-key": str(self.site.master_key),
                "https://login.salesforce.com": self.site.salesforce_url,
                "3MVG9...": "latchkey-demo",
                "/etc/latchkey/client-secret": str(self.site.secret),
                "https://app.example.com/salesforce/done": RETURN_URL}.items():
            self.assertIn(written, text)
            text = text.replace(written, here)
        return text

    def obey(self, command):
        if command == "systemctl start latchkey":
            self.node.start()
            return
        if command == "systemctl restart latchkey":
            self.assertEqual(self.node.stop(), 0)
            self.node.start()
            return
        if command == "systemctl stop latchkey":
            self.assertEqual(self.node.stop(), 0)
            return
        if command.startswith("curl"):
            self.assertTrue(eventually(self.node.is_ready, 60), self.node.said()[-1000:])
        done = self.run_here(command)
        self.assertEqual(done.returncode, 0, (done.stdout[-800:], done.stderr[-800:]))
        if "switchover" in command:
            self.database.wait_all(180)

    def run_here(self, command):
        ports = ",".join(map(str, self.database.sql_ports()))
        hosts = f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={ports}"
        _, superuser, password = SUPERUSER
        user, secret = ((superuser, password) if f"user={superuser}" in command else
                        ("latchkey", "latchkey"))
        for written, here in {
                "/etc/patroni/config.yml": str(self.database.members[0].file),
                "host=db-a,db-b,db-c": hosts,
                # The test's own role and database are there already.
                "CREATE ROLE latchkey": "CREATE ROLE guide",
                "CREATE DATABASE latchkey OWNER latchkey": "CREATE DATABASE guide OWNER guide",
                "/etc/latchkey/latchkey.toml": str(self.node.config),
                "/backup/": f"{self.site.folder}/",
                "127.0.0.1:8718": f"127.0.0.1:{self.node.operators_port}"}.items():
            command = command.replace(written, here)
        words = shlex.split(command)
        if words[0] == "latchkey":
            words[0] = BINARY
        return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False,
                              env=clean({"PGPASSWORD": secret, "PATH": os.environ["PATH"],
                                         "LC_ALL": "C.UTF-8"}))


if __name__ == "__main__":
    unittest.main()
