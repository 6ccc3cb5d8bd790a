"""The database fails over while servers refresh."""
import signal
import threading
import time
import unittest

from database_cluster import DatabaseCluster, send
from nodes import eventually
from story import TOKEN, Together


class WithoutLoss(Together):
    """A synchronous standby: what was acknowledged is there."""
    database_kind = DatabaseCluster
    node_count = 2

    def setUp(self):
        for member in self.database.members:
            member.thaw()
            if not member.running:
                self.database.restart(member)
        self.database.wait_all(180)
        super().setUp()

    def call_while(self, disturb):
        """Refreshes over and over at both nodes while the database is disturbed; gives the answers
        and then the seconds until a refresh worked again."""
        connections = [self.site.connect(f"{self.id()}-{n}") for n in range(8)]
        ending, answers = threading.Event(), []

        def ask(node, mine):
            while not ending.is_set():
                for connection in mine:
                    answers.append(node.query(connection).status)
                    ending.wait(0.05)

        callers = [threading.Thread(target=ask, args=(node, connections[place::2]), daemon=True)
                   for place, node in enumerate(self.site.nodes)]
        for caller in callers:
            caller.start()
        self.site.emulator.expire_sessions()
        disturb()
        self.site.emulator.expire_sessions()
        begun = time.monotonic()
        for connection in connections:
            self.assertTrue(eventually(
                lambda: self.site.nodes[0].query(connection).status == 200, 200, 0.5),
                self.site.nodes[0].query(connection))
        took = time.monotonic() - begun
        ending.set()
        for caller in callers:
            caller.join(90)
        for connection in connections:
            self.assertEqual(self.standing(self.site.nodes[1], connection), ("active", None))
        self.assertFalse(set(answers) - {200, 401, 429, 503}, set(answers))
        return took

    def test_a_primary_that_is_killed_costs_no_grant(self):
        self.call_while(lambda: (self.database.kill_primary(), self.database.wait_sync()))

    def test_a_primary_that_stands_still_costs_no_grant(self):
        self.call_while(lambda: (self.database.freeze_primary(), self.database.wait_sync()))

    def test_an_orderly_switch_costs_no_grant(self):
        self.call_while(self.database.switchover)

    def test_m6_a_database_that_takes_no_writes_makes_nodes_not_ready_until_it_does(self):
        connection = self.connect()
        node = self.site.nodes[0]
        primary, standby = self.database.wait_sync()
        others = [relay for relay, member in zip(node.database_relays, self.database.members)
                  if member is not standby]
        for relay in others:
            relay.leave()
        self.assertTrue(eventually(lambda: not node.is_ready(), 30))
        self.site.emulator.expire_sessions()
        before = len(self.site.uses())
        self.assertIn(node.query(connection).status, (401, 503))
        self.assertEqual(len(self.site.uses()), before)
        for relay in others:
            relay.leave(False)
        self.assertTrue(eventually(node.is_ready, 60), node.said()[-1000:])
        self.assertTrue(eventually(lambda: node.query(connection).status == 200, 60, 0.5))

    def test_j19_a_former_primary_that_nobody_told_lets_no_claim_through(self):
        primary, _ = self.database.wait_sync()
        connection = self.connect()
        # Its Patroni stands still and cannot make it read-only; it takes writes as before.
        send(primary.process.pid, signal.SIGSTOP)
        self.addCleanup(send, primary.process.pid, signal.SIGCONT)
        self.database.until(lambda: any(m is not primary and m.is_("primary")
                                        for m in self.database.members), "nobody was promoted")
        self.site.emulator.expire_sessions()
        for node in self.site.nodes:
            self.assertTrue(eventually(lambda: node.query(connection).status == 200, 200, 0.5),
                            node.query(connection))
        send(primary.process.pid, signal.SIGCONT)
        self.database.wait_all(180)
        self.assertEqual(self.standing(self.site.nodes[0], connection), ("active", None))


class WithLoss(Together):
    """Asynchronous replication: a fail-over forgets what the servers were told."""
    database_kind = DatabaseCluster
    node_count = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.configure(synchronous_mode=False, synchronous_mode_strict=False)
        cls.database.until(lambda: not cls.database.ask("SHOW synchronous_standby_names")[0],
                           "replication is still synchronous")

    def setUp(self):
        for member in self.database.members:
            if not member.running:
                self.database.restart(member)
        self.database.until(
            lambda: self.database.primary() and all(
                m is self.database.primary() or m.is_("replica") for m in self.database.members),
            "a node did not come back", 180)
        super().setUp()

    def fail_over(self, lose):
        primary = self.database.primary()
        primary.kill()
        lose()
        self.database.until(self.database.primary, "nobody was promoted", 120)

    def test_j16_a_rotation_that_a_fail_over_forgot_is_brought_back_from_the_journal(self):
        connection = self.connect()
        self.site.emulator.expire_sessions()
        time.sleep(2)  # the standbys have the connection by now
        lose = self.database.stop_replication()
        self.assertEqual(self.site.nodes[0].query(connection).status, 200)
        self.fail_over(lose)
        self.assert_comes_back(connection, 2)

    def test_j17_a_claim_that_a_fail_over_forgot_permits_no_second_use(self):
        connection = self.connect()
        self.site.emulator.expire_sessions()
        time.sleep(2)
        lose = self.database.stop_replication()
        before = len(self.site.uses())
        self.site.emulator.fault(TOKEN, when="before", delay_ms=20000)
        caller = self.in_background(self.site.nodes[0].query, connection)
        self.assertTrue(eventually(lambda: len(self.site.uses()) > before, 20))
        self.fail_over(lose)
        # The new primary shows the row as it was before the claim; nobody may believe it.
        answer = self.site.nodes[1].query(connection)
        self.assertIn(answer.status, (401, 503), answer)
        self.assertEqual(len(self.site.uses()) - before, 1)
        caller.join()
        self.assert_comes_back(connection, 2)

    def assert_comes_back(self, connection, generation):
        node = self.site.nodes[1]
        self.assertTrue(eventually(
            lambda: self.standing(node, connection) == ("active", None) and
            self.generation(node, connection) >= generation and
            node.query(connection).status == 200, 240, 0.5),
            (self.standing(node, connection), node.query(connection)))
        totals = self.site.totals()
        self.assertEqual((totals["reuses"], totals["max_in_flight"]), (0, 1), totals)


if __name__ == "__main__":
    unittest.main()
