"""What a sender may have signed, with which key and how: all that is tried on a delivery, one change at a time."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from licensechain_hooks.diagnosis._serialisers import SERIALISERS
from licensechain_hooks.diagnosis._signatures import TIMESTAMP_HEADERS, Signature
from licensechain_hooks.diagnosis.captures import Capture
from licensechain_hooks.diagnosis.dialects import Digest, hmac_over_hex, hmac_sha256, sha256_of_payload_and_secret

__all__ = ["Key", "Match", "Message", "find_match"]

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One of the secrets, or what a mishap makes of it.

    Attributes:
        label: which secret, in words; never its text.
        position: in the list of secrets, newest first; ``None`` for the application's.
        mishap: what happened to it, in words; empty: nothing.
    """

    secret: bytes
    label: str
    position: int | None
    mishap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Bytes that may have been signed: ``code`` is a kind of change, ``words`` say which, empty for the raw body."""

    signed: bytes
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What was signed, with what, how. ``messages`` are all that have the same bytes."""

    signature: Signature
    key: Key
    messages: tuple[Message, ...]
    digest: str = "hmac-sha256"
    is_cut: bool = False


_OTHER_DIGESTS: dict[str, Digest] = {
    "payload-secret-sha256": sha256_of_payload_and_secret,
    "luau": hmac_over_hex,
    "hmac-sha1": lambda key, message: hmac.new(key, message, "sha1").hexdigest(),
    "hmac-sha512": lambda key, message: hmac.new(key, message, "sha512").hexdigest(),
    "hmac-md5": lambda key, message: hmac.new(key, message, "md5").hexdigest(),
    "secret-payload-sha256": lambda key, message: hashlib.sha256(key + message).hexdigest(),
    "sha1": lambda key, message: hashlib.sha1(message + key, usedforsecurity=False).hexdigest(),
    "sha512": lambda key, message: hashlib.sha512(message + key).hexdigest(),
    "plain-sha256": lambda _key, message: hashlib.sha256(message).hexdigest(),
}


def find_match(
    capture: Capture, fields: Any, found: Sequence[Signature], secrets: Sequence[str], app_secret: str | None
) -> Match | None:
    """What one of the signatures is of; ``None`` where one change does not explain any.

    Args:
        capture: the delivery, its body known.
        fields: the body, parsed; ``None`` where it is not JSON.
        found: what could be its signature.
        secrets: newest first.
        app_secret: the application's.
    """
    body = capture.body or b""
    raw = (Message(signed=body),)
    keys = list(_keys(secrets, app_secret))
    groups = [raw, *_groups(_messages(capture, body, fields), body)]

    def trials() -> Iterator[tuple[Key, tuple[Message, ...], str, Digest]]:
        yield from ((key, raw, "hmac-sha256", hmac_sha256) for key in keys)
        for name, digest in _OTHER_DIGESTS.items():
            yield from ((key, raw, name, digest) for key in keys)
        for group in groups[1:]:
            yield from ((key, group, "hmac-sha256", hmac_sha256) for key in keys)
        yield from ((key, raw, "hmac-sha256", hmac_sha256) for key in _mishaps(keys))

    for key, messages, name, digest in trials():
        computed = digest(key.secret, messages[0].signed)
        for signature in found:
            if signature.stands_for(computed):
                is_cut = len(signature.digits) < len(computed)
                return Match(signature=signature, key=key, messages=messages, digest=name, is_cut=is_cut)
    return None


def _keys(secrets: Sequence[str], app_secret: str | None) -> Iterator[Key]:
    for position, secret in enumerate(secrets):
        label = "the secret" if len(secrets) == 1 else f"secret {position + 1} of {len(secrets)}"
        yield Key(secret=secret.encode(errors="surrogatepass"), label=label, position=position)
    if app_secret:
        yield Key(secret=app_secret.encode(errors="surrogatepass"), label="the app secret", position=None)


def _mishaps(keys: Sequence[Key]) -> Iterator[Key]:
    for key in keys:
        for words, change in _MISHAPS.items():
            changed = change(key.secret)
            if changed and changed != key.secret:
                yield Key(secret=changed, label=key.label, position=key.position, mishap=words)


def _decoded(decode: Callable[[bytes], bytes], secret: bytes) -> bytes:
    try:
        return decode(secret)
    except (binascii.Error, ValueError):
        return b""


def _unpadded(secret: bytes) -> bytes:
    digits = secret.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


_MISHAPS: dict[str, Callable[[bytes], bytes]] = {
    "a line end behind it": lambda secret: secret + b"\n",
    "CR and LF behind it": lambda secret: secret + b"\r\n",
    "a CR behind it": lambda secret: secret + b"\r",
    "a space behind it": lambda secret: secret + b" ",
    "a space before it": lambda secret: b" " + secret,
    "a tab behind it": lambda secret: secret + b"\t",
    "double quotes around it": lambda secret: b'"' + secret + b'"',
    "single quotes around it": lambda secret: b"'" + secret + b"'",
    "a byte order mark before it": lambda secret: _BOM + secret,
    "its white space cut off": lambda secret: secret.strip(),
    "its quotes cut off": lambda secret: secret.strip(b"'\""),
    "its letters in lower case": lambda secret: secret.lower(),
    "its letters in upper case": lambda secret: secret.upper(),
    "its hex digits decoded to bytes": partial(_decoded, lambda secret: bytes.fromhex(secret.decode())),
    "its base64 decoded to bytes": partial(_decoded, _unpadded),
    "whsec_ cut off": lambda secret: secret.removeprefix(b"whsec_"),
    "whsec_ cut off and its base64 decoded to bytes": lambda secret: (
        _decoded(_unpadded, secret.removeprefix(b"whsec_")) if secret.startswith(b"whsec_") else b""
    ),
    "itself written as hex digits": lambda secret: secret.hex().encode(),
    "itself written as base64": base64.b64encode,
}


def _groups(messages: Iterator[Message], body: bytes) -> list[tuple[Message, ...]]:
    """Those of the same bytes together; without those that are the body itself."""
    groups: dict[bytes, list[Message]] = {}
    for message in messages:
        if message.signed != body:
            groups.setdefault(message.signed, []).append(message)
    return [tuple(group) for group in groups.values()]


def _messages(capture: Capture, body: bytes, fields: Any) -> Iterator[Message]:
    yield from _edges(body)
    if fields is not None:
        yield from _rewritten(fields)
    for name in TIMESTAMP_HEADERS:
        if (sent := capture.header(name)) is not None:
            yield Message(signed=sent.encode("latin-1", "replace") + b"." + body, code="timestamped", words="TIME.BODY")
            yield Message(signed=sent.encode("latin-1", "replace") + body, code="timestamped", words="TIMEBODY")


def _edges(body: bytes) -> Iterator[Message]:
    shorter = body.rstrip(b"\r\n")
    yield Message(signed=shorter, code="line-end-added")
    yield Message(signed=body.strip(), code="white-space-added")
    yield Message(signed=body + b"\n", code="line-end-missing")
    yield Message(signed=body + b"\r\n", code="line-end-missing")
    unix = body.replace(b"\r\n", b"\n")
    yield Message(signed=unix, code="line-ends-changed", words="LF became CRLF")
    yield Message(signed=unix.replace(b"\n", b"\r\n"), code="line-ends-changed", words="CRLF became LF")
    yield Message(signed=body.removeprefix(_BOM), code="bom-added")
    yield Message(signed=_BOM + body, code="bom-missing")


def _rewritten(fields: Any) -> Iterator[Message]:
    if isinstance(fields, dict) and "data" in fields:
        for name in SERIALISERS:
            yield from _written(fields["data"], "data-only", name, SERIALISERS[name])
        yield from _written(fields["data"], "data-only", "", partial(_dumps, sort_keys=True))
    forms: dict[str, Callable[[Any], str]] = {
        "compactly": SERIALISERS["node"],
        "with spaces, all in ASCII (Python's json.dumps)": SERIALISERS["python"],
        "compactly, all in ASCII": partial(_dumps, separators=(",", ":")),
        "with spaces": partial(_dumps, ensure_ascii=False),
        "compactly, with sorted keys": SERIALISERS["rust"],
        "compactly, with sorted keys, all in ASCII": partial(_dumps, separators=(",", ":"), sort_keys=True),
        "with spaces and sorted keys": partial(_dumps, sort_keys=True),
        "as Go writes it": SERIALISERS["go"],
        "as PHP writes it": SERIALISERS["php"],
        "as PHP writes it, all in ASCII": lambda value: _dumps(value, separators=(",", ":")).replace("/", "\\/"),
        "indented by 2": partial(_dumps, indent=2, ensure_ascii=False),
        "indented by 4": partial(_dumps, indent=4, ensure_ascii=False),
    }
    for words, form in forms.items():
        yield from _written(fields, "reserialised", words, form)
    if isinstance(fields, dict) and "signature" in fields:
        rest = {name: value for name, value in fields.items() if name != "signature"}
        for words, form in forms.items():
            yield from _written(rest, "without-signature", words, form)


def _written(value: Any, code: str, words: str, form: Callable[[Any], str]) -> Iterator[Message]:
    try:
        yield Message(signed=form(value).encode(), code=code, words=words)
    except (ValueError, TypeError, RecursionError):
        return


def _dumps(value: Any, **settings: Any) -> str:
    return json.dumps(value, **settings)
