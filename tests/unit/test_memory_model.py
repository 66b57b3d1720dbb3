"""Deduplication in memory against a model of it, through any sequence of calls."""

import json
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from licensechain_hooks import MemoryDeduplicator

OVERHEAD = 512


def body(number: int) -> bytes:
    """A body of this content."""
    return json.dumps({"type": "a.b", "data": {"n": number}}).encode()


class Life(RuleBasedStateMachine):
    """The memory against a model that never forgets, as long as there is room."""

    held = Bundle("held")

    def __init__(self):
        super().__init__()
        self.now = 1000.0
        self.store = MemoryDeduplicator(lease=timedelta(seconds=60), clock=lambda: self.now)
        self.model = {}  # event id: content, token or None when done, until when

    @rule(target=held, event_id=st.sampled_from("abc"), content=st.integers(0, 1))
    def reserve(self, event_id, content):
        """Compare the verdict."""
        known = self.model.get(event_id)
        expected = "new"
        if known and (known[1] is None or self.now < known[2]):
            expected = "conflict" if known[0] != content else "duplicate" if known[1] is None else "in_flight"
        reservation = self.store.reserve("default", event_id, body(content))
        assert expected == reservation.state
        if expected == "new":
            self.model[event_id] = (content, reservation.token, self.now + 60)
        return reservation

    @rule(reservation=consumes(held), done=st.booleans())
    def settle(self, reservation, done):
        """Only the holder's word counts."""
        (self.store.complete if done else self.store.release)(reservation)
        event_id = reservation.key[1]
        known = self.model.get(event_id)
        if known and known[1] == reservation.token:
            if done:
                self.model[event_id] = (known[0], None, 0)
            else:
                del self.model[event_id]

    @rule(seconds=st.integers(1, 70))
    def wait(self, seconds):
        """Leases may end."""
        self.now += seconds

    @invariant()
    def counts(self):
        """Each event is remembered once, and its room counted once."""
        assert len(self.store) == len(self.model)
        assert self.store._bytes == sum(len(body(content)) + OVERHEAD for content, _, _ in self.model.values())


TestLife = Life.TestCase
TestLife.settings = settings(stateful_step_count=30, max_examples=50)
