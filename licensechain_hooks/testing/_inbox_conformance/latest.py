"""Handlers that want only the newest event of a license."""

from datetime import datetime, timedelta

import pytest

from licensechain_hooks._entries import Claim, LedgerRow, RunState, Settlement
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._inbox_conformance.recording import LOOK_ALIKES
from licensechain_hooks.testing._inbox_conformance.suite import DAY, NOW, SECOND, InboxSuite

__all__ = ["LatestConformance"]

MICROSECOND = timedelta(microseconds=1)


class LatestConformance(InboxSuite):
    """`Inbox.is_stale` and what makes it true."""

    def about(self, inbox: Inbox, event_id: str, timestamp: datetime, license_id: str | None = "lic_1") -> Claim:
        """Record and claim an event of a license."""
        return self.claimed(inbox, event_id, event_timestamp=timestamp, license_id=license_id)

    def seen(self, inbox: Inbox, timestamp: datetime, *, state: RunState = "done", latest_only: bool = True) -> None:
        """The handler ``set_status`` has seen an event of the license ``lic_1``."""
        claim = self.about(inbox, f"seen_{timestamp.isoformat()}", timestamp)
        row = LedgerRow(handler="set_status", state=state, latest_only=latest_only)
        assert self.settle(inbox, claim, runs=(row,))

    @pytest.mark.parametrize(
        ("age", "stale"), [(SECOND, True), (MICROSECOND, True), (timedelta(0), False), (-MICROSECOND, False)]
    )
    def test_an_older_event_is_stale(self, age: timedelta, stale: bool, inbox: Inbox, other: Inbox) -> None:
        """Older than the newest that was seen is stale, to the microsecond; of the same time is not."""
        self.seen(inbox, NOW)
        claim = self.about(inbox, "evt_1", NOW - age)
        assert (inbox.is_stale(claim, "set_status"), other.is_stale(claim, "set_status")) == (stale, stale)

    def test_nothing_seen(self, inbox: Inbox) -> None:
        """The first event of a license is never stale."""
        assert not inbox.is_stale(self.about(inbox, "evt_1", NOW - DAY), "set_status")

    def test_other_handlers_and_licenses(self, inbox: Inbox) -> None:
        """What one handler has seen of one license says nothing of another of either, nor of none."""
        self.seen(inbox, NOW)
        older = NOW - DAY
        assert not inbox.is_stale(self.about(inbox, "evt_1", older), "other_handler")
        assert not inbox.is_stale(self.about(inbox, "evt_2", older, "lic_2"), "set_status")
        assert not inbox.is_stale(self.about(inbox, "evt_3", older, None), "set_status")

    def test_licenses_that_look_alike(self, inbox: Inbox) -> None:
        """Licenses are told apart by every character of their ids."""
        self.seen(inbox, NOW)
        claims = [self.about(inbox, f"evt_{number}", NOW - DAY, text) for number, text in enumerate(LOOK_ALIKES)]
        stale = [claim.license_id for claim in claims if inbox.is_stale(claim, "set_status")]
        assert stale == ["lic_1"]

    def test_the_newest_stays(self, inbox: Inbox) -> None:
        """An older event that finishes later does not set the mark back."""
        self.seen(inbox, NOW)
        self.seen(inbox, NOW - 2 * DAY)
        assert inbox.is_stale(self.about(inbox, "evt_1", NOW - DAY), "set_status")

    @pytest.mark.parametrize(("state", "latest_only"), [("failed", True), ("done", False)])
    def test_what_is_not_remembered(self, state: RunState, latest_only: bool, inbox: Inbox) -> None:
        """A handler that failed has not finished; one that wants every event leaves no mark."""
        self.seen(inbox, NOW, state=state, latest_only=latest_only)
        assert not inbox.is_stale(self.about(inbox, "evt_1", NOW - DAY), "set_status")

    def test_several_in_one_batch(self, inbox: Inbox) -> None:
        """Of several events of one license settled together the newest counts, whatever their order."""
        claims = [self.about(inbox, f"evt_{hours}", NOW - hours * DAY / 24) for hours in (3, 1, 2)]
        row = LedgerRow(handler="set_status", state="done", latest_only=True)
        assert (
            inbox.settle_many([Settlement(claim=claim, state="processed", runs=(row,)) for claim in claims])
            == [True] * 3
        )
        between = self.about(inbox, "evt_between", NOW - DAY / 24 - SECOND)
        newer = self.about(inbox, "evt_newer", NOW)
        assert [inbox.is_stale(claim, "set_status") for claim in (between, newer)] == [True, False]
