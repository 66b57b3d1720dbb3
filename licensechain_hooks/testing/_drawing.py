"""What a seed decides of an event: the same at every run and under every Python."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

__all__ = ["drawn_moment", "drawn_uuid", "varied"]

_CUID = "0123456789abcdefghijklmnopqrstuvwxyz"
_KEY = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without those that people take for others
_DAY = 24 * 60 * 60
_NAMES = ("Ada Lindqvist", "Bao Tran", "Chidi Okafor", "Dana Weiss", "Elif Kaya", "Femke Jansen", "Goran Babic")


def drawn_uuid(seed: int | str, what: str) -> uuid.UUID:
    """A random UUID."""
    return uuid.UUID(int=_draw(seed, f"{what} id").getrandbits(128), version=4)


def drawn_moment(seed: int | str, what: str) -> datetime:
    """A moment of January 2026, to the second."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=_draw(seed, f"{what} time").randrange(31 * _DAY))


def varied(name: str, value: Any, seed: int | str) -> Any:
    """A value of the example's kind for a field of an event's ``data``."""
    prefix = re.fullmatch(r"([a-z]+_)1", value) if isinstance(value, str) else None
    if prefix:  # an id: the same license whether an event is about it or about a payment for it
        return prefix[1] + _text(_draw(seed, prefix[1]), _CUID, 24)
    if name in {"email", "name"} and str(value).lower().startswith("ada"):  # of a person, not of a product
        person = _draw(seed, "person").choice(_NAMES)
        return person if name == "name" else f"{person.lower().replace(' ', '.')}@example.com"
    return _VARIED[name](_draw(seed, name)) if name in _VARIED else value


def _draw(seed: int | str, what: str) -> Random:
    return Random(f"{seed!r} {what}")  # noqa: S311 - an example, not a secret


def _text(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choices(alphabet, k=length))


def _license_key(random: Random) -> str:
    return "-".join(["LC", *(_text(random, _KEY, 4) for _ in range(4))])


def _day(first: datetime) -> Callable[[Random], str]:
    """A moment within the year from a day on."""
    return lambda random: (first + timedelta(seconds=random.randrange(365 * _DAY))).strftime("%Y-%m-%dT%H:%M:%SZ")


_VARIED: dict[str, Callable[[Random], Any]] = {
    "amount": lambda random: f"{random.randrange(100, 100_000) / 100:.2f}",
    "createdAt": _day(datetime(2025, 1, 1, tzinfo=UTC)),
    "currency": lambda random: random.choice(("EUR", "USD", "GBP")),
    "currentPeriodEnd": _day(datetime(2027, 1, 1, tzinfo=UTC)),
    "expiresAt": _day(datetime(2027, 1, 1, tzinfo=UTC)),
    "hardwareId": lambda random: f"{_text(random, '0123456789ABCDEF', 8)}-{_text(random, '0123456789ABCDEF', 12)}",
    "licenseKey": _license_key,
}
