"""Where in a delivery something stands that could be a signature, and how it is spelled."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from licensechain_hooks.diagnosis.captures import Capture

__all__ = ["SIGNATURE_HEADERS", "TIMESTAMP_HEADERS", "Signature", "signatures_in"]

SIGNATURE_HEADERS = ("x-webhook-signature", "x-licensechain-signature")
TIMESTAMP_HEADERS = ("x-webhook-timestamp", "x-licensechain-timestamp")

_PREFIX = re.compile(r"(hmac-)?(md5|sha-?1|sha-?256|sha-?512|v[0-9])[ \t]*[=,:][ \t]*", re.IGNORECASE)
_HEX = re.compile(r"[0-9A-Fa-f]{16,128}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{27,88}={0,2}")
_SIZES = {20, 32, 64}  # of digests, bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Something that could be one.

    Attributes:
        place: the header's name in lower case, empty where it stands in the body.
        digits: its hex digits in lower case.
        prefixes: what stood before them.
        is_upper_case: whether a digit is an upper-case letter.
        is_base64: whether it was base64 and not hex.
        is_quoted: whether quotes stood around it.
    """

    place: str
    digits: str
    prefixes: tuple[str, ...] = ()
    is_upper_case: bool = False
    is_base64: bool = False
    is_quoted: bool = False

    @property
    def is_in_place(self) -> bool:
        """Whether a receiver looks there."""
        return self.place in SIGNATURE_HEADERS

    @property
    def is_meant(self) -> bool:
        """Whether it stands where somebody means a signature, and is not just any number."""
        return not self.place or "signature" in self.place

    def stands_for(self, digest: str) -> bool:
        """Whether it is this digest or the beginning of it."""
        return bool(self.digits) and digest.startswith(self.digits)


def signatures_in(capture: Capture, fields: Any) -> Iterator[Signature]:
    """The candidates, the likeliest first.

    Args:
        capture: the delivery.
        fields: its body, parsed; ``None`` where it is not JSON.
    """
    headers = dict(capture.headers)
    for name in SIGNATURE_HEADERS:
        for value in dict.fromkeys(headers.pop(name, "").split(",")):
            yield from _read(value, name)
    if isinstance(fields, dict) and isinstance(fields.get("signature"), str):
        yield from _read(fields["signature"], "")
    for name, value in headers.items():
        yield from _read(value, name)


def _read(text: str, place: str) -> Iterator[Signature]:
    rest = text.strip()
    bare = rest.strip("'\"")
    is_quoted, rest = bare != rest, bare
    prefixes = []
    while (found := _PREFIX.match(rest)) is not None:
        prefixes.append(found[0])
        rest = rest[found.end() :]
    digits, is_base64 = rest, False
    if _HEX.fullmatch(rest) is None:
        digits, is_base64 = _from_base64(rest), True
    if digits:
        yield Signature(
            place=place,
            digits=digits.lower(),
            prefixes=tuple(prefixes),
            is_upper_case=not is_base64 and digits != digits.lower(),
            is_base64=is_base64,
            is_quoted=is_quoted,
        )


def _from_base64(text: str) -> str:
    if _BASE64.fullmatch(text) is None:
        return ""
    try:
        mac = base64.b64decode(
            text.replace("-", "+").replace("_", "/").rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        )
    except (binascii.Error, ValueError):
        return ""
    return mac.hex() if len(mac) in _SIZES else ""
