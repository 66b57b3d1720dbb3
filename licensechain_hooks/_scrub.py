"""What may be kept of an error: not what a customer's data holds, nor what opens a door."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

__all__ = ["LONGEST", "scrub"]

LONGEST = 2000
_LOOKED_AT = 20_000
_TELLING = 12  # so much of a long string tells it from others
_GONE = "[…]"
_IS_ID = re.compile(r"id|.*(_id|Id)", re.DOTALL)
_PATTERNS = (
    (re.compile(r"://[^/\s@]{1,1000}@"), f"://{_GONE}@"),
    (re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){1,9}"), _GONE),
    (
        re.compile(
            r"(?i)\b(\w{0,40}(?:password|passwd|secret|token|api_?key|authorization)['\"]?\s{0,9}[=:]\s{0,9})\S+"
        ),
        rf"\1{_GONE}",
    ),
)


def scrub(error: BaseException, raw_body: bytes) -> tuple[str, str]:
    """What to store of an error that a handler raised.

    Args:
        error: what was raised.
        raw_body: the event the handler was given. None of its strings is kept, but for ids.

    Returns:
        The error's class, and that with its message: without e-mail addresses, passwords and tokens, in printable
        characters, at most 2000.
    """
    code = type(error).__name__[:100]
    message = _message(error)
    text = message[:_LOOKED_AT]
    for value in _strings_in(raw_body):
        text = _without(text, value)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    if len(message) > _LOOKED_AT and len(text) < LONGEST:  # its end may be the beginning of what should be gone
        text = text[: text.rfind(_GONE) + len(_GONE)]
    return code, _printable(f"{code}: {text}" if text else code)[:LONGEST]


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, ValidationError):  # its text shows parts of what it validated
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['type']}" for problem in problems[:20])
        return str(error)
    except Exception:  # noqa: BLE001 - somebody else's __str__
        return ""


def _strings_in(raw_body: bytes) -> list[str]:
    """The strings of an event, the longest first; without those that are ids, its type and its time."""
    try:
        fields = from_json(raw_body)
    except ValueError:
        return []
    if isinstance(fields, dict):
        fields = {name: value for name, value in fields.items() if name not in {"type", "event", "timestamp"}}
    return sorted(set(_strings(fields)), key=len, reverse=True)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if not (isinstance(item, str) and _IS_ID.fullmatch(name)):
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _without(text: str, value: str) -> str:
    """The text without a string, in any case, as it is and as ``repr`` writes it."""
    lowered = text.lower()
    for form in {value, repr(value)[1:-1]}:
        if form[:_TELLING].lower() in lowered:
            text = _cut_out(text, form)
    return text


def _cut_out(text: str, value: str) -> str:
    """Messages shorten what they quote, so as much is cut out as follows the beginning; a short word only as a word."""
    bounds = (r"(?<!\w)", r"(?!\w)") if len(value) < 4 else ("", "")
    kept, end = [], 0
    for match in re.finditer(re.escape(value[:_TELLING]).join(bounds), text, flags=re.IGNORECASE):
        if match.start() < end:
            continue
        kept.append(text[end : match.start()])
        end = match.end()
        for character in value[_TELLING:]:
            if text[end : end + 1].lower() != character.lower():
                break
            end += 1
    return _GONE.join([*kept, text[end:]])


def _printable(text: str) -> str:
    """Control characters, line ends and lone surrogates as escapes."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
