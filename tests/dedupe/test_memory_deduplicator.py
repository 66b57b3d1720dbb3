"""Deduplication in memory: what it costs, and its bounds. The rest is in the conformance suite."""

import json
from datetime import timedelta

import pytest

from licensechain_hooks import ConfigurationError, MemoryDeduplicator, Reservation, StoreUnavailableError

OVERHEAD = 512


class Ticks:
    """Monotonic seconds, moved by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def ticks():
    """A clock."""
    return Ticks()


@pytest.fixture
def memory(ticks):
    """A memory with a lease of one minute."""

    def make(**settings):
        return MemoryDeduplicator(**{"lease": timedelta(seconds=60), "clock": ticks, **settings})

    return make


def body(number: int = 1, *, size: int = 0) -> bytes:
    """A body of at least ``size`` bytes."""
    raw = json.dumps({"type": "a.b", "data": {"n": number}}).encode()
    return raw + b" " * max(0, size - len(raw))


def reserve(store, event_id="e1", content=1, *, endpoint="default", size=0) -> Reservation:
    return store.reserve(endpoint, event_id, body(content, size=size))


def states(store, *event_ids) -> list[str]:
    return [reserve(store, event_id).state for event_id in event_ids]


def test_bounded_by_count(memory):
    """The oldest finished events are forgotten first."""
    store = memory(max_events=3)
    for number in range(5):
        store.complete(reserve(store, f"e{number}"))
    assert len(store) == 3
    assert states(store, "e4", "e3", "e2") == ["duplicate"] * 3
    assert states(store, "e0") == ["new"]


def test_the_order_of_forgetting_is_that_of_finishing(memory):
    """An event that ran for long is not forgotten for having begun early."""
    store = memory(max_events=2)
    slow = reserve(store, "slow")
    store.complete(reserve(store, "quick"))
    store.complete(slow)
    reserve(store, "next")
    assert states(store, "slow") == ["duplicate"]
    assert len(store) == 2


def test_running_events_are_not_forgotten(memory):
    """Finished ones make room, however old the running ones are."""
    store = memory(max_events=2)
    running = reserve(store, "running")
    for number in range(4):
        store.complete(reserve(store, f"e{number}"))
    assert states(store, "running") == ["in_flight"]
    store.complete(running)


def test_full_of_running_events(memory, ticks):
    """Row 37: where everything remembered is still running, the sender is asked to come back."""
    store = memory(max_events=2)
    reserve(store, "e1")
    second = reserve(store, "e2")
    with pytest.raises(StoreUnavailableError, match="max_events or max_bytes"):
        reserve(store, "e3")
    assert (len(store), states(store, "e1")) == (2, ["in_flight"])
    store.complete(second)
    assert states(store, "e3") == ["new"]


def test_expired_runs_make_room(memory, ticks):
    """Runs that never ended are forgotten, oldest first, where nothing finished can be."""
    store = memory(max_events=2)
    reserve(store, "e1")
    ticks.now += 30
    reserve(store, "e2")
    ticks.now += 30
    assert states(store, "e3") == ["new"]
    with pytest.raises(StoreUnavailableError):
        reserve(store, "e4")
    assert states(store, "e2", "e3") == ["in_flight"] * 2


def test_bounded_by_bytes(memory):
    """Bodies count: a few large events take the room of many small ones."""
    store = memory(max_bytes=4 * (1000 + OVERHEAD))
    for number in range(6):
        store.complete(reserve(store, f"e{number}", size=1000))
    assert len(store) == 4
    store.complete(reserve(store, "large", size=3 * 1000 + 2 * OVERHEAD))
    assert len(store) == 2
    assert states(store, "e5") == ["duplicate"]


def test_released_room_is_free(memory):
    """What was released or taken over no longer counts."""
    store = memory(max_bytes=2 * (100 + OVERHEAD))
    for _ in range(10):
        store.release(reserve(store, size=100))
    for number in range(10):
        store.complete(reserve(store, f"e{number}", size=100))
    assert len(store) == 2


def test_taken_over_room_is_counted_once(memory, ticks):
    """An expired run that is taken over gives its room back."""
    store = memory(max_bytes=2 * (100 + OVERHEAD))
    for _ in range(10):
        reserve(store, size=100)
        ticks.now += 60
    store.complete(reserve(store, "other", size=100))
    assert len(store) == 2


def test_one_event_larger_than_the_memory(memory):
    """Row 37: it cannot be remembered, so it does not run; and the others are not forgotten for it."""
    store = memory(max_bytes=2 * (100 + OVERHEAD))
    store.complete(reserve(store, "small", size=100))
    with pytest.raises(StoreUnavailableError):
        reserve(store, "huge", size=10_000)
    assert states(store, "small") == ["duplicate"]


@pytest.mark.parametrize(
    "wrong",
    [{"max_events": 0}, {"max_events": -1}, {"max_bytes": 0}, {"lease": timedelta(0)}, {"lease": timedelta(-1)}],
)
def test_settings_that_cannot_work(wrong):
    """A memory without room or time is refused."""
    with pytest.raises(ConfigurationError, match="must be positive"):
        MemoryDeduplicator(**wrong)


def test_what_receivers_ask_of_it():
    """It is bounded by count, not by time, and may be called on an event loop."""
    assert MemoryDeduplicator.retention is None
    assert MemoryDeduplicator.in_process is True
