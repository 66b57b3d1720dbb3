"""Errors without the frames they came through."""

from typing import TypeVar

__all__ = ["without_frames"]

_E = TypeVar("_E", bound=BaseException)


def without_frames(error: _E) -> _E:
    """The error without the frames it came through, and so its causes.

    Those who report errors show the locals of frames, and the body of a delivery is among ours; also, frames keep alive
    what they hold.
    """
    met: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in met:
            met.append(one)
            one.__traceback__ = None
            waiting += [one.__cause__, one.__context__]
    return error
