"""Numbers, moments and texts as people read them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

__all__ = ["columns", "either", "printable", "spell_count", "spell_duration", "spell_moment"]

_SIZES = {"d": 86400, "h": 3600, "min": 60, "s": 1}


def printable(text: str) -> str:
    r"""A text from elsewhere with its control characters spelled out (``\x1b``), so that a terminal obeys none."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines whose columns stand below each other."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def either(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def spell_count(number: int, noun: str) -> str:
    """A number and what it counts."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def spell_moment(time: datetime | None) -> str:
    """A moment as tables show it, to the second, in UTC."""
    return "-" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def spell_duration(time: timedelta) -> str:
    """A duration in its two largest units, such as ``2 h 5 min``."""
    seconds = max(0, int(time.total_seconds()))
    for (unit, size), (smaller, smaller_size) in pairwise(_SIZES.items()):
        if seconds >= size:
            rest = seconds % size // smaller_size
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"
