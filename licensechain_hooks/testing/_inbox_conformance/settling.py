"""Settling: who holds the claim writes how it ended, and nobody else."""

import pytest

from licensechain_hooks._entries import LedgerRow, Settlement
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._inbox_conformance.suite import (
    LEASE,
    NOW,
    SECOND,
    TEXTS,
    InboxSuite,
    SettledState,
    new_entry,
)

__all__ = ["SettlingConformance"]


class SettlingConformance(InboxSuite):
    """`Inbox.settle_many` and the ledger."""

    @pytest.mark.parametrize("state", ["processed", "dead", "ignored"])
    def test_an_entry_is_finished(self, state: SettledState, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """What is settled for good is never claimed again."""
        claim = self.claimed(inbox)
        clock.advance(SECOND)
        assert self.settle(inbox, claim, state)
        entry = self.entry(other, claim.pk)
        assert (entry.state, entry.attempts, entry.next_attempt_at) == (state, 1, None)
        assert entry.done_at == NOW + SECOND
        clock.advance(LEASE)
        assert self.claim(other) == []

    def test_an_entry_that_failed(self, inbox: Inbox) -> None:
        """An entry that failed keeps why, and is due again after its delay."""
        pk = self.settled(inbox, "failed", delay=90 * SECOND, error_code="ValueError", error="no seat: Å\U0001f600")
        entry = self.entry(inbox, pk)
        assert (entry.state, entry.attempts, entry.done_at) == ("failed", 1, None)
        assert entry.next_attempt_at == NOW + 90 * SECOND
        assert (entry.error_code, entry.error) == ("ValueError", "no seat: Å\U0001f600")

    def test_the_longest_error(self, inbox: Inbox) -> None:
        """An error of 2000 characters is kept whole, whichever characters they are."""
        pk = self.settled(inbox, "dead", error_code="E" * 100, error="\U0001f600" * 2000)
        entry = self.entry(inbox, pk)
        assert (entry.error_code, entry.error == "\U0001f600" * 2000) == ("E" * 100, True)

    def test_errors_of_any_texts(self, inbox: Inbox) -> None:
        """Errors and names of handlers may be any texts, also in a batch."""
        self.record(inbox, *(f"evt_{number}" for number in range(len(TEXTS))))
        claims = self.claim(inbox)
        told = dict(zip((claim.pk for claim in claims), TEXTS, strict=True))
        settlements = [
            Settlement(
                claim=claim,
                state="failed",
                error_code=told[claim.pk],
                error=told[claim.pk],
                runs=(LedgerRow(handler=told[claim.pk], state="failed"),),
            )
            for claim in claims
        ]
        assert inbox.settle_many(settlements) == [True] * len(TEXTS)
        for pk, text in told.items():
            entry = self.entry(inbox, pk)
            assert (entry.error_code, entry.error, [row.handler for row in inbox.ledger(pk)]) == (text, text, [text])

    def test_the_last_error_stays(self, inbox: Inbox, clock: FrozenClock) -> None:
        """An attempt that succeeds does not hide why the one before it failed."""
        pk = self.settled(inbox, "failed", error_code="ValueError", error="no seat")
        clock.advance(SECOND)
        (claim,) = self.claim(inbox)
        self.settle(inbox, claim)
        entry = self.entry(inbox, pk)
        assert (entry.state, entry.error_code, entry.error) == ("processed", "ValueError", "no seat")

    def test_a_long_delay(self, inbox: Inbox) -> None:
        """A fraction of a second counts, and so do many days."""
        delay = 400 * 86400 * SECOND + SECOND / 4
        pk = self.settled(inbox, "failed", delay=delay)
        assert self.entry(inbox, pk).next_attempt_at == NOW + delay

    @pytest.mark.parametrize("state", ["processing", "processed", "failed", "dead", "ignored"])
    def test_a_worker_that_lost_its_lease(
        self, state: SettledState, inbox: Inbox, other: Inbox, clock: FrozenClock
    ) -> None:
        """What it writes changes nothing: neither the entry nor the ledger; the new holder goes on."""
        lost = self.claimed(inbox)
        clock.advance(LEASE)
        (held,) = self.claim(other)
        before = self.entry(inbox, lost.pk)
        assert not self.settle(inbox, lost, state, error_code="late", runs=(self.done(),))
        assert (self.entry(inbox, lost.pk), inbox.ledger(lost.pk)) == (before, [])
        assert self.settle(other, held, runs=(self.done("other"),))
        assert [row.handler for row in inbox.ledger(lost.pk)] == ["other"]

    @pytest.mark.parametrize("state", ["processed", "failed", "dead", "ignored"])
    def test_settled_once(self, state: SettledState, inbox: Inbox) -> None:
        """A claim ends with its settlement: a second one changes nothing."""
        claim = self.claimed(inbox)
        assert self.settle(inbox, claim, state)
        before = self.entry(inbox, claim.pk)
        assert not self.settle(inbox, claim, "dead", error_code="twice", runs=(self.done(),))
        assert (self.entry(inbox, claim.pk), inbox.ledger(claim.pk)) == (before, [])

    def test_a_checkpoint_is_of_the_ledger_alone(self, inbox: Inbox) -> None:
        """While the claim goes on, only the ledger is written: of the entry's error nothing is known yet."""
        claim = self.claimed(inbox)
        before = self.entry(inbox, claim.pk)
        assert self.settle(inbox, claim, "processing", error_code="early", error="not the end", runs=(self.done(),))
        assert self.entry(inbox, claim.pk) == before
        assert [row.handler for row in inbox.ledger(claim.pk)] == ["lock_seat"]

    def test_a_released_claim_settles_nothing(self, inbox: Inbox) -> None:
        """A claim that was given back is no longer held."""
        claim = self.claimed(inbox)
        inbox.release_many([claim])
        assert not self.settle(inbox, claim)
        assert self.entry(inbox, claim.pk).state == "received"

    def test_a_batch_of_all_kinds(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """In one batch each settlement stands for itself, and each is told whether it was held."""
        self.record(inbox, "evt_1", "evt_2", "evt_3", "evt_4")
        one, two, three, four = self.claim(inbox)
        inbox.extend_many([one, three, four], lease=2 * LEASE)
        clock.advance(LEASE)
        assert [claim.pk for claim in self.claim(other)] == [two.pk]
        settled = inbox.settle_many(
            [
                Settlement(claim=one, state="processed", runs=(self.done("a"), self.done("b"))),
                Settlement(claim=two, state="processed", runs=(self.done("a"),)),
                Settlement(claim=three, state="failed", delay=SECOND, error_code="E", error="three"),
                Settlement(claim=four, state="processing", runs=(self.done("a"),)),
            ]
        )
        assert settled == [True, False, True, True]
        entries = [self.entry(inbox, claim.pk) for claim in (one, two, three, four)]
        assert [entry.state for entry in entries] == ["processed", "processing", "failed", "processing"]
        assert [entry.error for entry in entries] == ["", "", "three", ""]
        ledgers = [[row.handler for row in inbox.ledger(claim.pk)] for claim in (one, two, three, four)]
        assert ledgers == [["a", "b"], [], [], ["a"]]

    def test_a_large_batch_is_settled(self, inbox: Inbox) -> None:
        """Hundreds are settled in one call, each with its ledger."""
        inbox.record_many([new_entry(f"evt_{number}") for number in range(300)])
        claims = self.claim(inbox, 300)
        batch = [Settlement(claim=claim, state="processed", runs=(self.done(),)) for claim in claims]
        assert inbox.settle_many(batch) == [True] * 300
        assert inbox.stats().states["processed"] == 300
        assert {len(inbox.ledger(claim.pk)) for claim in claims[::50]} == {1}

    def test_the_ledger(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """The ledger has a row for each handler, by name, and the next claim brings it along."""
        name = "shop.webhooks." + "h" * 200
        rows = (
            LedgerRow(handler=name, state="done", attempts=1),
            LedgerRow(handler="discards", state="discarded", attempts=2),
            LedgerRow(handler="fails", state="failed", attempts=3),
            LedgerRow(handler="skips", state="skipped", attempts=4),
        )
        pk = self.settled(inbox, "failed", runs=rows)
        found = other.ledger(pk)
        assert [(row.handler, row.state, row.attempts) for row in found] == sorted(
            (row.handler, row.state, row.attempts) for row in rows
        )
        assert {row.handler: row.done_at for row in found if row.is_finished} == {
            name: NOW,
            "discards": NOW,
            "skips": NOW,
        }
        clock.advance(SECOND)
        (claim,) = self.claim(other)
        assert claim.runs == {row.handler: row for row in found}

    def test_a_handler_has_one_row(self, inbox: Inbox, clock: FrozenClock) -> None:
        """A handler that runs again for the same entry overwrites its row."""
        pk = self.settled(inbox, "failed", runs=(LedgerRow(handler="a", state="failed"), self.done("b")))
        clock.advance(SECOND)
        (claim,) = self.claim(inbox)
        self.settle(inbox, claim, runs=(self.done("a", attempts=2),))
        assert [(row.handler, row.state, row.attempts, row.done_at) for row in inbox.ledger(pk)] == [
            ("a", "done", 2, NOW + SECOND),
            ("b", "done", 1, NOW),
        ]

    def test_handlers_that_look_alike(self, inbox: Inbox) -> None:
        """Handlers are told apart by every character of their names."""
        names = ["Lock", "lock", "lock_", "lock%", "löck"]
        pk = self.settled(inbox, runs=tuple(self.done(name) for name in names))
        assert [row.handler for row in inbox.ledger(pk)] == sorted(names)

    def test_a_checkpoint(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """``processing`` writes the ledger and keeps the claim: after a crash the next holder sees the rows."""
        claim = self.claimed(inbox)
        before = self.entry(inbox, claim.pk)
        assert self.settle(inbox, claim, "processing", runs=(self.done("a"),))
        assert self.settle(inbox, claim, "processing", runs=(self.done("b"),))
        assert self.entry(inbox, claim.pk) == before
        assert self.claim(other) == []
        clock.advance(LEASE)
        (again,) = self.claim(other)
        assert (set(again.runs), again.attempts) == ({"a", "b"}, 2)

    def test_a_checkpoint_before_the_end(self, inbox: Inbox) -> None:
        """After a checkpoint the claim is settled as ever."""
        claim = self.claimed(inbox)
        self.settle(inbox, claim, "processing", runs=(self.done("a"),))
        assert self.settle(inbox, claim, runs=(self.done("b"),))
        assert [row.handler for row in inbox.ledger(claim.pk)] == ["a", "b"]
        assert self.entry(inbox, claim.pk).state == "processed"

    def test_entries_have_their_own_ledgers(self, inbox: Inbox) -> None:
        """The same handler has a row for each entry; an entry that is not there has none."""
        first, second = (self.settled(inbox, event_id=event_id, runs=(self.done(),)) for event_id in ("evt_1", "evt_2"))
        assert [len(inbox.ledger(pk)) for pk in (first, second, second + 1000)] == [1, 1, 0]
