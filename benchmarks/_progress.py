"""A progress bar on stderr, so that results on stdout stay clean."""

import sys
from types import TracebackType
from typing import Self

_WIDTH = 24


class Progress:
    """``with Progress("parsing", steps=20) as progress: progress.step()``; one line where stderr is no terminal."""

    def __init__(self, what: str, *, steps: int) -> None:
        self._what = what
        self._steps = steps
        self._done = 0
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Self:
        if self._live:
            self._draw()
        else:
            print(f"{self._what} …", file=sys.stderr, flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def step(self) -> None:
        """One more step is done."""
        self._done += 1
        if self._live:
            self._draw()

    def _draw(self) -> None:
        filled = _WIDTH * self._done // self._steps
        bar = "#" * filled + "-" * (_WIDTH - filled)
        print(f"\r\x1b[K[{bar}] {self._done}/{self._steps} {self._what}", end="", file=sys.stderr, flush=True)
