"""Ids, times and spellings as LicenseChain has them on the wire."""

import re
import secrets
import string
from datetime import UTC, datetime
from typing import Any

__all__ = ["from_wire", "new_id", "new_license_key", "snake_keys", "to_wire"]

_ID_ALPHABET = string.ascii_lowercase + string.digits
_KEY_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def new_id() -> str:
    """A new id, of the form of a cuid."""
    return "c" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(24))


def new_license_key() -> str:
    """A new license key."""
    parts = ("".join(secrets.choice(_KEY_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(["LC", *parts])


def to_wire(moment: datetime) -> str:
    """A time as JavaScript writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_wire(text: str) -> datetime:
    """The time that `to_wire` wrote."""
    return datetime.fromisoformat(text)


def snake_keys(fields: dict[str, Any]) -> dict[str, Any]:
    """The same fields under their names in snake_case."""
    return {_HUMP.sub(r"_\1", name).lower(): value for name, value in fields.items()}
