"""Texts from elsewhere, as people can read them: a browser, too, must take none of them for anything but text."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["PayloadText", "payload_text", "spelled_out"]

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_OPENING, _CLOSING = frozenset("{["), frozenset("}]")
_MOST = 64 * 1024  # characters; the rest can be downloaded
_INDENT = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadText:
    """A payload, to be read.

    Attributes:
        text: of it, indented where it is JSON, without control characters but new lines.
        kind: ``json``; ``text`` that is no JSON; ``binary``, which is no UTF-8 and has its odd bytes spelled out.
        is_cut: whether there is more than ``text``.
        size: of all of it, in bytes.
    """

    text: str
    kind: Literal["json", "text", "binary"]
    is_cut: bool
    size: int


def payload_text(raw_body: bytes, *, most: int = _MOST) -> PayloadText:
    """A payload as text; numbers, escapes and repeated keys stay as they were sent.

    Args:
        raw_body: any bytes.
        most: how many characters are enough.
    """
    kind = _kind(raw_body)
    text = raw_body.decode(errors="backslashreplace")
    shown, is_cut = _joined(_indented(text), most) if kind == "json" else (text[:most], len(text) > most)
    readable = _escaped(shown) if kind == "json" else spelled_out(shown, keep="\n")
    return PayloadText(text=readable, kind=kind, is_cut=is_cut, size=len(raw_body))


def spelled_out(text: str, *, keep: str = "") -> str:
    r"""A text with what nobody can see spelled out (``\x1b``, ``\u202e``), but for the characters of ``keep``."""
    return "".join(
        character if character.isprintable() or character in keep else character.encode("unicode_escape").decode()
        for character in text
    )


def _escaped(text: str) -> str:
    """JSON with what nobody can see as JSON's own escapes, so that it still says the same."""
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def _kind(raw_body: bytes) -> Literal["json", "text", "binary"]:
    try:
        json.loads(raw_body.decode(), parse_int=str, parse_float=str)
    except UnicodeDecodeError:
        return "binary"
    except (ValueError, RecursionError):
        return "text"
    return "json"


def _indented(text: str) -> Iterator[str]:
    """The pieces of JSON, one thing to a line."""
    depth, before = 0, ""
    for piece in map(re.Match.group, _PIECE.finditer(text)):
        depth -= piece in _CLOSING
        is_empty = piece in _CLOSING and before in _OPENING
        if not is_empty and (piece in _CLOSING or before in _OPENING or before == ","):
            yield f"\n{_INDENT * depth}"
        yield f"{piece} " if piece == ":" else piece
        depth += piece in _OPENING
        before = piece


def _joined(pieces: Iterator[str], most: int) -> tuple[str, bool]:
    """The text of pieces, and whether it had to be cut; of deep JSON the white space alone may be a lot."""
    taken, size = [], 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size > most:
            return "".join(taken)[:most], True
    return "".join(taken), False
