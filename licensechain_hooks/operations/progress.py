"""How far something long has come, on stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

__all__ = ["progress"]

_INTERVAL = 2.0  # seconds between two lines, where there is no terminal


@contextmanager
def progress(title: str, note: Callable[[str], object]) -> Iterator[Callable[[str], None]]:
    """Show how far something has come: a bar on a terminal, where rich is installed, else a line from time to time.

    Args:
        title: what goes on.
        note: prints a line on stderr.

    Yields:
        what to call with the words for how far it has come.
    """
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        try:
            bar = _rich_bar(title)
        except ImportError:
            pass
        else:
            with bar as tell:
                yield tell
            return
    yield _Lines(title, note)


class _Lines:
    def __init__(self, title: str, note: Callable[[str], object]) -> None:
        self._title = title
        self._note = note
        self._next = monotonic() + _INTERVAL

    def __call__(self, words: str) -> None:
        if monotonic() >= self._next:
            self._note(f"{self._title}: {words}")
            self._next = monotonic() + _INTERVAL


def _rich_bar(title: str) -> Any:
    from rich.console import Console  # noqa: PLC0415 - slow to import, and only for a terminal
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    @contextmanager
    def bar() -> Iterator[Callable[[str], None]]:
        shown = (TextColumn(title), BarColumn(24), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
        with Progress(*shown, console=Console(stderr=True, markup=False), transient=True) as running:
            task = running.add_task(title, total=None, words="")
            yield lambda words: running.update(task, words=words)

    return bar()
