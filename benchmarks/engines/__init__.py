"""Task queues that run the handlers: events end to end, beside the engine's own tasks that do nothing."""

import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks._measure import Row, quartiles
from benchmarks.engines._engine import ENGINES, Kind, running
from benchmarks.inbox._bench import Bench, bench_in

_ROUNDS = 5
_QUICK = 10
_OURS = "events"
_ITS_OWN = "its own no-op tasks"


def rows(*, rounds: int | None, quick: bool) -> list[Row]:
    """A row for each engine: events a second, from the delivery to the end of their handler."""
    with bench_in(None, quick=quick, rounds=rounds) as bench:
        return [_row(bench, name, kind) for name, kind in ENGINES.items()]


def _row(bench: Bench, name: str, kind: Kind) -> Row:
    inbox = "SQLite" if bench.databases.lack("PostgreSQL") else "PostgreSQL"
    whole = partial(Row, row=f"{name}, {inbox}", measure="events/s")
    if not all(map(find_spec, kind.packages)):
        return whole(ours=_OURS, reference=_ITS_OWN, note="not installed")
    if kind.prepare is not None and inbox != "PostgreSQL":
        return whole(ours=_OURS, reference=_ITS_OWN, note="no PostgreSQL")
    count = _QUICK if bench.quick else kind.count
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as folder,
        running(kind, bench.databases, inbox, Path(folder)) as engine,
    ):
        race = bench.race(
            name,
            {_OURS: partial(engine.seconds, "deliver", count), _ITS_OWN: partial(engine.seconds, "send", count)},
            rounds=_ROUNDS,
        )
    ours, its_own = race.samples[_OURS], race.samples[_ITS_OWN]
    return whole(
        ours=f"{_OURS}, {1 / median(ours):,.0f}/s",
        reference=f"{_ITS_OWN}, {1 / median(its_own):,.0f}/s",
        ratio=quartiles(its_own, ours),
        disk=race.disk,
    )
