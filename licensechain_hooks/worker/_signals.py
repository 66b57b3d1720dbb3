"""Signals that stop a worker."""

import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["acting_on", "interrupt"]


@contextmanager
def acting_on(
    numbers: Collection[int],
    first: Callable[[], object],
    later: Callable[[], object],
    then: Callable[[int], object] | None,
) -> Iterator[None]:
    """Do something when a signal comes; it is done in a signal handler, in the main thread.

    Args:
        numbers: which signals.
        first: what to do when one comes.
        later: what to do instead when it is not the first one.
        then: what to do before that: it is told which it was.
    """
    came: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        try:
            if then is not None:
                then(number)
        finally:
            (first if len(came) == 1 else later)()

    previous = {}
    try:
        for number in numbers:
            previous[number] = signal.signal(number, handle)
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler or signal.SIG_DFL)


def interrupt() -> None:
    """End what the main thread does at once.

    Raises:
        KeyboardInterrupt: always.
    """
    raise KeyboardInterrupt
