"""Each verdict turns red for what it is there for."""
import pathlib
import tempfile
import types
import unittest

from relay import Refresh
from verdicts import excuse, honest, no_more_descriptors, quiet_ledger, sealed

QUIET = {"reuses": 0, "max_in_flight": 1}


def site(*, totals=None, uses=(), passed=(), dead=(), kept=None, home="."):
    node = types.SimpleNamespace(name="node1", dead=list(dead), home=home)
    return types.SimpleNamespace(
        nodes=[node], totals=lambda: totals or QUIET, uses=lambda: list(uses),
        salesforce=types.SimpleNamespace(refreshes=list(passed)), database_folders=list,
        emulator=types.SimpleNamespace(kept=lambda: kept))


def use(outcome="refreshed", handed_over=True):
    return {"grant": "grant-1", "token": "aa", "outcome": outcome, "handed_over": handed_over}


def refresh(sent, answered, lost=False):
    one = Refresh("aa")
    one.sent_at, one.answered_at, one.lost = sent, answered, lost
    return one


class Verdicts(unittest.TestCase):
    def test_a_reuse_and_two_uses_in_flight_are_seen(self):
        quiet_ledger(site())
        for wrong in ({"reuses": 1}, {"max_in_flight": 2}):
            with self.assertRaises(AssertionError):
                quiet_ledger(site(totals={**QUIET, **wrong}))

    def test_only_a_lost_answer_excuses_a_connection_that_was_given_up(self):
        given_up = {"c": {"standing": "reauth_required", "reason": "answer_lost"}}
        for there in (site(uses=[use(handed_over=False)]),
                      site(uses=[use()], passed=[refresh(10, 11, lost=True)]),
                      site(uses=[use()], passed=[refresh(10, 11)], dead=[(12, 20)]),
                      site(uses=[use()], passed=[refresh(10, 18)], dead=[(12, 20)])):
            self.assertEqual(sum(honest(there, given_up, {"c": "grant-1"}).values()), 1)
        for there in (site(), site(uses=[use("refused", False)]),
                      site(uses=[use()], passed=[refresh(10, 11)]),
                      site(uses=[use()], passed=[refresh(10, 11)], dead=[(15, 20)]),
                      site(uses=[use()], passed=[refresh(25, 26)], dead=[(12, 20)])):
            self.assertIsNone(excuse(there, "grant-1", there.uses()))
            with self.assertRaises(AssertionError):
                honest(there, given_up, {"c": "grant-1"})

    def test_another_reason_than_the_lost_answer_is_not_honest(self):
        ended = {"c": {"standing": "reauth_required", "reason": "token_expired"}}
        with self.assertRaises(AssertionError):
            honest(site(uses=[use(handed_over=False)]), ended, {"c": "grant-1"})

    def test_a_token_in_a_file_is_found_whatever_its_spelling(self):
        kept = {"sessions": [{"token": "00Dsecret!token"}], "spent": [], "grants": []}
        with tempfile.TemporaryDirectory() as home:
            sealed(site(kept=kept, home=home))
            (pathlib.Path(home) / "log").write_bytes(b"x " + b"00Dsecret!token".hex().encode())
            with self.assertRaises(AssertionError):
                sealed(site(kept=kept, home=home))

    def test_descriptors_that_stay_open_are_seen(self):
        no_more_descriptors({"a": 20}, {"a": 30})
        with self.assertRaises(AssertionError):
            no_more_descriptors({"a": 20}, {"a": 100})


if __name__ == "__main__":
    unittest.main()
