"""Waking: an engine is told of one entry, and takes that one if it is due; a sweep finds those nobody was told of."""

from datetime import timedelta

import pytest

from licensechain_hooks._entries import Claim
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._inbox_conformance.suite import LEASE, SECOND, InboxSuite, SettledState, new_entry

__all__ = ["WakingConformance"]

GRACE = 30 * SECOND


class WakingConformance(InboxSuite):
    """`Inbox.claim_many` with a ``pk``, and `Inbox.due`."""

    def claim_one(self, inbox: Inbox, pk: int) -> list[Claim]:
        """Claim one entry, if it is due."""
        return inbox.claim_many(["default"], limit=1, lease=LEASE, pk=pk)

    def due(
        self, inbox: Inbox, limit: int = 100, grace: timedelta = timedelta(0), after: int | None = None
    ) -> list[int]:
        """What is due."""
        return inbox.due(["default"], limit=limit, grace=grace, after=after)

    def test_the_entry_asked_for(self, inbox: Inbox, other: Inbox) -> None:
        """The entry that is named is claimed as any other, however many are due before it."""
        pks = self.record(inbox, "evt_1", "evt_2", "evt_3")
        (claim,) = self.claim_one(other, pks[1])
        assert (claim.pk, claim.event_id, claim.attempts) == (pks[1], "evt_2", 1)
        assert inbox.extend_many([claim], lease=LEASE) == [True]
        assert [claim.pk for claim in self.claim(inbox)] == [pks[0], pks[2]]

    def test_it_tells_of_the_ledger(self, inbox: Inbox) -> None:
        """Which handlers have run is known in the next attempt."""
        pk = self.settled(inbox, "failed", runs=(self.done(),))
        (claim,) = self.claim_one(inbox, pk)
        assert (claim.attempts, claim.runs["lock_seat"].state) == (2, "done")

    def test_an_entry_that_is_not_there(self, inbox: Inbox) -> None:
        """A message may outlive its entry."""
        (pk,) = self.record(inbox, "evt_1")
        assert self.claim_one(inbox, pk + 1000) == []

    def test_an_entry_of_another_endpoint(self, inbox: Inbox) -> None:
        """A worker leaves entries of other endpoints alone, also when it is told of one."""
        (pk,) = self.record(inbox, "evt_1", endpoint="eu")
        assert self.claim_one(inbox, pk) == []
        assert inbox.claim_many([], limit=1, lease=LEASE, pk=pk) == []
        assert [claim.pk for claim in inbox.claim_many(["us", "eu"], limit=1, lease=LEASE, pk=pk)] == [pk]

    def test_a_copy_of_a_message(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """Of many who are told of one entry one gets it; the others nothing, until its lease ends."""
        (pk,) = self.record(inbox, "evt_1")
        claims = self.at_once(lambda number: self.claim_one((inbox, other)[number % 2], pk))
        assert [claim.pk for claim in claims] == [pk]
        clock.advance(LEASE - SECOND)
        assert self.claim_one(inbox, pk) == []
        clock.advance(SECOND)
        assert [claim.attempts for claim in self.claim_one(other, pk)] == [2]

    def test_a_message_that_comes_early(self, inbox: Inbox, clock: FrozenClock) -> None:
        """A message that comes early does not make an attempt come early."""
        pk = self.settled(inbox, "failed", delay=10 * SECOND)
        clock.advance(9 * SECOND)
        assert (self.claim_one(inbox, pk), self.due(inbox)) == ([], [])
        clock.advance(SECOND)
        assert self.due(inbox) == [pk]
        assert [claim.pk for claim in self.claim_one(inbox, pk)] == [pk]

    @pytest.mark.parametrize("state", ["processed", "dead", "ignored"])
    def test_what_is_finished(self, state: SettledState, inbox: Inbox, clock: FrozenClock) -> None:
        """A finished entry is never due again."""
        pk = self.settled(inbox, state)
        clock.advance(2 * LEASE)
        assert (self.claim_one(inbox, pk), self.due(inbox)) == ([], [])

    def test_not_before_its_turn(self, inbox: Inbox, other: Inbox) -> None:
        """An entry that an earlier one of its ordering key holds back is neither claimed nor due."""
        pks = self.record(inbox, "evt_1", "evt_2", ordering_key="lic_1")
        assert (self.claim_one(inbox, pks[1]), self.due(inbox)) == ([], pks[:1])
        (first,) = self.claim_one(inbox, pks[0])
        assert (self.claim_one(other, pks[1]), self.due(other)) == ([], [])
        self.settle(inbox, first)
        assert self.due(inbox) == pks[1:]
        assert [claim.pk for claim in self.claim_one(other, pks[1])] == pks[1:]

    def test_the_next_of_a_key(self, inbox: Inbox) -> None:
        """Who has finished an entry finds the one that it held back, and no other."""
        (first, second, _) = self.record(inbox, "evt_1", "evt_2", "evt_3", ordering_key="lic_1")
        self.record(inbox, "evt_4")
        self.record(inbox, "evt_5", ordering_key="lic_2")
        self.record(inbox, "evt_6", endpoint="eu", ordering_key="lic_1")
        (claim,) = self.claim_one(inbox, first)
        assert self.due(inbox, after=first) == []
        self.settle(inbox, claim)
        assert self.due(inbox, after=first) == [second]
        (claim,) = self.claim_one(inbox, second)
        assert self.due(inbox, after=first) == []

    def test_nothing_comes_after_an_entry_without_a_key(self, inbox: Inbox) -> None:
        """An entry without an ordering key, or one that is gone, holds nothing back."""
        (pk, _) = self.record(inbox, "evt_1", "evt_2")
        assert self.due(inbox, after=pk) == self.due(inbox, after=pk + 1000) == []

    def test_looking_changes_nothing(self, inbox: Inbox) -> None:
        """What is due stays due, for whoever claims it."""
        pks = self.record(inbox, "evt_1", "evt_2")
        before = [self.entry(inbox, pk) for pk in pks]
        assert self.due(inbox) == self.due(inbox) == pks
        assert [self.entry(inbox, pk) for pk in pks] == before

    def test_what_is_due_at_an_endpoint(self, inbox: Inbox) -> None:
        """A sweep finds the entries of its endpoints."""
        pks = [self.record(inbox, "evt_1", endpoint=endpoint)[0] for endpoint in ("eu", "us", "asia")]
        assert inbox.due(["us", "eu"], limit=10) == pks[:2]
        assert inbox.due([], limit=10) == inbox.due(["mars"], limit=10) == []

    def test_what_is_due_first(self, inbox: Inbox, clock: FrozenClock) -> None:
        """Under a limit those are found that became due first, then those that came first."""
        late = self.settled(inbox, "failed", "evt_1", delay=10 * SECOND)
        clock.advance(5 * SECOND)
        early = [one.pk for one in inbox.record_many([new_entry("evt_2"), new_entry("evt_3")])]
        clock.advance(10 * SECOND)
        assert self.due(inbox) == [*early, late]
        assert self.due(inbox, 2) == early

    def test_a_new_entry_is_left_for_its_message(self, inbox: Inbox, clock: FrozenClock) -> None:
        """For a while an entry nobody has attempted counts as enqueued; one that has come back does not."""
        failed = self.settled(inbox, "failed", "evt_1")
        (lost,) = self.record(inbox, "evt_2")
        self.claim_one(inbox, lost)
        clock.advance(LEASE)
        (new,) = self.record(inbox, "evt_3")
        assert sorted(self.due(inbox, grace=GRACE)) == sorted([failed, lost])
        clock.advance(GRACE - SECOND)
        assert new not in self.due(inbox, grace=GRACE)
        clock.advance(SECOND)
        assert self.due(inbox, grace=GRACE)[-1] == new
