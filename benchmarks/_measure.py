"""Timing contenders against each other."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks._progress import Progress

Samples = Mapping[str, Sequence[float]]
"""One figure a round, by contender."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to time: ``call`` runs once for each case; ``cases`` makes new ones for every round."""

    call: Callable[..., object]
    cases: Callable[[], list[tuple]]


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio should be."""

    bound: float
    at_least: bool = False

    def met(self, ratio: float) -> bool:
        """Whether a ratio keeps it, to the two digits that are printed."""
        return round(ratio, 2) >= self.bound if self.at_least else round(ratio, 2) <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table; ``ratio`` is quartile, median, quartile, or ``None`` with a ``note`` that says why."""

    row: str
    ours: str
    reference: str
    measure: str
    ratio: tuple[float, float, float] | None = None
    target: Target | None = None
    note: str = ""
    disk: str = ""  # how fast it was meanwhile, where that matters

    @property
    def met(self) -> bool | None:
        """Whether the target is met; ``None`` where there is none."""
        return None if self.target is None or self.ratio is None else self.target.met(self.ratio[1])


def at_most(bound: float) -> Target:
    """A ratio of costs."""
    return Target(bound)


def at_least(bound: float) -> Target:
    """A ratio of speeds."""
    return Target(bound, at_least=True)


def quartiles(numerators: Iterable[float], denominators: Iterable[float]) -> tuple[float, float, float]:
    """Quartile, median and quartile of the rounds' ratios."""
    ratios = [over / under for over, under in zip(numerators, denominators, strict=True)]
    if len(ratios) == 1:
        return ratios[0], ratios[0], ratios[0]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return low, middle, high


def in_random_order(names: Iterable[str]) -> list[str]:
    """The names of a round, so that no contender always runs behind the same other one."""
    shuffled = list(names)
    random.shuffle(shuffled)
    return shuffled


def race(contenders: Mapping[str, Contender], *, rounds: int, progress: Progress) -> Samples:
    """CPU seconds of this thread for a call, by contender and round; one round more warms up."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name in in_random_order(contenders):
            seconds = _seconds_per_call(contenders[name])
            if number:
                samples[name].append(seconds)
        progress.step()
    return samples


def take_turns(
    contenders: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    progress: Progress,
    warm_up: Mapping[str, Callable[[], float]],
) -> Samples:
    """What each contender says it took, by contender and round; one round more warms up."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for name in in_random_order(warm_up):
        warm_up[name]()
    progress.step()
    for _ in range(rounds):
        for name in in_random_order(contenders):
            gc.collect()
            samples[name].append(contenders[name]())
        progress.step()
    return samples


def _seconds_per_call(contender: Contender) -> float:
    call, cases = contender.call, contender.cases()
    gc.collect()
    gc.disable()
    try:
        started = time.thread_time_ns()
        for case in cases:
            call(*case)
        return (time.thread_time_ns() - started) / len(cases) / 1e9
    finally:
        gc.enable()
