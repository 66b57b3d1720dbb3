"""What all benchmarks of durable work share: a directory, databases in it, and how fast its disk is meanwhile."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks._measure import Row, Samples, Target, quartiles, take_turns
from benchmarks._progress import Progress
from benchmarks.inbox._databases import Databases
from benchmarks.inbox._disk import Disk

_DISK = "the disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One run.

    Attributes:
        databases: empty ones.
        disk: below them.
        quick: whether the figures mean nothing anyway.
        rounds: how often every contender is timed; ``None``: as each part thinks best.
    """

    databases: Databases
    disk: Disk
    quick: bool = False
    rounds: int | None = None

    def race(
        self,
        what: str,
        contenders: Mapping[str, Callable[[], float]],
        *,
        rounds: int,
        warm_up: Mapping[str, Callable[[], float]] | None = None,
    ) -> "Race":
        """Let contenders take turns, and the disk with them.

        Args:
            what: is measured; for the progress bar.
            contenders: each gives the seconds that one piece of its work took.
            rounds: unless this run has its own number.
            warm_up: what the round that does not count calls instead.
        """
        rounds = self.rounds or (1 if self.quick else rounds)
        disk = {_DISK: lambda: self.disk.seconds(times=5 if self.quick else 100)}
        with Progress(what, steps=rounds + 1) as progress:
            samples = take_turns(
                {**contenders, **disk}, rounds=rounds, progress=progress, warm_up={**(warm_up or contenders), **disk}
            )
        return Race(samples, fdatasync(samples[_DISK], self.disk))


@dataclass(frozen=True, slots=True)
class Race:
    """What was measured: seconds by contender and round, and the disk's rate meanwhile."""

    samples: Samples
    disk: str

    def speed(self, row: str, ours: str, reference: str, *, measure: str, target: Target | None = None) -> Row:
        """How many times as fast as a reference; a note where that is missing."""
        whole = Row(row=row, ours=ours, reference=reference, measure=measure, target=target, disk=self.disk)
        if ours not in self.samples or reference not in self.samples:
            return replace(whole, note="not installed", disk="")
        return replace(whole, ratio=quartiles(self.samples[reference], self.samples[ours]))

    def cost(self, row: str, ours: str, reference: str, *, target: Target | None = None) -> Row:
        """How many times the time of a reference."""
        ratio = quartiles(self.samples[ours], self.samples[reference])
        return Row(row=row, ours=ours, reference=reference, measure="time", ratio=ratio, target=target, disk=self.disk)


def fdatasync(seconds: Sequence[float], disk: Disk) -> str:
    """The disk's rate, for a table."""
    rate = f"{1 / median(seconds):,.0f}/s"
    return f"{rate} in memory!" if disk.is_memory else rate


@contextmanager
def bench_in(directory: Path | None, *, quick: bool, rounds: int | None) -> Iterator[Bench]:
    """A run with its files below a directory, by default the temporary one; they are deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=directory) as name:
        folder = Path(name)
        folder.chmod(0o711)  # started by root, PostgreSQL is another user
        disk = Disk(folder)
        if disk.is_memory:
            print(
                f"{folder} is on {disk.file_system}, which is no disk: what is durable costs nothing there, "
                "and the ratios mean nothing; use --directory",
                file=sys.stderr,
            )
        databases = Databases(folder)
        try:
            yield Bench(databases=databases, disk=disk, quick=quick, rounds=rounds)
        finally:
            databases.close()
