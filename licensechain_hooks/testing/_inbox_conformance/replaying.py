"""Replay and discard: an operator lets entries run again, or gives them up."""

import pytest

from licensechain_hooks._entries import ENTRY_STATES, EntryFilter, EntryState, LedgerRow
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._inbox_conformance.suite import (
    EVERYTHING,
    LEASE,
    NOW,
    SECOND,
    InboxSuite,
    body_of,
    new_entry,
)

__all__ = ["ReplayingConformance"]

RUNS = (
    LedgerRow(handler="discarded", state="discarded"),
    LedgerRow(handler="done", state="done"),
    LedgerRow(handler="failed", state="failed", attempts=3),
    LedgerRow(handler="skipped", state="skipped"),
)


class ReplayingConformance(InboxSuite):
    """`Inbox.replay`, `Inbox.discard`."""

    def one_of_each(self, inbox: Inbox) -> dict[str, int]:
        """An entry in each state."""
        pks: dict[str, int] = {}
        for state in ("processed", "failed", "dead"):
            pks[state] = self.settled(inbox, state, f"evt_{state}", delay=600 * SECOND)
        (pks["ignored"],) = self.record(inbox, "evt_ignored", state="ignored")
        pks["processing"] = self.claimed(inbox, "evt_processing").pk
        pks["conflict"] = inbox.record_many([new_entry("evt_dead", raw_body=body_of(other=1))])[0].pk
        (pks["received"],) = self.record(inbox, "evt_received")
        return pks

    @pytest.mark.parametrize(
        ("force", "again"), [(False, {"failed", "dead"}), (True, {"failed", "dead", "processed", "ignored"})]
    )
    def test_which_entries(self, force: bool, again: set[EntryState], inbox: Inbox) -> None:
        """What gave up or waits is replayed; what is finished only by force; conflicts and what runs never."""
        pks = self.one_of_each(inbox)
        others = set(ENTRY_STATES) - again - {"received"}
        before = {state: self.entry(inbox, pks[state]) for state in others}
        assert inbox.count(EVERYTHING) == len(pks)
        assert inbox.replay(EntryFilter(states=tuple(again)), force=force) == len(again)
        for state in again:
            entry = self.entry(inbox, pks[state])
            assert (entry.attempts, entry.next_attempt_at, entry.done_at) == (0, NOW, None)
            assert entry.state == "received"
        assert inbox.replay(EntryFilter(states=tuple(others)), force=force) == 0
        assert {state: self.entry(inbox, pks[state]) for state in others} == before
        claims = self.claim(inbox)
        assert {claim.pk for claim in claims} == {pks[state] for state in again | {"received"}}
        assert {claim.attempts for claim in claims} == {1}

    @pytest.mark.parametrize("force", [False, True])
    def test_the_filter(self, force: bool, inbox: Inbox) -> None:
        """Only what the filter finds is replayed; nothing, where it finds nothing."""
        pks = [self.settled(inbox, "dead", event_id) for event_id in ("evt_1", "evt_2", "evt_3")]
        assert inbox.replay(EntryFilter(pks=()), force=force) == 0
        assert inbox.replay(EntryFilter(event_id="evt_other"), force=force) == 0
        assert inbox.replay(EntryFilter(pks=(pks[1],)), force=force) == 1
        assert [self.entry(inbox, pk).state for pk in pks] == ["dead", "received", "dead"]

    def test_handlers_that_succeeded_do_not_run_again(self, inbox: Inbox) -> None:
        """Those that failed do, and those that discarded the event: that is what a replay is for."""
        pk = self.settled(inbox, "dead", runs=RUNS)
        assert inbox.replay(EVERYTHING) == 1
        (claim,) = self.claim(inbox)
        finished = sorted(name for name, row in claim.runs.items() if row.is_finished)
        assert (claim.pk, finished) == (pk, ["done", "skipped"])

    @pytest.mark.parametrize("state", ["dead", "processed"])
    def test_by_force_all_handlers_run_again(self, state: str, inbox: Inbox) -> None:
        """After a replay by force no handler counts as finished."""
        self.settled(inbox, state, runs=RUNS)  # type: ignore[arg-type]
        assert inbox.replay(EVERYTHING, force=True) == 1
        (claim,) = self.claim(inbox)
        assert [name for name, row in claim.runs.items() if row.is_finished] == []

    def test_the_delay_of_a_failed_entry_ends(self, inbox: Inbox, clock: FrozenClock) -> None:
        """An entry that waits for its next attempt need not be waited for."""
        pk = self.settled(inbox, "failed", delay=3600 * SECOND)
        clock.advance(SECOND)
        inbox.replay(EVERYTHING)
        assert self.entry(inbox, pk).next_attempt_at == NOW + SECOND
        assert [claim.pk for claim in self.claim(inbox)] == [pk]

    def test_a_redelivery_after_a_replay(self, inbox: Inbox) -> None:
        """An entry that is replayed is still the one that its event's redeliveries are duplicates of."""
        pk = self.settled(inbox, "dead")
        inbox.replay(EVERYTHING)
        (verdict,) = inbox.record_many([new_entry()])
        assert (verdict.state, verdict.pk) == ("duplicate", pk)

    def test_many_at_once(self, inbox: Inbox) -> None:
        """Hundreds are replayed, and given up, in one call."""
        inbox.record_many([new_entry(f"evt_{number}", state="ignored") for number in range(600)])
        assert inbox.replay(EVERYTHING, force=True) == 600
        assert inbox.stats().due == 600
        assert inbox.discard(EVERYTHING) == 600
        assert inbox.stats().states["ignored"] == 600

    def test_discard(self, inbox: Inbox, clock: FrozenClock) -> None:
        """What waits or gave up is given up for good; what is finished, runs or conflicts stays as it is."""
        pks = self.one_of_each(inbox)
        gone: set[EntryState] = {"received", "failed", "dead"}
        before = {state: self.entry(inbox, pk) for state, pk in pks.items() if state not in gone}
        clock.advance(SECOND)
        assert inbox.discard(EVERYTHING) == 3
        for state in gone:
            entry = self.entry(inbox, pks[state])
            assert (entry.state, entry.next_attempt_at, entry.done_at) == ("ignored", None, NOW + SECOND)
        assert {state: self.entry(inbox, pk) for state, pk in pks.items() if state not in gone} == before
        clock.advance(600 * SECOND)
        assert [claim.pk for claim in self.claim(inbox)] == [pks["processing"]]

    def test_discard_keeps_to_the_filter(self, inbox: Inbox) -> None:
        """Only what the filter finds is given up."""
        pks = self.record(inbox, "evt_1", "evt_2")
        assert inbox.discard(EntryFilter(pks=())) == 0
        assert inbox.discard(EntryFilter(event_id="evt_2")) == 1
        assert [self.entry(inbox, pk).state for pk in pks] == ["received", "ignored"]

    def test_a_holder_goes_on(self, inbox: Inbox, other: Inbox) -> None:
        """Neither replay nor discard takes an entry from the worker that runs it."""
        claim = self.claimed(inbox)
        assert (other.replay(EVERYTHING, force=True), other.discard(EVERYTHING)) == (0, 0)
        assert inbox.extend_many([claim], lease=LEASE) == [True]
        assert self.settle(inbox, claim)
