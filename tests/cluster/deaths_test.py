"""Nodes that die or stand still in the middle of a refresh, with the durations of production. All
cases are brought about before the first test, so that their waits pass together: the others take over
what they have watched for 95 seconds, and ask Salesforce after the quiet period."""
import time
import unittest

from nodes import eventually
from statements import CLAIM, SETTLE
from story import TOKEN, Together, copy_of, quiet_ledger

PATIENCE_S = 300
NAMES = ("before_sending", "processed", "not_processed", "journalled", "frozen_early",
         "frozen_late")


class Case:
    """One connection whose refresh goes wrong on one node."""

    def __init__(self, site, victim, name):
        self.site, self.victim = site, victim
        self.connection = site.connect(name)
        self.traps = self.caller = None

    def show(self):
        return self.site.nodes[-1].show(self.connection).json

    def settled(self):
        """Neither in flight at a dead node nor in doubt."""
        return eventually(lambda: self.show()["standing"] != "uncertain" and self.works() and
                          self.show(), PATIENCE_S, 1)

    def works(self):
        """Whether the survivor gives one answer or the other about it."""
        return self.site.nodes[-1].query(self.connection).status in (200, 409)


class Deaths(Together):
    node_count = len(NAMES) + 1   # the last one survives

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cases = {name: Case(cls.site, node, name)
                     for name, node in zip(NAMES, cls.site.nodes)}
        # One after the other: a fault of the emulator is taken by the next request.
        for name in NAMES:
            cls.site.emulator.expire_sessions()
            case = cls.cases[name]
            case.uses_before = len(cls.site.uses())
            getattr(cls, name)(case)
            case.since = time.monotonic()

    def setUp(self):
        pass  # what is broken stays broken

    @classmethod
    def begin(cls, case, what=None, how=None, **fault):
        if fault:
            cls.site.emulator.fault(TOKEN, **fault)
        if what:
            case.traps = cls.trap(case.victim, what, how)
        case.caller = cls.in_background(case.victim.query, case.connection)
        if what:
            assert case.traps.sprung(), "no refresh was begun"
        else:
            assert eventually(lambda: len(cls.site.uses()) > case.uses_before, 20)
            time.sleep(0.5)

    @classmethod
    def before_sending(cls, case):
        cls.begin(case, CLAIM, "hold")
        case.victim.kill()

    @classmethod
    def processed(cls, case):
        cls.begin(case, when="after", delay_ms=8000)
        case.victim.kill()

    @classmethod
    def not_processed(cls, case):
        cls.begin(case, when="before", delay_ms=8000, status=503)
        case.victim.kill()

    @classmethod
    def journalled(cls, case):
        cls.begin(case, SETTLE, "stall")
        case.victim.kill()
        case.journal = copy_of(case.victim.home / "journal")
        case.victim.start()

    @classmethod
    def frozen_early(cls, case):
        cls.begin(case, CLAIM, "hold")
        case.victim.freeze()
        case.traps.release()

    @classmethod
    def frozen_late(cls, case):
        cls.begin(case, when="after", delay_ms=3000)
        case.victim.freeze()

    def test_j5_a_node_that_died_after_the_claim_and_before_sending_costs_nothing(self):
        case = self.cases["before_sending"]
        self.assertTrue(case.settled(), case.show())
        self.assertEqual(case.show()["standing"], "active")
        self.assertEqual(self.site.nodes[-1].query(case.connection).status, 200)

    def test_j6_a_node_that_died_after_salesforce_had_processed_it_loses_that_grant(self):
        case = self.cases["processed"]
        self.assertTrue(case.settled(), case.show())
        shown = case.show()
        self.assertEqual((shown["standing"], shown["reason"]), ("reauth_required", "answer_lost"))
        self.assertEqual(self.site.nodes[-1].query(case.connection).status, 409)

    def test_j7_a_node_that_died_before_salesforce_processed_it_costs_nothing(self):
        case = self.cases["not_processed"]
        self.assertTrue(case.settled(), case.show())
        self.assertEqual(case.show()["standing"], "active")
        self.assertEqual(self.site.nodes[-1].query(case.connection).status, 200)

    def test_j8_an_answer_that_reached_the_journal_is_stored_by_the_next_start(self):
        case = self.cases["journalled"]
        self.assertTrue(case.journal, "the journal is empty")
        self.assertTrue(case.settled(), case.show())
        shown = case.show()
        self.assertEqual(shown["standing"], "active")
        self.assertGreaterEqual(shown["generation"], 2)
        self.assertEqual(self.site.nodes[-1].query(case.connection).status, 200)

    def test_j20_a_node_that_stood_still_between_claim_and_sending_sends_nothing_afterwards(self):
        case = self.cases["frozen_early"]
        self.assertTrue(case.settled(), case.show())
        self.assertEqual(case.show()["standing"], "active")
        before = len(self.site.uses())
        case.victim.thaw()
        self.assertTrue(eventually(case.victim.is_ready, 60))
        case.caller.join()
        time.sleep(3)
        self.assertEqual(len(self.site.uses()), before)

    def test_j21_an_answer_that_waited_in_a_stopped_node_restores_its_connection(self):
        case = self.cases["frozen_late"]
        self.assertTrue(case.settled(), case.show())
        shown = case.show()
        self.assertEqual((shown["standing"], shown["reason"]), ("reauth_required", "answer_lost"))
        case.victim.thaw()
        self.assertTrue(eventually(lambda: case.show()["standing"] == "active", 120, 0.5),
                        case.show())
        self.assertEqual(case.show()["generation"], 2)
        self.assertEqual(self.site.nodes[-1].query(case.connection).status, 200)

    def tearDown(self):
        quiet_ledger(self.site)


if __name__ == "__main__":
    unittest.main()
