"""What the stories of many nodes share: a database, a site on it, and words for what they look at."""
import http.client
import pathlib
import tempfile
import threading
import unittest

from database_cluster import DatabaseCluster, PlainDatabase, remove
from nodes import Site, eventually
from verdicts import quiet_ledger

TOKEN = "/services/oauth2/token"
HEARD_S = 5    # a node learns within so many seconds what another has done


class Together(unittest.TestCase):
    """All stories of a class use one site, each its own connections."""
    database_kind = PlainDatabase
    node_count = 3

    @classmethod
    def setUpClass(cls):
        folders = [tempfile.mkdtemp(prefix=f"latchkey-{name}-") for name in ("db", "site")]
        for folder in folders:
            cls.addClassCleanup(remove, folder)
        cls.database = cls.enterClassContext(cls.database_kind(folders[0]))
        cls.site = Site(folders[1], cls.database, cls.node_count)
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()

    def setUp(self):
        self.site.settle()
        for node in self.site.nodes:
            self.assertTrue(eventually(node.is_ready, 60), node.said()[-2000:])

    def tearDown(self):
        quiet_ledger(self.site)

    def connect(self):
        return self.site.connect(self.id())

    def generation(self, node, connection):
        return node.show(connection).json["generation"]

    def standing(self, node, connection):
        shown = node.show(connection)
        return (shown.json["standing"], shown.json.get("reason")) if shown.status == 200 else None

    def assert_everywhere(self, connection, generation):
        """Every node vends this generation, at the latest after the time in which nodes hear of
        each other."""
        for node in self.site.nodes:
            if node.up:
                self.assertTrue(
                    eventually(lambda: self.vended(node, connection) == generation, HEARD_S + 3),
                    (node.name, self.vended(node, connection), generation))

    def vended(self, node, connection):
        answer = node.token(connection)
        return answer.json["generation"] if answer.status == 200 else answer

    @staticmethod
    def in_background(act, *arguments):
        return Background(act, *arguments)

    @staticmethod
    def trap(node, what, how):
        """The same trap at every relay of a node: it may be connected to any host."""
        return Traps([relay.trap(what.fits, how) for relay in node.database_relays],
                     node.database_relays)


class Background:
    """One call in a thread; `answer` is what came of it, or the exception."""

    def __init__(self, act, *arguments):
        self.answer = None
        self.thread = threading.Thread(target=self._run, args=(act, *arguments), daemon=True)
        self.thread.start()

    def _run(self, act, *arguments):
        try:
            self.answer = act(*arguments)
        except (OSError, http.client.HTTPException) as failed:
            self.answer = failed

    def join(self, seconds=90):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "no answer"
        return self.answer


class Traps:
    """The first of several traps that springs disarms the others."""

    def __init__(self, traps, relays):
        self.traps, self.relays = traps, relays

    def sprung(self, seconds=20):
        found = eventually(lambda: [t for t in self.traps if t.sprung.is_set()], seconds)
        for relay, trap in zip(self.relays, self.traps):
            if trap not in (found or []):
                relay.disarm(trap)
        return bool(found)

    def release(self):
        for trap in self.traps:
            trap.release()


def copy_of(folder):
    """A folder's files with their modes, as a clone of a machine has them."""
    return {path.relative_to(folder): (path.read_bytes(), path.stat().st_mode)
            for path in pathlib.Path(folder).rglob("*") if path.is_file()}
