"""What an operator sees: entries, counts, numbers."""

from typing import Any

import pytest

from licensechain_hooks._entries import ENTRY_STATES, EntryFilter
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

__all__ = ["LookingConformance"]

# Five entries: the number of each, and what is told of it.
GIVEN: dict[str, dict[str, Any]] = {
    "evt_1": {"event_type": "license.created", "license_id": "lic_1"},
    "evt_2": {"event_type": "license.revoked", "license_id": "lic_2", "endpoint": "eu"},
    "evt_3": {"event_type": "payment.refunded", "license_id": "lic_1", "state": "ignored"},
    "evt_4": {"event_type": "licensed.created", "endpoint": "eu"},
    "evt_5": {"event_type": "license.revoked"},
}
FILTERS: dict[str, tuple[EntryFilter, str]] = {
    "all": (EVERYTHING, "54321"),
    "a type": (EntryFilter(event_type="license.revoked"), "52"),
    "a family of types": (EntryFilter(event_type="license.*"), "521"),
    "all types": (EntryFilter(event_type="*"), "54321"),
    "no wildcard of SQL's": (EntryFilter(event_type="license_%"), ""),
    "a state": (EntryFilter(states=("ignored",)), "3"),
    "states": (EntryFilter(states=("ignored", "received")), "54321"),
    "no state": (EntryFilter(states=()), ""),
    "a license": (EntryFilter(license_id="lic_1"), "31"),
    "an endpoint": (EntryFilter(endpoint="eu"), "42"),
    "an id": (EntryFilter(event_id="evt_4"), "4"),
    "since": (EntryFilter(since=NOW + 2 * SECOND), "543"),
    "until": (EntryFilter(until=NOW + 2 * SECOND), "21"),
    "between": (EntryFilter(since=NOW + SECOND, until=NOW + 3 * SECOND), "32"),
    "no entry": (EntryFilter(pks=()), ""),
    "everything at once": (
        EntryFilter(
            states=("received", "failed"),
            event_type="license.*",
            since=NOW,
            until=NOW + 10 * SECOND,
            license_id="lic_2",
            event_id="evt_2",
            endpoint="eu",
        ),
        "2",
    ),
}


class LookingConformance(InboxSuite):
    """`Inbox.entries`, `Inbox.count`, `Inbox.stats`."""

    @pytest.mark.parametrize("kind", FILTERS)
    def test_filters(self, kind: str, inbox: Inbox, clock: FrozenClock) -> None:
        """A filter finds the same entries wherever it is used; the newest come first."""
        for event_id, fields in GIVEN.items():
            self.record(inbox, event_id, **fields)
            clock.advance(SECOND)
        wanted, numbers = FILTERS[kind]
        assert [entry.event_id for entry in inbox.entries(wanted)] == [f"evt_{number}" for number in numbers]
        assert inbox.count(wanted) == len(numbers)

    def test_types_are_taken_by_the_letter(self, inbox: Inbox) -> None:
        """An underscore stands for itself, and so does a capital."""
        for number, event_type in enumerate(["a_b.c", "axb.c", "A_b.c", "a_b.c.d", "a_bc"]):
            self.record(inbox, f"evt_{number}", event_type=event_type)
        found = [entry.event_type for entry in inbox.entries(EntryFilter(event_type="a_b.*"))]
        assert found == ["a_b.c.d", "a_b.c"]

    def test_by_number(self, inbox: Inbox) -> None:
        """Entries can be asked for by their numbers, many at once; those that are not there are left out."""
        pks = [one.pk for one in inbox.record_many([new_entry(f"evt_{number}") for number in range(10)])]
        assert [entry.pk for entry in inbox.entries(EntryFilter(pks=(pks[3], pks[7], pks[3])))] == [pks[7], pks[3]]
        many = EntryFilter(pks=(*pks, *range(pks[-1] + 1, pks[-1] + 1500)))
        assert (inbox.count(many), len(inbox.entries(many))) == (10, 10)

    def test_pages(self, inbox: Inbox) -> None:
        """A page ends where the next begins, also below a filter."""
        pks = [one.pk for one in inbox.record_many([new_entry(f"evt_{number}") for number in range(7)])]
        found: list[int] = []
        before: int | None = None
        while page := inbox.entries(EntryFilter(states=("received",)), limit=3, before=before):
            assert len(page) <= 3
            found += [entry.pk for entry in page]
            before = found[-1]
        assert found == pks[::-1]

    def test_a_conflict_is_seen_beside_its_event(self, inbox: Inbox) -> None:
        """Looking for an event's id shows what was delivered under it."""
        inbox.record_many([new_entry(), new_entry(raw_body=body_of(other=1))])
        assert [entry.state for entry in inbox.entries(EntryFilter(event_id="evt_1"))] == ["conflict", "received"]

    def test_stats_of_nothing(self, inbox: Inbox) -> None:
        """Every state is there from the beginning."""
        stats = inbox.stats()
        assert (dict(stats.states), stats.due, stats.oldest_due_at) == (dict.fromkeys(ENTRY_STATES, 0), 0, None)

    def test_stats(self, inbox: Inbox, clock: FrozenClock) -> None:
        """Each state is counted, and what waits for a worker: neither what is leased nor what is not due yet."""
        for state in ("processed", "dead"):
            self.settled(inbox, state, event_id=f"evt_{state}")
        self.settled(inbox, "failed", event_id="evt_failed", delay=30 * SECOND)
        self.claimed(inbox, "evt_processing")
        self.record(inbox, "evt_ignored", state="ignored")
        inbox.record_many([new_entry("evt_dead", raw_body=body_of(other=1))])
        clock.advance(SECOND)
        self.record(inbox, "evt_received", "evt_received_too")
        stats = inbox.stats()
        assert dict(stats.states) == dict.fromkeys(ENTRY_STATES, 1) | {"received": 2}
        assert (stats.due, stats.oldest_due_at) == (2, NOW + SECOND)
        clock.advance(LEASE)
        stats = inbox.stats()
        assert (stats.due, stats.oldest_due_at) == (4, NOW + SECOND)
