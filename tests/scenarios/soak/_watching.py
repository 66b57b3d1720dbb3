"""What processes take: looked at from outside, from time to time."""

import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Sample", "Watch", "Window", "window_of"]

_PAUSE = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """What all processes of a group take at a moment: memory in bytes, threads, descriptors."""

    at: float
    memory: int
    threads: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Window:
    """What was usual in a part of the time: medians, and percentiles of the answers' times in milliseconds."""

    memory: float
    threads: float
    descriptors: float
    p50: float
    p95: float
    p99: float
    answers: int


def window_of(samples: Sequence[Sample], seconds: Sequence[float]) -> Window:
    """What samples and the times of answers come to."""
    cuts = [1000 * cut for cut in statistics.quantiles(seconds, n=100)]
    return Window(
        memory=statistics.median(sample.memory for sample in samples),
        threads=statistics.median(sample.threads for sample in samples),
        descriptors=statistics.median(sample.descriptors for sample in samples),
        p50=cuts[49],
        p95=cuts[94],
        p99=cuts[98],
        answers=len(seconds),
    )


class Watch:
    """Looks at a group of processes until it is left; a context manager.

    Args:
        group: its number.

    Attributes:
        samples: in their order.
    """

    def __init__(self, group: int) -> None:
        self.samples: list[Sample] = []
        self._group = group
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()

    def between(self, begin: float, end: float) -> list[Sample]:
        """The samples of a part of the time."""
        return [sample for sample in self.samples if begin <= sample.at < end]

    def _look(self) -> None:
        while not self._left.wait(_PAUSE):
            taken = [_taken_by(process) for process in _processes_of(self._group)]
            self.samples.append(Sample(time.monotonic(), *map(sum, zip(*taken, strict=True))))


def _processes_of(group: int) -> list[Path]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, rest = status.read_text().rpartition(") ")  # a name may hold anything
            if int(rest.split()[2]) == group:
                found.append(status.parent)
    return found


def _taken_by(process: Path) -> tuple[int, int, int]:
    """Resident memory that is no file's, threads, descriptors; of a process that has ended: nothing."""
    try:
        fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
        memory = int(fields["RssAnon"].split()[0]) * 1024
        return memory, int(fields["Threads"]), sum(1 for _ in (process / "fd").iterdir())
    except (OSError, KeyError):
        return 0, 0, 0
