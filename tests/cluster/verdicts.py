"""What has to hold when the faults have stopped and everything has come to rest."""
import http.client
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from spelled import spellings  # noqa: E402

SETTLED_S = 300   # O7
ATTEMPT_S = 40    # no attempt lasts longer
# A node may die some moments after the answer has passed the relay and before it has journalled it.
UNJOURNALLED_S = 3
HONEST = ("active", "reauth_required")
MOST_TOKENS = 400            # looked for in files; the newest
MOST_MORE_DESCRIPTORS = 24   # connections of the pool and to callers come and go


def settle(site, connections, patience=SETTLED_S):
    """Waits until every connection is active or given up; returns their records and how long it
    took."""
    begun = time.monotonic()
    # A refresh under way is shown as active, and may have its fault before it.
    while any("ended" not in use for use in site.uses()) and time.monotonic() - begun < ATTEMPT_S:
        time.sleep(0.5)
    time.sleep(3)
    shown = {}
    waiting = list(connections)
    while waiting:
        for connection in list(waiting):
            node = site.nodes[len(waiting) % len(site.nodes)]
            try:
                answer = node.show(connection, timeout=20)
            except (OSError, http.client.HTTPException):
                continue
            if answer.status == 200:
                shown[connection] = answer.json
                if answer.json["standing"] in HONEST:
                    waiting.remove(connection)
        if waiting:
            left = {c: shown.get(c, {}).get("standing") for c in waiting[:5]}
            assert time.monotonic() - begun < patience, f"not settled: {left}"
            time.sleep(0.5)
    return shown, time.monotonic() - begun


def quiet_ledger(site):
    """O1 and O2."""
    totals = site.totals()
    assert totals["reuses"] == 0, f"a spent token was presented: {totals}"
    assert totals["max_in_flight"] <= 1, f"a token had two uses in flight: {totals}"
    return totals


def excuse(site, grant, uses):
    """O3: why the ledger bears out that the successor of this grant's token was lost; None if it
    does not."""
    processed = [use for use in uses if use["grant"] == grant and use["outcome"] == "refreshed"]
    if not processed:
        return None
    last = processed[-1]
    if not last.get("handed_over", False):
        return "not handed over"
    passed = [one for one in site.salesforce.refreshes if one.tag == last["token"]]
    if any(one.lost for one in passed):
        return "lost by the network"
    for node in site.nodes:
        for since, until in node.dead:
            for one in passed:
                answered = one.answered_at or time.monotonic()
                if one.sent_at <= until and since - UNJOURNALLED_S <= answered:
                    return f"{node.name} was dead or frozen"
    return None


def honest(site, shown, grants):
    """Each connection that was given up has a reason that the ledger bears out; counts by reason."""
    uses = site.uses()
    reasons = {}
    for connection, record in shown.items():
        if record["standing"] != "reauth_required":
            continue
        why = excuse(site, grants[connection], uses)
        assert record["reason"] == "answer_lost", f"{connection} ended: {record}"
        assert why, f"{connection} was given up without need: {record}"
        reasons[why] = reasons.get(why, 0) + 1
    return reasons


def usable(site, connections, patience=SETTLED_S):
    """O3: each of these answers a vend on every node, a refresh on one, and a call on every node. A
    refresh within a minute of the one before is refused as too soon, and asked for again."""
    end = time.monotonic() + patience
    waiting = list(connections)
    while waiting:
        for place, connection in enumerate(list(waiting)):
            node = site.nodes[place % len(site.nodes)]
            answer = node.refresh(connection)
            if answer.status == 200:
                waiting.remove(connection)
            else:
                assert answer.status in (429, 503), f"refresh of {connection}: {answer}"
        if waiting:
            assert time.monotonic() < end, f"no refresh: {waiting[:5]}"
            time.sleep(1)
    time.sleep(5.5)  # as long as a node may serve what another has replaced
    for connection in connections:
        generations = set()
        for node in site.nodes:
            vended = node.token(connection)
            assert vended.status == 200, f"vend of {connection} by {node.name}: {vended}"
            generations.add(vended.json["generation"])
            called = node.query(connection)
            assert called.status == 200, f"call with {connection} by {node.name}: {called}"
        assert len(generations) == 1, f"{connection} has generations {generations}"


class Forms:
    """Many texts, looked for together: tokens of one kind begin alike, so that their beginnings are few."""

    BEGINNING = 6

    def __init__(self, forms):
        self.forms = frozenset(forms)
        self.sizes = {}
        for form in self.forms:
            self.sizes.setdefault(form[:self.BEGINNING], set()).add(len(form))

    def stand_in(self, content):
        for beginning, sizes in self.sizes.items():
            at = content.find(beginning)
            while at >= 0:
                if any(content[at:at + size] in self.forms for size in sizes):
                    return True
                at = content.find(beginning, at + 1)
        return False


def sealed(site):
    """O6: no token stands readable in a file of a node, or of one node of the database."""
    kept = site.emulator.kept()
    tokens = ([one["token"] for one in kept["sessions"]] + [one["token"] for one in kept["spent"]] +
              [grant["refresh_token"] for grant in kept["grants"]])
    spelled = Forms(form for token in tokens[-MOST_TOKENS:] if token for form in spellings(token))
    folders = [node.home for node in site.nodes] + site.database_folders()
    for folder in folders:
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert not spelled.stand_in(path.read_bytes()), f"a token stands in {path}"


def descriptors(site):
    """O9: of each node."""
    return {node.name: len(os.listdir(f"/proc/{node.process.pid}/fd")) for node in site.nodes}


def no_more_descriptors(before, after):
    for name, count in after.items():
        assert count <= before[name] + MOST_MORE_DESCRIPTORS, f"{name}: {before[name]} to {count}"
