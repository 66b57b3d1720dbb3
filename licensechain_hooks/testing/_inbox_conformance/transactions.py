"""Transactional handlers: the claim, the handler's writes and its ledger row are one."""

from datetime import timedelta

import pytest

from licensechain_hooks._entries import LedgerRow
from licensechain_hooks._stores import Inbox
from licensechain_hooks.exceptions import LeaseLostError
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._inbox_conformance.suite import DAY, LEASE, NOW, SECOND, InboxSuite

__all__ = ["TransactionConformance"]


class _HandlerError(BaseException):
    """What a handler may raise; as with KeyboardInterrupt, it is no Exception."""


class TransactionConformance(InboxSuite):
    """`Inbox.transaction`."""

    def test_commit(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """When the body ends the row is in the ledger, for all to see; the claim is still held."""
        claim = self.claimed(inbox)
        with inbox.transaction(claim, self.done(attempts=2)) as transaction:
            assert not transaction.is_stale
        assert [(row.handler, row.state, row.attempts, row.done_at) for row in other.ledger(claim.pk)] == [
            ("lock_seat", "done", 2, NOW)
        ]
        assert self.entry(other, claim.pk).state == "processing"
        assert self.settle(inbox, claim, "failed", delay=timedelta(0))
        (again,) = self.claim(other)
        assert again.runs["lock_seat"].is_finished

    @pytest.mark.parametrize("error", [ValueError, _HandlerError])
    def test_rollback(self, error: type[BaseException], inbox: Inbox, clock: FrozenClock) -> None:
        """When the body raises nothing is written, the error goes on, and the claim is still held."""
        claim = self.claimed(inbox)
        with pytest.raises(error), inbox.transaction(claim, self.done()):
            raise error
        assert inbox.ledger(claim.pk) == []
        assert self.settle(inbox, claim, "failed", delay=SECOND)
        clock.advance(SECOND)
        assert [claim.runs for claim in self.claim(inbox)] == [{}]

    def test_several_handlers(self, inbox: Inbox) -> None:
        """Each transactional handler of an entry has a transaction to itself."""
        claim = self.claimed(inbox)
        for handler in ("a", "b"):
            with inbox.transaction(claim, self.done(handler)):
                pass
        with pytest.raises(ValueError, match="c fails"), inbox.transaction(claim, self.done("c")):
            raise ValueError("c fails")
        assert [row.handler for row in inbox.ledger(claim.pk)] == ["a", "b"]
        assert self.settle(inbox, claim)

    def test_a_second_attempt(self, inbox: Inbox, clock: FrozenClock) -> None:
        """The row of an attempt that failed is overwritten by the one that succeeds."""
        claim = self.claimed(inbox)
        self.settle(inbox, claim, "failed", runs=(LedgerRow(handler="lock_seat", state="failed"),))
        clock.advance(SECOND)
        (again,) = self.claim(inbox)
        with inbox.transaction(again, self.done(attempts=2)):
            pass
        assert [(row.state, row.attempts) for row in inbox.ledger(claim.pk)] == [("done", 2)]

    @pytest.mark.parametrize("ended", ["claimed by another", "settled", "released"])
    def test_a_lost_lease(self, ended: str, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """Who no longer holds the claim does not get in: the handler does not run, nothing is written."""
        claim = self.claimed(inbox)
        if ended == "claimed by another":
            clock.advance(LEASE)
            assert len(self.claim(other)) == 1
        elif ended == "settled":
            self.settle(inbox, claim)
        else:
            inbox.release_many([claim])
        before, ran = self.entry(inbox, claim.pk), []
        with pytest.raises(LeaseLostError), inbox.transaction(claim, self.done()):
            ran.append("the handler")
        assert (ran, inbox.ledger(claim.pk), self.entry(inbox, claim.pk)) == ([], [], before)

    def test_the_new_holder_goes_on(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """When a worker was too slow, the other's transaction holds, and the first can write no more."""
        slow = self.claimed(inbox)
        clock.advance(LEASE)
        (held,) = self.claim(other)
        with other.transaction(held, self.done()):
            pass
        with pytest.raises(LeaseLostError), inbox.transaction(slow, self.done(attempts=7)):
            pass
        assert not self.settle(inbox, slow)
        assert [row.attempts for row in inbox.ledger(held.pk)] == [1]
        assert self.settle(other, held)

    @pytest.mark.parametrize(
        ("age", "stale", "state"), [(DAY, True, "skipped"), (timedelta(0), False, "done"), (-DAY, False, "done")]
    )
    def test_only_the_latest(self, age: timedelta, stale: bool, state: str, inbox: Inbox) -> None:
        """A handler that has seen a newer event of the license is told so, and its row says that it was skipped."""
        row = self.done("set_status", latest_only=True)
        first = self.claimed(inbox, "evt_1", license_id="lic_1", event_timestamp=NOW)
        with inbox.transaction(first, row):
            pass
        second = self.claimed(inbox, "evt_2", license_id="lic_1", event_timestamp=NOW - age)
        with inbox.transaction(second, row) as transaction:
            assert transaction.is_stale is stale
        assert [found.state for found in inbox.ledger(second.pk)] == [state]
        third = self.claimed(inbox, "evt_3", license_id="lic_1", event_timestamp=max(NOW, NOW - age) - SECOND)
        assert inbox.is_stale(third, "set_status")

    def test_a_handler_of_every_event_is_never_stale(self, inbox: Inbox) -> None:
        """Only who asks for the latest is told what is not."""
        latest = self.done("set_status", latest_only=True)
        first = self.claimed(inbox, "evt_1", license_id="lic_1", event_timestamp=NOW)
        with inbox.transaction(first, latest):
            pass
        second = self.claimed(inbox, "evt_2", license_id="lic_1", event_timestamp=NOW - DAY)
        with inbox.transaction(second, self.done("set_status")) as transaction:
            assert not transaction.is_stale

    def test_rolled_back_is_not_seen(self, inbox: Inbox) -> None:
        """An event whose handler failed makes no older one stale."""
        claim = self.claimed(inbox, "evt_1", license_id="lic_1", event_timestamp=NOW)
        row = self.done("set_status", latest_only=True)
        with pytest.raises(ValueError, match="no"), inbox.transaction(claim, row):
            raise ValueError("no")
        older = self.claimed(inbox, "evt_2", license_id="lic_1", event_timestamp=NOW - DAY)
        assert not inbox.is_stale(older, "set_status")

    def test_what_the_handler_writes(self, inbox: Inbox, clock: FrozenClock) -> None:
        """The handler's writes are committed with its row, or rolled back with it, and once in all."""
        claim = self.claimed(inbox)
        with pytest.raises(ValueError, match="late"), inbox.transaction(claim, self.done()) as transaction:
            self.write(transaction, "rolled back")
            raise ValueError("late")
        assert self.written() == []
        with inbox.transaction(claim, self.done()) as transaction:
            self.write(transaction, "committed")
        assert self.written() == ["committed"]
        clock.advance(LEASE)
        self.claim(inbox)
        with pytest.raises(LeaseLostError), inbox.transaction(claim, self.done()) as transaction:
            self.write(transaction, "without a lease")
        assert self.written() == ["committed"]
