"""Claiming: one worker at a time has an entry, and gets it back to others."""

import pytest

from licensechain_hooks._entries import Claim, EntryFilter
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._inbox_conformance.suite import LEASE, NOW, SECOND, InboxSuite, new_entry

__all__ = ["ClaimingConformance"]


class ClaimingConformance(InboxSuite):
    """`Inbox.claim_many`, `Inbox.extend_many`, `Inbox.release_many`."""

    def test_a_claim_tells_all(self, inbox: Inbox) -> None:
        """A worker learns from the claim whatever it needs, and the entry shows that it is being processed."""
        new = new_entry(license_id="lic_1")
        (recorded,) = inbox.record_many([new])
        (claim,) = self.claim(inbox)
        assert claim == Claim(
            pk=recorded.pk,
            token=claim.token,
            endpoint="default",
            event_id="evt_1",
            event_type="license.created",
            event_timestamp=new.event_timestamp,
            raw_body=new.raw_body,
            received_at=NOW,
            license_id="lic_1",
            attempts=1,
            runs={},
        )
        entry = self.entry(inbox, claim.pk)
        assert (entry.state, entry.attempts, entry.next_attempt_at) == ("processing", 1, NOW + LEASE)
        assert claim.token != ""

    def test_the_first_due_comes_first(self, inbox: Inbox, clock: FrozenClock) -> None:
        """Under a limit those are claimed that became due first, then those that came first."""
        (late,) = self.record(inbox, "evt_1")
        (claim,) = self.claim(inbox)
        self.settle(inbox, claim, "failed", delay=10 * SECOND)
        clock.advance(5 * SECOND)
        early = self.record(inbox, "evt_2", "evt_3")
        clock.advance(10 * SECOND)
        last = self.record(inbox, "evt_4")
        claims = [claim for _ in range(4) for claim in self.claim(inbox, 1)]
        assert [claim.pk for claim in claims] == [*early, late, *last]

    def test_the_limit(self, inbox: Inbox) -> None:
        """No more than ``limit`` are claimed, the others stay for the next."""
        pks = self.record(inbox, "evt_1", "evt_2", "evt_3")
        assert [claim.pk for claim in self.claim(inbox, 2)] == pks[:2]
        assert [claim.pk for claim in self.claim(inbox, 2)] == pks[2:]
        assert self.claim(inbox, 2) == []

    def test_only_the_endpoints_asked_for(self, inbox: Inbox) -> None:
        """A worker that serves some endpoints leaves the entries of others alone."""
        pks = [self.record(inbox, "evt_1", endpoint=endpoint)[0] for endpoint in ("eu", "us", "asia")]
        claims = inbox.claim_many(["us", "eu", "us"], limit=10, lease=LEASE)
        assert sorted(claim.pk for claim in claims) == sorted(pks[:2])
        assert inbox.claim_many(["mars"], limit=10, lease=LEASE) == []
        assert [claim.pk for claim in inbox.claim_many(["asia"], limit=10, lease=LEASE)] == pks[2:]

    def test_one_holder_at_a_time(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """What is claimed is nobody else's until its lease ends."""
        self.claimed(inbox)
        clock.advance(LEASE - SECOND)
        assert self.claim(inbox) == self.claim(other) == []

    def test_after_the_lease(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """A worker that died loses the entry at the end of its lease; the attempt it began has counted."""
        first = self.claimed(inbox)
        clock.advance(LEASE)
        (second,) = self.claim(other)
        assert (second.pk, second.attempts, second.token == first.token) == (first.pk, 2, False)
        clock.advance(LEASE)
        (third,) = self.claim(inbox)
        assert (third.attempts, len({first.token, second.token, third.token})) == (3, 3)

    def test_not_before_it_is_due(self, inbox: Inbox, clock: FrozenClock) -> None:
        """An entry that failed waits as long as it was told to."""
        pk = self.settled(inbox, "failed", delay=10 * SECOND)
        clock.advance(9 * SECOND)
        assert self.claim(inbox) == []
        clock.advance(SECOND)
        assert [(claim.pk, claim.attempts) for claim in self.claim(inbox)] == [(pk, 2)]

    def test_workers_at_once(self, inbox: Inbox, other: Inbox) -> None:
        """Of many workers in two processes no two get the same entry, and together they get all."""
        pks = [one.pk for one in inbox.record_many([new_entry(f"evt_{number}") for number in range(120)])]

        def work(thread: int) -> list[Claim]:
            mine: list[Claim] = []
            while claims := self.claim((inbox, other)[thread % 2], 7):
                mine += claims
            return mine

        claims = self.at_once(work)
        # Where rows that others are claiming are skipped, a worker may see nothing for a moment and stop.
        claims += self.claim(inbox, 200)
        assert sorted(claim.pk for claim in claims) == pks
        assert {claim.attempts for claim in claims} == {1}

    def test_extend(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """A lease that is extended lasts from now on; another worker waits for its new end."""
        claim = self.claimed(inbox)
        clock.advance(50 * SECOND)
        assert inbox.extend_many([claim], lease=LEASE) == [True]
        assert self.entry(inbox, claim.pk).next_attempt_at == NOW + 50 * SECOND + LEASE
        clock.advance(59 * SECOND)
        assert self.claim(other) == []
        clock.advance(SECOND)
        assert [claim.pk for claim in self.claim(other)] == [claim.pk]

    def test_extend_what_is_lost(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """Whether each claim is still held is told in order; a lost one is not taken back."""
        self.record(inbox, "evt_1", "evt_2", "evt_3")
        lost, held, settled = self.claim(inbox)
        inbox.extend_many([held], lease=2 * LEASE)
        self.settle(inbox, settled)
        clock.advance(LEASE)
        (again,) = self.claim(other)
        assert again.pk == lost.pk
        assert inbox.extend_many([lost, held, settled], lease=3 * LEASE) == [False, True, False]
        assert self.entry(inbox, lost.pk).next_attempt_at == NOW + 2 * LEASE
        assert other.extend_many([again], lease=LEASE) == [True]

    def test_release(self, inbox: Inbox, other: Inbox) -> None:
        """A claim that is given back is due at once, and its attempt does not count."""
        claim = self.claimed(inbox)
        inbox.release_many([claim])
        entry = self.entry(inbox, claim.pk)
        assert (entry.attempts, entry.next_attempt_at) == (0, NOW)
        assert entry.state == "received"
        (again,) = self.claim(other)
        assert (again.pk, again.attempts) == (claim.pk, 1)

    def test_release_of_a_later_attempt(self, inbox: Inbox, clock: FrozenClock) -> None:
        """Only the attempt that was not begun is taken back."""
        pk = self.settled(inbox, "failed", error_code="ValueError", error="no seat")
        clock.advance(SECOND)
        inbox.release_many(self.claim(inbox))
        entry = self.entry(inbox, pk)
        assert (entry.attempts, entry.error_code, entry.next_attempt_at) == (1, "ValueError", NOW + SECOND)
        assert [claim.attempts for claim in self.claim(inbox)] == [2]

    @pytest.mark.parametrize("ended", ["settled", "lost", "released"])
    def test_release_of_what_is_not_held(self, ended: str, inbox: Inbox, clock: FrozenClock) -> None:
        """Who no longer holds an entry cannot give it back."""
        claim = self.claimed(inbox)
        if ended == "settled":
            self.settle(inbox, claim)
        elif ended == "lost":
            clock.advance(LEASE)
            self.claim(inbox)
        else:
            inbox.release_many([claim])
        before = self.entry(inbox, claim.pk)
        inbox.release_many([claim])
        assert self.entry(inbox, claim.pk) == before

    def test_a_released_batch(self, inbox: Inbox) -> None:
        """A worker that stops gives back all it did not begin."""
        inbox.record_many([new_entry(f"evt_{number}") for number in range(50)])
        claims = self.claim(inbox)
        self.settle(inbox, claims[0])
        inbox.release_many(claims)
        assert inbox.count(EntryFilter(states=("received",))) == 49
        assert len(self.claim(inbox)) == 49
