"""Purging: bodies first, then entries; what a person has to look at stays."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from licensechain_hooks._entries import EntryFilter, Purged, Recorded
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._inbox_conformance.suite import (
    DAY,
    EVERYTHING,
    NOW,
    SECOND,
    InboxSuite,
    body_of,
    new_entry,
)

__all__ = ["PurgingConformance"]

KEPT, REMEMBERED = 30 * DAY, 35 * DAY


class PurgingConformance(InboxSuite):
    """`Inbox.purge`."""

    @pytest.fixture
    def inbox(self, clock: FrozenClock) -> Inbox:
        """An inbox that keeps bodies for 30 days, and events for 35."""
        return self.make_inbox(clock, retention=REMEMBERED, payload_retention=KEPT)

    def purge(self, inbox: Inbox) -> Purged:
        """Purge to the end."""
        *_, last = itertools.chain([Purged()], inbox.purge())
        return last

    def finished(self, inbox: Inbox) -> dict[str, int]:
        """An entry in each state that needs nobody any more."""
        pks = {"processed": self.settled(inbox, "processed", "evt_1", runs=(self.done(),))}
        (pks["ignored"],) = self.record(inbox, "evt_2", state="ignored")
        pks["conflict"] = inbox.record_many([new_entry("evt_1", raw_body=body_of("evt_1", other=1))])[0].pk
        return pks

    def test_retention(self, inbox: Inbox) -> None:
        """An inbox says how long it remembers."""
        assert inbox.retention == REMEMBERED

    def test_nothing_before_its_time(self, inbox: Inbox, clock: FrozenClock) -> None:
        """What is younger than the retention stays whole."""
        self.finished(inbox)
        before = inbox.entries(EVERYTHING)
        clock.advance(KEPT - SECOND)
        assert (self.purge(inbox), inbox.entries(EVERYTHING)) == (Purged(), before)

    def test_a_clock_that_was_set_back(self, inbox: Inbox, clock: FrozenClock) -> None:
        """An event that arrived before the clock was set back is remembered for its whole time since then."""
        clock.advance(2 * DAY)
        claim = self.claimed(inbox)
        clock.advance(-2 * DAY)
        assert self.settle(inbox, claim)
        clock.advance(REMEMBERED + DAY)
        assert self.purge(inbox) == Purged(payloads=1)
        clock.advance(DAY + SECOND)
        assert self.purge(inbox) == Purged(entries=1)

    def test_marks_of_the_latest(self, inbox: Inbox, clock: FrozenClock) -> None:
        """Which event of a license was the latest is forgotten once an older one could not be accepted any more."""
        row = self.done("set_status", latest_only=True)
        newest = self.claimed(inbox, "evt_1", license_id="lic_1", event_timestamp=NOW)
        older = self.claimed(inbox, "evt_2", license_id="lic_1", event_timestamp=NOW - DAY)
        assert self.settle(inbox, newest, runs=(row,))
        clock.advance(REMEMBERED)
        self.purge(inbox)
        assert inbox.is_stale(older, "set_status")
        clock.advance(SECOND)
        self.purge(inbox)
        assert not inbox.is_stale(older, "set_status")

    def test_payloads(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """Bodies and headers go first; what is left tells that the event was there."""
        pks = self.finished(inbox)
        clock.advance(KEPT + SECOND)
        assert self.purge(inbox) == Purged(payloads=3, entries=0)
        for state, pk in pks.items():
            entry = self.entry(other, pk)
            assert (entry.state, entry.raw_body, entry.headers) == (state, None, {})
            assert (entry.purged_at, entry.received_at) == (NOW + KEPT + SECOND, NOW)
        assert [row.handler for row in inbox.ledger(pks["processed"])] == ["lock_seat"]
        assert self.purge(inbox) == Purged()

    def test_a_redelivery_of_a_purged_event(self, inbox: Inbox, clock: FrozenClock) -> None:
        """While an event is remembered its redelivery is a duplicate; what it said can no longer be compared."""
        pk = self.settled(inbox)
        clock.advance(KEPT + SECOND)
        self.purge(inbox)
        assert inbox.record_many([new_entry()]) == [Recorded("duplicate", pk)]
        assert inbox.record_many([new_entry(raw_body=body_of(other=1))]) == [Recorded("duplicate", pk)]
        assert (inbox.count(EVERYTHING), self.claim(inbox)) == (1, [])

    def test_entries(self, inbox: Inbox, clock: FrozenClock) -> None:
        """In the end an entry goes with its ledger, and its event would be new."""
        pks = self.finished(inbox)
        clock.advance(REMEMBERED + SECOND)
        assert self.purge(inbox).entries == 3
        assert (inbox.count(EVERYTHING), inbox.ledger(pks["processed"])) == (0, [])
        (verdict,) = inbox.record_many([new_entry()])
        assert (verdict.state, verdict.pk in pks.values()) == ("new", False)
        (claim,) = self.claim(inbox)
        assert (claim.pk, claim.runs) == (verdict.pk, {})

    def test_payloads_and_then_entries(self, inbox: Inbox, clock: FrozenClock) -> None:
        """An entry whose body is purged already goes when its own time has come."""
        self.finished(inbox)
        clock.advance(KEPT + SECOND)
        self.purge(inbox)
        clock.advance(REMEMBERED - KEPT)
        assert self.purge(inbox) == Purged(payloads=0, entries=3)
        assert inbox.count(EVERYTHING) == 0

    def test_what_is_not_finished_stays(self, inbox: Inbox, clock: FrozenClock) -> None:
        """Dead letters stay until somebody has looked, and what still runs or waits until it is finished."""
        for state in ("dead", "failed"):
            self.settled(inbox, state, f"evt_{state}", delay=9999 * DAY)
        self.claimed(inbox, "evt_processing")
        self.record(inbox, "evt_received")
        before = inbox.entries(EVERYTHING)
        clock.advance(1000 * DAY)
        assert (self.purge(inbox), inbox.entries(EVERYTHING)) == (Purged(), before)

    def test_a_body_is_kept_from_the_end(self, inbox: Inbox, clock: FrozenClock) -> None:
        """An entry that was long under way keeps its body as long after it was finished as any other."""
        (pk,) = self.record(inbox, "evt_1")
        clock.advance(4 * DAY)
        (claim,) = self.claim(inbox)
        self.settle(inbox, claim)
        clock.advance(KEPT - SECOND)
        assert self.purge(inbox) == Purged()
        clock.advance(2 * SECOND)
        assert self.purge(inbox) == Purged(payloads=1)
        assert self.entry(inbox, pk).raw_body is None

    def test_a_dead_letter_that_was_given_up(self, inbox: Inbox, clock: FrozenClock) -> None:
        """Once somebody has discarded it, it goes like any other finished entry."""
        self.settled(inbox, "dead")
        clock.advance(1000 * DAY)
        assert (self.purge(inbox), inbox.discard(EVERYTHING)) == (Purged(), 1)
        clock.advance(REMEMBERED + SECOND)
        assert (self.purge(inbox).entries, inbox.count(EVERYTHING)) == (1, 0)

    def test_payloads_that_somebody_wants_gone(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """Told to, an inbox deletes the bodies of these entries now, dead letters' too, and of no others."""
        pks = self.finished(inbox) | {"dead": self.settled(inbox, "dead", "evt_dead")}
        (left,) = self.record(inbox, "evt_left", state="ignored")
        clock.advance(SECOND)
        wanted = EntryFilter(pks=tuple(pks.values()))
        assert (inbox.purge_payloads(wanted), inbox.purge_payloads(wanted)) == (4, 0)
        for state, pk in pks.items():
            entry = self.entry(other, pk)
            assert (entry.state, entry.raw_body, entry.headers, entry.purged_at) == (state, None, {}, NOW + SECOND)
        assert self.entry(other, left).raw_body == body_of("evt_left")
        assert inbox.replay(wanted, force=True) == 0

    def test_payloads_that_are_needed_stay(self, inbox: Inbox, clock: FrozenClock) -> None:
        """An entry that waits or runs keeps its body, whoever asks."""
        self.settled(inbox, "failed", "evt_failed", delay=DAY)
        self.claimed(inbox, "evt_processing")
        self.record(inbox, "evt_received")
        before = inbox.entries(EVERYTHING)
        assert (inbox.purge_payloads(EVERYTHING), inbox.entries(EVERYTHING)) == (0, before)

    @pytest.mark.parametrize("force", [False, True])
    def test_no_replay_without_a_payload(self, force: bool, inbox: Inbox, clock: FrozenClock) -> None:
        """There is nothing left to run."""
        self.finished(inbox)
        clock.advance(KEPT + SECOND)
        self.purge(inbox)
        assert inbox.replay(EVERYTHING, force=force) == 0
        assert self.claim(inbox) == []

    @pytest.mark.parametrize(
        ("settings", "purged", "left"),
        [
            ({"retention": None, "payload_retention": None}, Purged(), 1),
            ({"retention": None, "payload_retention": KEPT}, Purged(payloads=1), 1),
        ],
    )
    def test_for_ever(self, settings: dict[str, Any], purged: Purged, left: int, clock: FrozenClock) -> None:
        """An inbox may keep everything, or remember the events and not their bodies."""
        inbox = self.make_inbox(clock, **settings)
        self.settled(inbox)
        clock.advance(3650 * DAY)
        assert (self.purge(inbox), inbox.count(EVERYTHING), inbox.retention) == (purged, left, None)

    def test_bodies_that_go_at_once(self, clock: FrozenClock) -> None:
        """Who may not keep personal data can let bodies go as soon as their entry is finished."""
        inbox = self.make_inbox(clock, payload_retention=timedelta(0))
        pk = self.settled(inbox)
        self.record(inbox, "evt_2")
        clock.advance(SECOND)
        assert self.purge(inbox) == Purged(payloads=1)
        assert self.entry(inbox, pk).raw_body is None
        assert len(self.claim(inbox)) == 1

    def test_in_pieces(self, inbox: Inbox, clock: FrozenClock) -> None:
        """A purge tells how far it has come, may be broken off, and goes on from there."""
        total = 2300
        for first in range(0, total, 100):
            batch = [new_entry(f"evt_{number}", state="ignored") for number in range(first, first + 100)]
            inbox.record_many(batch)
        clock.advance(KEPT + SECOND)
        begun = next(iter(inbox.purge()))
        assert 0 < begun.payloads < total
        rest = list(inbox.purge())
        assert rest == sorted(rest, key=lambda purged: (purged.payloads, purged.entries))
        assert begun.payloads + rest[-1].payloads == total
        assert inbox.count(EntryFilter(states=("ignored",))) == total
        clock.advance(REMEMBERED)
        begun = next(iter(inbox.purge()))
        assert 0 < begun.entries < total
        assert (begun.entries + self.purge(inbox).entries, inbox.count(EVERYTHING)) == (total, 0)
