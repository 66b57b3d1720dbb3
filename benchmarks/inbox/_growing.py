"""What an inbox costs when it is large: recording beside millions of rows, and draining while millions wait."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from benchmarks._measure import Row, at_most
from benchmarks.inbox._bench import Bench
from benchmarks.inbox._databases import KINDS
from benchmarks.inbox._entries import new_entry
from benchmarks.inbox._filling import Kind, fill
from licensechain_hooks._entries import LedgerRow, Settlement
from licensechain_hooks.inbox.sql import SqlInbox

_LEASE = timedelta(minutes=10)
_AT_ONCE = 100
_ROUNDS = 15

Work = Callable[[SqlInbox], float]
"""Seconds for a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    small: int
    large: int
    whole: int
    quick: tuple[int, int]

    def of(self, bench: Bench, entries: int | None, *, whole: bool) -> tuple[int, int]:
        """How many rows the small and the large inbox have."""
        if bench.quick:
            return self.quick
        return self.small, entries or (self.whole if whole else self.large)


_GROWTH = _Sizes(small=10_000, large=200_000, whole=5_000_000, quick=(100, 400))
_WAITING = _Sizes(small=1_000, large=100_000, whole=1_000_000, quick=(200, 400))


def growth(bench: Bench, *, entries: int | None, whole: bool) -> list[Row]:
    """Recording one delivery, and a hundred in one commit, in a large inbox against a small one."""
    small, large = _GROWTH.of(bench, entries, whole=whole)
    times = 5 if bench.quick else 50
    works = {
        "one row": (partial(_record, size=1, times=times), 1.2),
        f"{_AT_ONCE} rows at once": (partial(_record, size=_AT_ONCE, times=max(1, times // 10)), None),
    }
    return [
        row
        for kind in KINDS
        for row in _compared(bench, kind, (small, large), state="processed", works=works, what="growth")
    ]


def waiting(bench: Bench, *, entries: int | None, whole: bool) -> list[Row]:
    """Claiming and settling, a hundred entries at a time, while many wait against while few do."""
    small, large = _WAITING.of(bench, entries, whole=whole)
    times = 1 if bench.quick else small // _AT_ONCE // 2
    works = {"claim and settle": (partial(_drain, times=times), 1.2)}
    return [
        row
        for kind in KINDS
        for row in _compared(bench, kind, (small, large), state="received", works=works, what="waiting")
    ]


def _compared(
    bench: Bench,
    kind: str,
    sizes: tuple[int, int],
    *,
    state: Kind,
    works: dict[str, tuple[Work, float | None]],
    what: str,
) -> list[Row]:
    names = [f"{size:,} rows" for size in sizes]
    lack = bench.databases.lack(kind)
    if lack:
        return [
            Row(row=f"{what}, {kind}, {work}", ours=names[1], reference=names[0], measure="time", note=lack)
            for work in works
        ]
    with ExitStack() as stack:
        inboxes = [_filled(bench, kind, size, state, stack) for size in sizes]
        races = {
            work: bench.race(
                f"{what}, {kind}, {work}",
                {name: partial(do, inbox) for name, inbox in zip(names, inboxes, strict=True)},
                rounds=_ROUNDS,
            )
            for work, (do, _) in works.items()
        }
    return [
        races[work].cost(
            f"{what}, {kind}, {work}", names[1], names[0], target=None if bound is None else at_most(bound)
        )
        for work, (_, bound) in works.items()
    ]


def _filled(bench: Bench, kind: str, count: int, state: Kind, stack: ExitStack) -> SqlInbox:
    url = bench.databases.new(kind)
    fill(url, count, state=state)
    inbox = SqlInbox(url)
    stack.callback(inbox.close)
    return inbox


def _record(inbox: SqlInbox, *, size: int, times: int) -> float:
    batches = [[new_entry() for _ in range(size)] for _ in range(times)]
    started = time.perf_counter()
    verdicts = [verdict for batch in batches for verdict in inbox.record_many(batch)]
    seconds = time.perf_counter() - started
    _insist([verdict.state for verdict in verdicts], ["new"] * (size * times))
    return seconds / (size * times)


def _drain(inbox: SqlInbox, *, times: int) -> float:
    """Take some, and put as many back, so that the next round finds as many."""
    inbox.claim_many(["nobody"], limit=1, lease=_LEASE)  # the connection
    done = 0
    started = time.perf_counter()
    for _ in range(times):
        claims = inbox.claim_many(["default"], limit=_AT_ONCE, lease=_LEASE)
        row = LedgerRow(handler="handle", state="done")
        held = inbox.settle_many([Settlement(claim=claim, state="processed", runs=(row,)) for claim in claims])
        done += sum(held)
    seconds = time.perf_counter() - started
    _insist([done], [times * _AT_ONCE])
    for _ in range(times):
        inbox.record_many([new_entry() for _ in range(_AT_ONCE)])
    return seconds / done


def _insist(found: Sequence[object], expected: Sequence[object]) -> None:
    if found != expected:
        msg = "the inbox did not do what it was measured at"
        raise RuntimeError(msg)
