"""Recording deliveries: many callers who share commits, against a transaction for each row."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Self

from benchmarks._http import run_on_fastest_loop
from benchmarks._measure import Row, at_least
from benchmarks.inbox._bench import Bench
from benchmarks.inbox._databases import KINDS
from benchmarks.inbox._entries import POOL, Manner, NaiveStore, new_entry
from licensechain_hooks._entries import NewEntry
from licensechain_hooks.inbox._group_commit import GroupCommit
from licensechain_hooks.inbox.sql import SqlInbox

_OURS = "group commit"
_NAIVE = "row per transaction"
_BEGIN = "BEGIN and COMMIT"
_RECONNECTING = "new connection"
_POOLED = "SQLAlchemy's pool"
_MANNERS: dict[str, Manner] = {
    _NAIVE: "a statement",
    _BEGIN: "BEGIN and COMMIT",
    _RECONNECTING: "a connection",
    _POOLED: "a pool",
}
_ROUNDS = 9

_CALLERS = {1: 300, 8: 800, 32: 1600}  # in threads, and how many rows they write a round
_IN_FLIGHT = {1: 300, 32: 1600, 128: 3200}
_THREAD_TARGETS = {("SQLite", 1): 0.95, ("SQLite", 8): 2.0, ("SQLite", 32): 2.5}
_LOOP_TARGETS = {("PostgreSQL", 32): 8.0, ("SQLite", 32): 5.0}

Record = Callable[[NewEntry], object]


def in_threads(bench: Bench) -> list[Row]:
    """Threads, each of which records one delivery after the other, as in a WSGI server.

    On PostgreSQL group commit lets each thread write straight to the connection it keeps.
    """
    return [
        row for kind in KINDS for callers, count in _CALLERS.items() for row in _threads(bench, kind, callers, count)
    ]


def on_a_loop(bench: Bench) -> list[Row]:
    """Coroutines of one event loop, as in an ASGI server; the naive ones write in threads of a pool."""
    return [row for kind in KINDS for flying, count in _IN_FLIGHT.items() for row in _loop(bench, kind, flying, count)]


def _threads(bench: Bench, kind: str, callers: int, count: int) -> list[Row]:
    name = f"threads, {kind}, {callers} caller{'s'[: callers > 1]}"
    references = [_NAIVE] if kind == "SQLite" else [_NAIVE, _BEGIN, _RECONNECTING]
    bound = _THREAD_TARGETS.get((kind, callers))
    targets = {_NAIVE: None if bound is None else at_least(bound)}
    lack = bench.databases.lack(kind)
    if lack:
        return [_missing(name, reference, lack) for reference in references]
    count = 2 * callers if bench.quick else count
    with ExitStack() as stack:
        pool = stack.enter_context(_Threads(callers))
        contenders = {_OURS: partial(pool.seconds, _grouped(bench, kind, stack).submit, count)}
        for reference in references:
            fewer = max(callers, count // 10) if reference == _RECONNECTING else count
            contenders[reference] = partial(pool.seconds, _naive(bench, kind, reference, stack), fewer)
        race = bench.race(name, contenders, rounds=_ROUNDS)
    return [
        race.speed(name, _OURS, reference, measure="rows/s", target=targets.get(reference)) for reference in references
    ]


def _loop(bench: Bench, kind: str, flying: int, count: int) -> list[Row]:
    name = f"event loop, {kind}, {flying} in flight"
    bound = _LOOP_TARGETS.get((kind, flying))
    targets = {_NAIVE: None if bound is None else at_least(bound)}
    references = [_NAIVE, _POOLED] if kind == "PostgreSQL" else [_NAIVE]
    lack = bench.databases.lack(kind)
    if lack:
        return [_missing(name, reference, lack) for reference in references]
    count = 2 * flying if bench.quick else count
    with ExitStack() as stack:
        records = {_OURS: _grouped(bench, kind, stack).asubmit}
        for reference in references:
            executor = stack.enter_context(ThreadPoolExecutor(POOL))
            records[reference] = partial(_in_executor, executor, _naive(bench, kind, reference, stack))
        contenders = {one: partial(_on_loop, record, count, flying) for one, record in records.items()}
        race = bench.race(name, contenders, rounds=_ROUNDS)
    return [
        race.speed(name, _OURS, reference, measure="rows/s", target=targets.get(reference)) for reference in references
    ]


async def _in_executor(executor: ThreadPoolExecutor, record: Record, entry: NewEntry) -> object:
    return await asyncio.get_running_loop().run_in_executor(executor, record, entry)


def _on_loop(record: Callable[[NewEntry], Awaitable[object]], count: int, flying: int) -> float:
    return run_on_fastest_loop(_seconds(record, count, flying))


def _grouped(bench: Bench, kind: str, stack: ExitStack) -> GroupCommit:
    """What a receiver in durable mode has."""
    inbox = SqlInbox(bench.databases.new(kind))
    stack.callback(inbox.close)
    return GroupCommit(inbox.record_many, many_writers=inbox.many_writers)


def _naive(bench: Bench, kind: str, reference: str, stack: ExitStack) -> Record:
    store = NaiveStore(bench.databases.new(kind), _MANNERS[reference])
    stack.callback(store.close)
    return store.record


class _Threads:
    """So many threads, the same in every round, so that they keep what they keep."""

    def __init__(self, callers: int) -> None:
        self._callers = callers
        self._executor = ThreadPoolExecutor(callers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._executor.shutdown()

    def seconds(self, record: Record, count: int) -> float:
        """Seconds for a row."""
        entries = [new_entry() for _ in range(count)]
        barrier = threading.Barrier(self._callers + 1)  # nobody runs twice, for all wait for all
        done = [
            self._executor.submit(_record_all, record, entries[caller :: self._callers], barrier)
            for caller in range(self._callers)
        ]
        barrier.wait()
        started = time.perf_counter()
        for future in done:
            future.result()
        return (time.perf_counter() - started) / count


def _record_all(record: Record, entries: Sequence[NewEntry], barrier: threading.Barrier) -> None:
    barrier.wait()
    for entry in entries:
        _insist(record(entry))


async def _seconds(record: Callable[[NewEntry], Awaitable[object]], count: int, flying: int) -> float:
    """Seconds for a row."""
    entries = [new_entry() for _ in range(count)]

    async def record_all(share: Sequence[NewEntry]) -> None:
        for entry in share:
            _insist(await record(entry))

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(flying):
            tasks.create_task(record_all(entries[number::flying]))
    return (time.perf_counter() - started) / count


def _insist(recorded: object) -> None:
    if getattr(recorded, "state", "new") != "new" or not recorded:
        msg = "a store did not take an entry that is new"
        raise RuntimeError(msg)


def _missing(name: str, reference: str, lack: str) -> Row:
    return Row(row=name, ours=_OURS, reference=reference, measure="rows/s", note=lack)
