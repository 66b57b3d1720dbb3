"""The catalogue for an endpoint of profile "compat": what it takes besides, and what it still refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from licensechain_hooks.testing._catalogue import CATALOGUE, Case
from licensechain_hooks.testing._delivery import RawDelivery
from licensechain_hooks.testing._forge import Forge, Maker, signed, timestamp

__all__ = ["COMPAT_CATALOGUE"]

_TAKEN = {(9, "timestamp missing"), (29, "id absent")}


def _catalogue() -> Iterator[Case]:
    for case in CATALOGUE:
        taken = (case.row, case.name) in _TAKEN
        yield replace(case, row=34, status=200, outcome="processed") if taken else case
    for name, make in _ACCEPTED.items():
        yield Case(row=34, name=name, status=200, outcome="processed", make=make)
    for name, (status, make) in _REFUSED.items():
        yield Case(row=35, name=name, status=status, outcome="rejected", make=make)


def _renamed(delivery: RawDelivery) -> RawDelivery:
    """The same under the header names of LicenseChain's own services."""
    headers = tuple((name.replace(b"X-Webhook-", b"X-LicenseChain-"), value) for name, value in delivery.headers)
    return replace(delivery, headers=headers)


def _in_milliseconds(forge: Forge) -> RawDelivery:
    return timestamp(forge.timestamp() + b"000")(forge)


def _in_words(forge: Forge) -> RawDelivery:
    return timestamp(f"{datetime.fromtimestamp(forge.clock(), UTC):%Y-%m-%dT%H:%M:%SZ}".encode())(forge)


def _event_for_type(forge: Forge) -> bytes:
    return forge.body(type=..., event="license.created")


def _both_families(forge: Forge) -> RawDelivery:
    delivery = forge.delivery()
    return delivery.with_headers((b"X-LicenseChain-Signature", b"0" * 64))


_ACCEPTED: dict[str, Maker] = {
    "the other header names": lambda forge: _renamed(forge.delivery()),
    "time in milliseconds": _in_milliseconds,
    "time in ISO 8601": _in_words,
    "event for type": signed(_event_for_type),
}
_REFUSED: dict[str, tuple[int, Maker]] = {
    "both header families, one wrong": (401, _both_families),
    "a forgery under the other name": (401, lambda forge: _renamed(forge.forged(lambda _body: b"0" * 64))),
    "type and event differ": (400, signed(lambda forge: forge.body(event="license.revoked"))),
}

COMPAT_CATALOGUE: tuple[Case, ...] = tuple(sorted(_catalogue(), key=lambda case: case.row))
"""As `CATALOGUE`; rows 34 and 35 are the profile's own."""
