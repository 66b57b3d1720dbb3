"""Moments and durations, as people type and read them."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import click

from licensechain_hooks._rfc3339 import parse_rfc3339

__all__ = ["duration", "moment", "spell_duration", "spell_moment"]

_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_SIZES = {"d": 86400, "h": 3600, "min": 60, "s": 1}


def duration(text: str) -> timedelta:
    """The duration a text such as ``15m`` means; for an option's ``type``.

    Raises:
        click.BadParameter: it means none.
    """
    try:
        return _parse_duration(text)
    except (ValueError, OverflowError) as exc:
        msg = f"{text!r} is no duration such as 90s, 15m, 2h, 3d or 1w"
        raise click.BadParameter(msg) from exc


def moment(text: str) -> datetime:
    """The moment a time with its offset means, or a duration (ago), in UTC; for an option's ``type``.

    Raises:
        click.BadParameter: it means none.
    """
    try:
        if _DURATION.fullmatch(text):
            return datetime.now(UTC) - _parse_duration(text)
        return parse_rfc3339(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        msg = f"{text!r} is no time such as 2026-01-31T12:00:00Z, 2h or 3d (ago)"
        raise click.BadParameter(msg) from exc


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


def _parse_duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * _UNITS[found[2]]
