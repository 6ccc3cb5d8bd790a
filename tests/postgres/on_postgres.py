"""Servers on a PostgreSQL that tests/support/with_postgres.py has started; one database a test."""
import base64
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from latchkey_processes import Process, Server, Story, free_port, run  # noqa: E402

PLACE = os.environ["LATCHKEY_TEST_POSTGRES_SERVER"]
PSQL = "/usr/lib/postgresql/15/bin/psql"
REFUSED = 78
PASSWORD = "hush-hush-9b1f"


def psql(text, database="postgres"):
    """As the superuser; returns what was found."""
    done = subprocess.run([PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text,
                           f"{PLACE} dbname={database}"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


class Node(Process):
    """`latchkey server` with a file, and a key that may do everything."""

    def __init__(self, file, folder, name, key):
        super().__init__(["server", "--config", str(file)], folder, name)
        self.operators_url = self.ready["operators_url"]
        self.key = key

    call = Server.call
    operate = Server.operate
    show = Server.show
    query = Server.query


class OnPostgres(Story):
    databases = 0

    def setUp(self):
        super().setUp()
        OnPostgres.databases += 1
        self.database = f"server_{os.getpid()}_{OnPostgres.databases}"
        psql(f"CREATE DATABASE {self.database}")
        self.secret = self.private("secret", "latchkey-demo-secret\n")
        self.master_key = self.private("master-key", base64.b64encode(os.urandom(32)).decode())
        self.dsn = self.private("dsn", f"{PLACE} dbname={self.database}\n")

    def private(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def config(self, name="node", *, login_url="http://127.0.0.1:9", more="", store=None,
               journal=None):
        """One node's file; its journal has a folder of its own."""
        listen = f"127.0.0.1:{free_port()}"
        store = store or f'[store]\ndsn_file = "{self.dsn}"\n'
        journal = journal or f"{self.folder}/{name}.journal"
        return self.private(f"{name}.toml", (
            f'public_url = "http://{listen}"\n'
            f'[server]\nlisten = "{listen}"\noperators_listen = "127.0.0.1:0"\n{store}'
            f'[journal]\ndirectory = "{journal}"\n'
            f'[keys]\nmaster_key_file = "{self.master_key}"\n'
            f'[providers.salesforce]\nlogin_url = "{login_url}"\nclient_id = "latchkey-demo"\n'
            f'client_secret_file = "{self.secret}"\n'
            f'return_urls = ["http://127.0.0.1/done"]\n{more}'))

    def admin_key(self, file):
        made = run("apikeys", "create", "--config", file, "--permission", "admin", "--permission",
                   "connect", "--permission", "read", "--permission", "token", "--permission",
                   "proxy")
        self.assertEqual(made.returncode, 0, made)
        return made.stdout.decode().strip()

    def start_node(self, file, key, name="node"):
        return self.ended_with_test(Node(file, self.folder, name, key))

    def assert_no_start(self, file, status, *words, config_test=None):
        """A start is refused with these words, and the password is in none. `config_test`: whether
        that is known without connecting."""
        answer = run("server", "--config", file)
        said = answer.stderr.decode()
        self.assertEqual(answer.returncode, status, said)
        told = said.splitlines()[-1]
        for word in words:
            self.assertIn(word, told)
        self.assertEqual(answer.stdout, b"")
        self.assertNotIn(PASSWORD, said)
        if config_test is not None:
            tested = run("server", "--config", file, "--config-test")
            self.assertEqual(tested.returncode, REFUSED if config_test else 0, tested)
            self.assertNotIn(PASSWORD, tested.stderr.decode() + tested.stdout.decode())
