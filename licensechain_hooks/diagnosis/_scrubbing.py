"""A capture without what opens doors or names people: license keys, e-mail addresses, secrets, signatures."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from licensechain_hooks.diagnosis.captures import Capture

__all__ = ["scrub_capture"]

_GONE = "[…]"
_TELLING = re.compile(r"key|secret|token|passw|e?mail|authorization|cookie|credential|signature")
_KEYS_NOT_SECRET = re.compile(r"idempotency-?key")
_HEX = re.compile(r"[0-9A-Fa-f]{16,}")
_PATTERNS = (
    re.compile(r"[^\s@\"'<>:;,()]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,9}"),  # an e-mail address
    re.compile(r"\b[A-Z0-9]{3,10}(?:-[A-Z0-9]{3,10}){2,}\b|\b(?:LC|LIC)-[A-Za-z0-9-]{6,}\b"),  # a key as it is printed
    re.compile(r"\b(?=[A-Z0-9]*[A-Z])[A-Z0-9]{20,}\b"),
)
_SHORTEST = 6  # of values that are looked for elsewhere
_PATIENCE = 10_000_000  # bytes to look through for all of them


def scrub_capture(capture: Capture, secrets: Iterable[str]) -> Capture:
    """The capture with its findings, but without values that must not be passed on.

    The body keeps its shape, its ids, types and times; one that is not JSON is not kept, for nobody can say what in it
    is harmless, nor is one that is mostly to be hidden.

    Args:
        capture: as it arrived.
        secrets: what must not appear anywhere.
    """
    fields = _parsed(capture.body)
    known, hidden = set(filter(None, secrets)), set(_values_to_hide(fields))
    if len(hidden) * len(capture.body or b"") > _PATIENCE:  # a body that is made to take long
        fields, hidden = None, set()
    gone = tuple(sorted(known | hidden, key=len, reverse=True))
    body = None
    if fields is not None:
        body = json.dumps(_scrubbed(fields, gone), separators=(",", ":"), ensure_ascii=True).encode()
    return replace(
        capture,
        body=body,
        headers=tuple((_text(name, gone), _header(name, value, gone)) for name, value in capture.headers),
        path=_text(capture.path, gone),
        scrubbed=True,
    )


def _parsed(body: bytes | None) -> Any:
    try:
        return None if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return None


def _hides(name: str) -> bool:
    lowered = name.lower()
    return _TELLING.search(lowered) is not None and _KEYS_NOT_SECRET.fullmatch(lowered) is None


def _values_to_hide(value: Any, *, is_hidden: bool = False) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _values_to_hide(item, is_hidden=is_hidden or _hides(name))
    elif isinstance(value, list):
        for item in value:
            yield from _values_to_hide(item, is_hidden=is_hidden)
    elif isinstance(value, str) and is_hidden and len(value) >= _SHORTEST:
        yield value


def _scrubbed(value: Any, gone: tuple[str, ...], *, is_hidden: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            _text(name, gone): _scrubbed(item, gone, is_hidden=is_hidden or _hides(name))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_scrubbed(item, gone, is_hidden=is_hidden) for item in value]
    if is_hidden and value is not None:
        return _GONE
    return _text(value, gone) if isinstance(value, str) else value


def _text(text: str, gone: tuple[str, ...]) -> str:
    for value in gone:
        text = text.replace(value, _GONE)
    for pattern in _PATTERNS:
        text = pattern.sub(_GONE, text)
    return text


def _header(name: str, value: str, gone: tuple[str, ...]) -> str:
    """Of a signature its shape stays, for that tells how it is spelled."""
    if "signature" in name and _HEX.search(value):
        return _text(_HEX.sub(lambda found: f"[{len(found[0])} hex digits]", value), gone)
    return _GONE if _hides(name) else _text(value, gone)
