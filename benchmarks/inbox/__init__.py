"""The durable inbox: recording, over HTTP, draining, and what it costs when it has grown."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks._measure import Row
from benchmarks.inbox import _draining, _growing, _recording, _serving
from benchmarks.inbox._bench import Bench, bench_in

_PARTS: Mapping[str, Callable[[Bench, int | None, bool], list[Row]]] = {
    "threads": lambda bench, _entries, _whole: _recording.in_threads(bench),
    "loop": lambda bench, _entries, _whole: _recording.on_a_loop(bench),
    "http": lambda bench, _entries, _whole: _serving.rows(bench),
    "drain": lambda bench, entries, whole: _draining.rows(bench, entries=entries, whole=whole),
    "growth": lambda bench, entries, whole: _growing.growth(bench, entries=entries, whole=whole),
    "waiting": lambda bench, entries, whole: _growing.waiting(bench, entries=entries, whole=whole),
}


def rows(
    *,
    rounds: int | None,
    quick: bool,
    only: Sequence[str] | None = None,
    entries: int | None = None,
    whole: bool = False,
    directory: Path | None = None,
) -> list[Row]:
    """The rows of some parts, by default all.

    Args:
        rounds: how often every contender is timed.
        quick: with next to no work.
        only: names of parts.
        entries: how many of them drain, growth and waiting take.
        whole: as many as the targets speak of; takes its time.
        directory: for databases; on a real disk.
    """
    with bench_in(directory, quick=quick, rounds=rounds) as bench:
        return [row for name, part in _PARTS.items() if not only or name in only for row in part(bench, entries, whole)]
