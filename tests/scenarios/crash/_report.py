"""How far a run is, and what came of it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import licensechain_hooks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.scenarios.crash._effects import Tally

_WIDTH = 24
_SHOWN_AFTER = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a run.

    Attributes:
        kind: of the inbox.
        seed: of its choices.
        events, redelivered, refused: how many were delivered, how many of them again; how often the answer was 503.
        kills, fruitful: SIGKILLs, and those that left entries in ``processing``.
        stops, aimed, overtaken: SIGSTOPs past the lease, those inside a handler, and those after which other workers had
            taken entries.
        seconds: it took.
        transactional, plain: the effects.
        states: how many entries are in each.
    """

    kind: str
    seed: int
    is_fenced: bool
    events: int
    redelivered: int
    refused: int
    kills: int
    fruitful: int
    stops: int
    aimed: int
    overtaken: int
    seconds: float
    transactional: Tally
    plain: Tally
    states: Mapping[str, int]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong: a plain handler may run again, and only that."""
        exactly_once = self.transactional
        wrong = exactly_once.duplicates + exactly_once.missing + exactly_once.inversions + self.plain.missing
        return wrong == 0 and self.states.get("processed", 0) == self.events == sum(self.states.values())


def as_json(result: Result) -> str:
    """For programs."""
    return json.dumps(asdict(result) | {"is_sound": result.is_sound})


def as_text(result: Result) -> str:
    """The table."""
    states = ", ".join(f"{count} {state}" for state, count in result.states.items() if count) or "none"
    lines = [
        ("package", licensechain_hooks.__file__),
        ("inbox", f"{result.kind}{'' if result.is_fenced else ', without its fence'}"),
        ("seed", result.seed),
        (
            "events",
            f"{result.events}, {result.redelivered} of them delivered again; 503 was answered {result.refused} times",
        ),
        ("kills", f"{result.kills}, {result.fruitful} of them left entries in processing"),
        (
            "stops past the lease",
            f"{result.stops}, {result.aimed} inside a handler, {result.overtaken} lost entries to others",
        ),
        ("seconds", f"{result.seconds:.1f}"),
        ("entries", states),
    ]
    table = [f"{name:<22}{value}" for name, value in lines]
    table.append(f"{'effects':<22}{'duplicates':>12}{'missing':>12}{'inversions':>12}")
    exactly_once, plain = result.transactional, result.plain
    table.append(
        f"{'  transactional':<22}{exactly_once.duplicates:>12}{exactly_once.missing:>12}{exactly_once.inversions:>12}"
    )
    table.append(f"{'  plain':<22}{plain.duplicates:>12}{plain.missing:>12}{'-':>12}")
    table.append(f"{'verdict':<22}{'sound' if result.is_sound else 'WRONG'}")
    return "\n".join(table)


class Progress:
    """A bar on stderr, where that is a terminal and it takes longer than two seconds."""

    def __init__(self, steps: int) -> None:
        self._steps = max(steps, 1)
        self._done = 0
        self._live = sys.stderr.isatty()
        self._shown_at = time.monotonic() + _SHOWN_AFTER
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._is_shown:
            _draw("")

    def step(self, what: str, count: int = 1) -> None:
        """So many more steps are done; ``what`` is done now."""
        self._done += count
        now = time.monotonic()
        if self._live and now >= self._shown_at:
            self._shown_at = now + 0.1
            self._is_shown = True
            filled = _WIDTH * self._done // self._steps
            bar = "#" * filled + "-" * (_WIDTH - filled)
            _draw(f"[{bar}] {what}")


def _draw(line: str) -> None:
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()
