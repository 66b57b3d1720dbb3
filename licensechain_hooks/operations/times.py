"""Moments and durations, as people type them."""

import re
from datetime import UTC, datetime, timedelta

from licensechain_hooks._rfc3339 import parse_rfc3339

__all__ = ["parse_duration", "parse_moment"]

_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def parse_duration(text: str) -> timedelta:
    """The duration a text such as ``15m`` means.

    Raises:
        ValueError: it means none.
    """
    try:
        return _duration(text)
    except (ValueError, OverflowError) as exc:
        msg = f"{text!r} is no duration such as 90s, 15m, 2h, 3d or 1w"
        raise ValueError(msg) from exc


def parse_moment(text: str) -> datetime:
    """The moment a time with its offset means, or a duration (ago), in UTC.

    Raises:
        ValueError: it means none.
    """
    try:
        if _DURATION.fullmatch(text):
            return datetime.now(UTC) - _duration(text)
        return parse_rfc3339(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        msg = f"{text!r} is no time such as 2026-01-31T12:00:00Z, 2h or 3d (ago)"
        raise ValueError(msg) from exc


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * _UNITS[found[2]]
