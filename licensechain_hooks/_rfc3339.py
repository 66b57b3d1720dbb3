"""RFC 3339 times as LicenseChain writes them into bodies."""

import re
from datetime import datetime

__all__ = ["PATTERN", "from_matching", "parse_rfc3339"]

PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_matches = re.compile(PATTERN.replace("$", r"\Z")).match  # Python's $ would let a newline pass


def parse_rfc3339(text: str) -> datetime:
    """An aware ``datetime`` from RFC 3339 with an offset.

    A leap second (``:60``) is read as the second before it, digits beyond microseconds are cut off.

    Raises:
        ValueError: anything else: naive, a date only, a number, an impossible day.
    """
    if _matches(text) is None:
        msg = "not an RFC 3339 time with an offset"
        raise ValueError(msg)
    return from_matching(text)


def from_matching(text: str) -> datetime:
    """The same for a text that is known to match `PATTERN`; raises ``ValueError`` for an impossible day."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if text[17:19] == "60":
            text = f"{text[:17]}59{text[19:]}"
        return datetime.fromisoformat(text.upper())
