"""The behaviour every deduplicator must have, as a pytest class: subclass it and say how to open yours.

::

    class TestMyDeduplicator(DeduplicatorConformance):
        def make_deduplicator(self, *, lease):
            return MyDeduplicator(lease=lease)

        def pass_time(self, duration): ...
"""

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from licensechain_hooks._stores import Deduplicator, Reservation

__all__ = ["DeduplicatorConformance"]

_LEASE = timedelta(minutes=1)
_LOOK_ALIKES = ("evt_1", "EVT_1", "evt_1\\", "evt:1", "evt_1:", ":evt_1", "{evt}_1", "evt_*", "evt_?", "e" * 255)


def _body(*, layout: int | None = None, timestamp: str = "2026-03-29T01:30:00Z", **data: Any) -> bytes:
    fields = {"id": "evt_1", "type": "license.created", "timestamp": timestamp, "data": data}
    return json.dumps(fields, indent=layout).encode()


class DeduplicatorConformance:
    """A deduplicator against the protocol `Deduplicator`."""

    def make_deduplicator(self, *, lease: timedelta) -> Deduplicator:
        """A deduplicator that knows no event."""
        msg = f"{type(self).__name__} must define make_deduplicator, for a lease of {lease}"
        raise TypeError(msg)

    def open_again(self, deduplicator: Deduplicator) -> Deduplicator:
        """Another one with the memory of ``deduplicator``, as another process has; where none can be, the same."""
        return deduplicator

    def pass_time(self, duration: timedelta) -> None:
        """Let time pass for the deduplicators of this test."""
        msg = f"{type(self).__name__} must define pass_time, for {duration}"
        raise TypeError(msg)

    @pytest.fixture
    def deduplicator(self) -> Deduplicator:
        """The deduplicator that is tested."""
        return self.make_deduplicator(lease=_LEASE)

    @pytest.fixture
    def other(self, deduplicator: Deduplicator) -> Deduplicator:
        """The same memory, as another process sees it."""
        return self.open_again(deduplicator)

    def reserve(self, deduplicator: Deduplicator, event_id: str = "evt_1", **content: Any) -> Reservation:
        """Reserve an event of the endpoint ``default``."""
        return deduplicator.reserve("default", event_id, _body(**content))

    def state(self, deduplicator: Deduplicator, event_id: str = "evt_1", **content: Any) -> str:
        """What is said of an event."""
        return self.reserve(deduplicator, event_id, **content).state

    def test_the_life_of_an_event(self, deduplicator: Deduplicator, other: Deduplicator) -> None:
        """New, in flight while it runs, a duplicate when it is done; wherever it is delivered."""
        first = self.reserve(deduplicator)
        assert (first.state, first.key) == ("new", ("default", "evt_1"))
        assert [self.state(deduplicator), self.state(other)] == ["in_flight"] * 2
        deduplicator.complete(first)
        assert [self.state(deduplicator), self.state(other)] == ["duplicate"] * 2

    def test_a_released_event(self, deduplicator: Deduplicator, other: Deduplicator) -> None:
        """A released event is new again, and whatever its content."""
        deduplicator.release(self.reserve(deduplicator))
        other.release(self.reserve(other, note="x"))
        assert self.state(deduplicator) == "new"

    def test_any_deduplicator_may_settle(self, deduplicator: Deduplicator, other: Deduplicator) -> None:
        """What counts is the reservation, not the process it was made in."""
        other.complete(self.reserve(deduplicator))
        other.release(self.reserve(deduplicator, "evt_2"))
        assert [self.state(deduplicator), self.state(deduplicator, "evt_2")] == ["duplicate", "new"]

    def test_conflicts(self, deduplicator: Deduplicator, other: Deduplicator) -> None:
        """The same id with other content is a conflict, while it runs and after; the first content stays."""
        first = self.reserve(deduplicator)
        assert self.state(other, note="x") == "conflict"
        deduplicator.complete(first)
        assert [self.state(other, note="x"), self.state(other)] == ["conflict", "duplicate"]

    def test_the_same_content(self, deduplicator: Deduplicator) -> None:
        """Another timestamp, other white space are the same fact, delivered again."""
        first = self.reserve(deduplicator, note="\u00e9")
        later: dict[str, Any] = {"timestamp": "2026-03-30T00:00:00Z", "layout": 2}
        assert self.state(deduplicator, note="\u00e9", **later) == "in_flight"
        deduplicator.complete(first)
        assert self.state(deduplicator, note="\u00e9", **later) == "duplicate"

    def test_look_alikes(self, deduplicator: Deduplicator) -> None:
        """Ids are compared letter by letter, and are nothing but text."""
        found = [self.reserve(deduplicator, event_id) for event_id in _LOOK_ALIKES]
        assert [reservation.state for reservation in found] == ["new"] * len(_LOOK_ALIKES)
        deduplicator.complete(found[0])
        seen = [self.state(deduplicator, event_id) for event_id in _LOOK_ALIKES]
        assert seen == ["duplicate", *["in_flight"] * (len(_LOOK_ALIKES) - 1)]

    def test_endpoints_are_apart(self, deduplicator: Deduplicator) -> None:
        """Ids are unique per endpoint."""
        keys = [("default", "evt_1"), ("eu", "evt_1"), ("eu", "default:evt_1"), ("default", "eu:evt_1")]
        assert [deduplicator.reserve(*key, _body()).state for key in keys] == ["new"] * len(keys)

    def test_a_lease_ends(self, deduplicator: Deduplicator, other: Deduplicator) -> None:
        """A run that never ended, its process killed, holds a redelivery back no longer than its lease."""
        self.reserve(deduplicator)
        self.pass_time(_LEASE / 2)
        assert self.state(other) == "in_flight"
        self.pass_time(_LEASE / 2)
        assert [self.state(other), self.state(deduplicator)] == ["new", "in_flight"]

    def test_after_the_lease_other_content_is_new(self, deduplicator: Deduplicator) -> None:
        """What never finished is not what a conflict is measured against."""
        self.reserve(deduplicator)
        self.pass_time(_LEASE)
        assert [self.state(deduplicator, note="x"), self.state(deduplicator)] == ["new", "conflict"]

    @pytest.mark.parametrize("end", ["complete", "release"])
    def test_fencing(self, end: str, deduplicator: Deduplicator, other: Deduplicator) -> None:
        """Whoever lost the lease changes nothing, neither by completing nor by releasing."""
        late = self.reserve(deduplicator)
        self.pass_time(_LEASE)
        holder = self.reserve(other)
        assert (holder.state, late.token == holder.token) == ("new", False)
        getattr(deduplicator, end)(late)
        assert self.state(deduplicator) == "in_flight"
        other.complete(holder)
        for reservation in (late, holder):
            deduplicator.release(reservation)
        assert self.state(deduplicator) == "duplicate"

    def test_a_late_run_of_a_released_event(self, deduplicator: Deduplicator, other: Deduplicator) -> None:
        """Where the one who took over has failed, the late one's success counts for nothing."""
        late = self.reserve(deduplicator)
        self.pass_time(_LEASE)
        other.release(self.reserve(other))
        deduplicator.complete(late)
        assert self.state(deduplicator) == "new"

    def test_a_lease_that_ended_unnoticed(self, deduplicator: Deduplicator) -> None:
        """A slow run whose lease nobody took over may still complete."""
        slow = self.reserve(deduplicator)
        self.pass_time(_LEASE * 60)
        deduplicator.complete(slow)
        assert self.state(deduplicator) == "duplicate"

    def test_settling_what_was_never_held(self, deduplicator: Deduplicator) -> None:
        """Reservations of other states, and of other deduplicators, change nothing."""
        deduplicator.complete(self.reserve(deduplicator))
        strange = Reservation(state="new", key=("x", "y"), token="99")  # noqa: S106
        for stranger in (self.reserve(deduplicator), self.reserve(deduplicator, note="x"), strange):
            deduplicator.complete(stranger)
            deduplicator.release(stranger)
        assert self.state(deduplicator) == "duplicate"
        assert deduplicator.reserve("x", "y", _body()).state == "new"

    def test_what_is_remembered(self, deduplicator: Deduplicator) -> None:
        """A finished event is known for the whole retention, and new after it; without one it is not forgotten."""
        deduplicator.complete(self.reserve(deduplicator))
        self.pass_time((deduplicator.retention or timedelta(days=3650)) - timedelta(minutes=5))
        assert self.state(deduplicator) == "duplicate"
        self.pass_time(timedelta(minutes=5))
        assert self.state(deduplicator) == ("duplicate" if deduplicator.retention is None else "new")

    def test_many_at_once(self, deduplicator: Deduplicator) -> None:
        """Of many callers that reserve an event at once one gets it, at every event."""
        threads, events = 8, 50
        all_here = threading.Barrier(threads)

        def race(_number: int) -> Counter[str]:
            own = self.open_again(deduplicator)
            all_here.wait(60)
            won = [self.reserve(own, f"evt_{number}") for number in range(events)]
            for reservation in won:
                if reservation.state == "new":
                    own.complete(reservation)
            return Counter(reservation.state for reservation in won)

        with ThreadPoolExecutor(threads) as pool:
            counted = sum(pool.map(race, range(threads)), Counter[str]())
        assert counted["new"] == events
        assert counted["new"] + counted["in_flight"] + counted["duplicate"] == threads * events
        assert [self.state(deduplicator, f"evt_{number}") for number in range(events)] == ["duplicate"] * events
