"""Any inbox against its model, by hypothesis: deliveries, duplicates, conflicts, failures, crashes, purges, clock jumps.

Two inboxes stand on one store, as two processes do; each step is taken by one of them.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from inbox_model import Model

from licensechain_hooks._entries import Claim, EntryFilter, LedgerRow, NewEntry, Settlement
from licensechain_hooks._stores import Inbox
from licensechain_hooks.exceptions import LeaseLostError
from licensechain_hooks.testing import FrozenClock

__all__ = ["Open", "run_machine"]

Open = Callable[..., Inbox]

NOW = datetime(2026, 3, 29, 1, 30, 0, tzinfo=UTC)  # when summer time begins in many places
SECOND = timedelta(seconds=1)
RETENTION, PAYLOADS = timedelta(hours=3), timedelta(hours=1)
ENDPOINTS = ("default", "eu")
HANDLERS = ("lock_seat", "set_status")
EXAMPLES = int(os.environ.get("LICENSECHAIN_TEST_EXAMPLES", "0"))

_durations = st.sampled_from([1, 5, 60, 600, 7200, 20_000]).map(lambda seconds: seconds * SECOND)
_jumps = _durations | st.sampled_from([-1, -60, -7200]).map(lambda seconds: seconds * SECOND)
_deliveries = st.fixed_dictionaries(
    {
        "endpoint": st.sampled_from(ENDPOINTS),
        "event_id": st.sampled_from(["evt_1", "evt_2", "evt_3", "evt_4"]),
        "content": st.sampled_from(["a", "a", "a", "b", "c"]),
        "layout": st.sampled_from([None, None, 1]),
        "license_id": st.sampled_from([None, "lic_1", "lic_2"]),
        "age": _durations,
        "state": st.sampled_from(["received", "received", "received", "ignored"]),
    }
)
_wanted = st.one_of(
    st.just(EntryFilter()),
    st.sampled_from(["received", "failed", "dead", "processed"]).map(lambda state: EntryFilter(states=(state,))),
    st.integers(1, 40).map(lambda place: EntryFilter(pks=(place,))),
)
_runs = st.lists(
    st.builds(
        LedgerRow,
        handler=st.sampled_from(HANDLERS),
        state=st.sampled_from(["done", "done", "failed", "skipped", "discarded"]),
        attempts=st.integers(1, 3),
        latest_only=st.booleans(),
    ),
    max_size=2,
    unique_by=lambda row: row.handler,
).map(tuple)


class InboxMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self, open_inbox: Open) -> None:
        super().__init__()
        self._open = open_inbox
        self.clock = FrozenClock(NOW)
        self.model = Model(retention=RETENTION, payload_retention=PAYLOADS)
        self.claims: list[Claim] = []
        self.first_pk = 0
        self.last_pk = 0

    def open(self, *, fresh: bool = False) -> Inbox:
        return self._open(self.clock, fresh=fresh, retention=RETENTION, payload_retention=PAYLOADS)

    @property
    def now(self) -> datetime:
        return self.clock.now

    @initialize()
    def begin(self) -> None:
        """An empty store."""
        self.inboxes = [self.open(fresh=True), self.open()]

    @rule(which=st.integers(0, 1), batch=st.lists(_deliveries, min_size=1, max_size=4), ordered=st.booleans())
    def record(self, *, which: int, batch: list[dict[str, Any]], ordered: bool) -> None:
        """Deliveries arrive, some of them known, some in one batch with their redelivery."""
        entries = [self.entry(ordered=ordered, **given) for given in batch]
        recorded = self.inboxes[which].record_many([entry for entry, _ in entries])
        assert len(recorded) == len(entries)
        for (entry, content), found in zip(entries, recorded, strict=True):
            state, pk = self.model.verdict(entry, content)
            assert (found.state, found.pk) == (state, found.pk if pk is None else pk)
            if pk is None:
                assert found.pk not in self.model.rows
                assert found.state == "conflict" or found.pk > self.last_pk or len(batch) > 1
                self.model.insert(found.pk, entry, content, self.now, conflict=state == "conflict")
        self.last_pk = max([self.last_pk, *self.model.rows])

    def entry(
        self, *, content: str, layout: int | None, age: timedelta, ordered: bool, **given: Any
    ) -> tuple[Any, str]:
        """A delivery, and what its body says."""
        fields = {"id": given["event_id"], "type": "license.created", "data": {"content": content}}
        body = json.dumps(fields | {"timestamp": "2026-03-29T01:30:00Z"}, indent=layout).encode()
        entry = NewEntry(
            **given,
            event_type="license.created",
            event_timestamp=self.now - age,
            raw_body=body,
            headers={"content-type": "application/json"},
            ordering_key=given["license_id"] if ordered else None,
        )
        return entry, content

    @rule(
        which=st.integers(0, 1),
        endpoints=st.sampled_from([("default",), ("eu",), ENDPOINTS]),
        limit=st.integers(1, 3),
        lease=_durations,
    )
    def claim(self, which: int, endpoints: tuple[str, ...], limit: int, lease: timedelta) -> None:
        """A worker takes what is due."""
        inbox = self.inboxes[which]
        expected = self.model.claimable(set(endpoints), self.now)
        assert [row.pk for row in expected] == inbox.due(endpoints, limit=100)
        claims = inbox.claim_many(endpoints, limit=limit, lease=lease)
        assert sorted(claim.pk for claim in claims) == sorted(row.pk for row in expected[:limit])
        for claim in claims:
            self.took(claim, lease)

    @rule(which=st.integers(0, 1), place=st.integers(0, 9), lease=_durations)
    def claim_one(self, which: int, place: int, lease: timedelta) -> None:
        """An engine is told of one entry."""
        pks = sorted(self.model.rows)
        if not pks:
            return
        pk = pks[place % len(pks)]
        is_due = pk in {row.pk for row in self.model.claimable(set(ENDPOINTS), self.now)}
        claims = self.inboxes[which].claim_many(ENDPOINTS, limit=1, lease=lease, pk=pk)
        assert [claim.pk for claim in claims] == [pk] * is_due
        for claim in claims:
            self.took(claim, lease)

    def took(self, claim: Claim, lease: timedelta) -> None:
        row = self.model.rows[claim.pk]
        self.model.claim(row, claim.token, self.now + lease)
        runs = {handler: (run.state, run.attempts, run.done_at) for handler, run in claim.runs.items()}
        told = (claim.attempts, claim.raw_body, claim.event_timestamp, claim.license_id, runs)
        assert told == (row.attempts, row.new.raw_body, row.new.event_timestamp, row.new.license_id, row.runs)
        self.claims.append(claim)

    def chosen(self, data: st.DataObject) -> list[Claim]:
        """Some claims, held or lost, of different entries."""
        places = data.draw(st.lists(st.integers(0, len(self.claims) - 1), min_size=1, max_size=3, unique=True))
        found = {self.claims[place].pk: self.claims[place] for place in places}
        return list(found.values())

    @precondition(lambda self: self.claims)
    @rule(which=st.integers(0, 1), data=st.data(), lease=_durations)
    def extend(self, which: int, data: st.DataObject, lease: timedelta) -> None:
        """A heartbeat."""
        claims = self.chosen(data)
        held = [self.model.held(claim) for claim in claims]
        assert self.inboxes[which].extend_many(claims, lease=lease) == [row is not None for row in held]
        for row in held:
            if row is not None:
                row.due_at = self.now + lease

    @precondition(lambda self: self.claims)
    @rule(which=st.integers(0, 1), data=st.data())
    def settle(self, which: int, data: st.DataObject) -> None:
        """Attempts end, or get a checkpoint; some whose lease was lost long ago."""
        batch = [
            Settlement(
                claim=claim,
                state=data.draw(st.sampled_from(["processed", "failed", "dead", "ignored", "processing"])),
                delay=data.draw(_durations),
                error_code=data.draw(st.sampled_from(["", "ValueError"])),
                error="no seat",
                runs=data.draw(_runs),
            )
            for claim in self.chosen(data)
        ]
        note(repr(batch))
        expected = [self.model.settle(settlement, self.now) for settlement in batch]
        assert self.inboxes[which].settle_many(batch) == expected

    @precondition(lambda self: self.claims)
    @rule(which=st.integers(0, 1), data=st.data())
    def release(self, which: int, data: st.DataObject) -> None:
        """A worker gives back what it did not begin."""
        claims = self.chosen(data)
        self.inboxes[which].release_many(claims)
        for claim in claims:
            self.model.release(claim, self.now)

    @precondition(lambda self: self.claims)
    @rule(which=st.integers(0, 1), data=st.data(), fails=st.booleans(), latest_only=st.booleans())
    def transact(self, *, which: int, data: st.DataObject, fails: bool, latest_only: bool) -> None:
        """A transactional handler runs; it may fail, and its lease may be lost."""
        claim = self.chosen(data)[0]
        run = LedgerRow(handler=data.draw(st.sampled_from(HANDLERS)), state="done", latest_only=latest_only)
        row, inbox = self.model.held(claim), self.inboxes[which]
        stale = latest_only and self.model.is_stale(claim, run.handler)
        assert inbox.is_stale(claim, run.handler) == self.model.is_stale(claim, run.handler)
        if row is None:
            with pytest.raises(LeaseLostError), inbox.transaction(claim, run):
                pass
        elif fails:
            with suppress(ZeroDivisionError), inbox.transaction(claim, run) as transaction:
                assert transaction.is_stale == stale
                raise ZeroDivisionError
        else:
            with inbox.transaction(claim, run) as transaction:
                assert transaction.is_stale == stale
            self.model.transact(row, run, self.now, stale=stale)

    @rule(which=st.integers(0, 1), state=st.sampled_from(["processed", "processed", "failed", "dead"]), runs=_runs)
    def work(self, which: int, state: Any, runs: tuple[LedgerRow, ...]) -> None:
        """A worker that lives runs all that is due, to one end."""
        claims = self.inboxes[which].claim_many(ENDPOINTS, limit=100, lease=SECOND)
        expected = self.model.claimable(set(ENDPOINTS), self.now)
        assert sorted(claim.pk for claim in claims) == sorted(row.pk for row in expected)
        for claim in claims:
            self.took(claim, SECOND)
            stale = self.model.is_stale(claim, HANDLERS[0])
            assert self.inboxes[which].is_stale(claim, HANDLERS[0]) == stale
        batch = [Settlement(claim=claim, state=state, delay=SECOND, runs=runs) for claim in claims]
        assert self.inboxes[which].settle_many(batch) == [self.model.settle(each, self.now) for each in batch]

    @rule(which=st.integers(0, 1))
    def crash(self, which: int) -> None:
        """A process dies and another takes its place; what it had claimed it knows nothing of."""
        self.inboxes[which] = self.open()
        self.claims = self.claims[::2]  # those of the other process

    @rule(by=_jumps)
    def jump(self, by: timedelta) -> None:
        """Time goes by; or the clock is set back."""
        self.clock.advance(by)

    @rule(which=st.integers(0, 1), wanted=_wanted, force=st.booleans())
    def replay(self, *, which: int, wanted: EntryFilter, force: bool) -> None:
        """An operator lets entries run again."""
        wanted = self.placed(wanted)
        expected = self.model.replay(wanted, self.now, force=force)
        assert self.inboxes[which].replay(wanted, force=force) == expected

    @rule(which=st.integers(0, 1), wanted=_wanted)
    def discard(self, which: int, wanted: EntryFilter) -> None:
        """An operator gives entries up."""
        wanted = self.placed(wanted)
        expected = self.model.discard(wanted, self.now)
        assert self.inboxes[which].discard(wanted) == expected

    @rule(which=st.integers(0, 1), wanted=_wanted)
    def purge_payloads(self, which: int, wanted: EntryFilter) -> None:
        """Somebody wants payloads gone."""
        wanted = self.placed(wanted)
        expected = self.model.purge_payloads(wanted, self.now)
        assert self.inboxes[which].purge_payloads(wanted) == expected

    @rule(which=st.integers(0, 1), by=_jumps)
    def purge(self, which: int, by: timedelta) -> None:
        """After a while what is past its retention goes."""
        self.clock.advance(by)
        *_, last = [(0, 0), *((step.payloads, step.entries) for step in self.inboxes[which].purge())]
        assert last == self.model.purge(self.now)

    def placed(self, wanted: EntryFilter) -> EntryFilter:
        """The filter with the entries that there are: their numbers depend on the store's past."""
        if wanted.pks is None:
            return wanted
        pks = sorted(self.model.rows)
        return EntryFilter(pks=tuple(pks[pk % len(pks)] for pk in wanted.pks) if pks else (0,))

    @invariant()
    def looks_alike(self) -> None:
        """Whatever an operator can see is what the model says."""
        inbox = self.inboxes[0]
        seen = [
            (
                *(entry.pk, entry.endpoint, entry.event_id, entry.state, entry.attempts, entry.error_code, entry.error),
                *(entry.raw_body, entry.received_at, entry.next_attempt_at, entry.done_at, entry.purged_at),
            )
            for entry in reversed(inbox.entries(EntryFilter(), limit=1000))
        ]
        assert seen == [self.model.rows[pk].facts() for pk in sorted(self.model.rows)]
        for pk, row in self.model.rows.items():
            ledger = {run.handler: (run.state, run.attempts, run.done_at) for run in inbox.ledger(pk)}
            assert ledger == row.runs
        stats = inbox.stats()
        due = sorted(
            row.due_at for row in self.model.rows.values() if row.due_at is not None and row.due_at <= self.now
        )
        assert (dict(stats.states), stats.due, stats.oldest_due_at) == (
            self.model.states(),
            len(due),
            due[0] if due else None,
        )


def run_machine(open_inbox: Open, *, examples: int) -> None:
    """Let hypothesis look for a difference between an inbox and its model.

    Args:
        open_inbox: opens an inbox by a clock, with ``retention`` and ``payload_retention``; on an empty store where
            ``fresh``.
        examples: how many runs; LICENSECHAIN_TEST_EXAMPLES counts where it is set.
    """
    run_state_machine_as_test(
        lambda: InboxMachine(open_inbox),
        settings=settings(
            max_examples=EXAMPLES or examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
