"""Which dialect a delivery looks like, where several sign the same bytes with the same key."""

from collections.abc import Iterator, Sequence
from typing import Any

from licensechain_hooks.diagnosis._signatures import TIMESTAMP_HEADERS, Signature
from licensechain_hooks.diagnosis._trials import Match
from licensechain_hooks.diagnosis.captures import Capture
from licensechain_hooks.diagnosis.dialects import DIALECTS, Dialect

__all__ = ["dialects_of"]


def dialects_of(match: Match, capture: Capture, fields: Any) -> tuple[tuple[Dialect, ...], tuple[str, ...]]:
    """The dialects a delivery is signed as, and how it differs from the first of them, in words.

    None where no dialect signs such bytes in such a way.
    """
    if match.messages[0].code == "data-only":
        return _data_only(match)
    if match.digest in DIALECTS:
        dialect = DIALECTS[match.digest]
        return (dialect,), tuple(_differences(dialect, match.signature, capture, fields))
    if match.digest != "hmac-sha256" or match.messages[0].code == "timestamped":
        return (), ()
    key = "app-secret" if match.key.position is None else "secret"
    candidates = [
        (list(_differences(dialect, match.signature, capture, fields)), dialect)
        for dialect in DIALECTS.values()
        if dialect.serialiser is None and dialect.key == key and dialect.name not in {"payload-secret-sha256", "luau"}
    ]
    differences, dialect = min(candidates, key=lambda candidate: len(candidate[0]))
    return (dialect,), tuple(differences)


def _data_only(match: Match) -> tuple[tuple[Dialect, ...], tuple[str, ...]]:
    names = [message.words for message in match.messages if message.code == "data-only" and message.words]
    dialects = tuple(DIALECTS[f"data-only-{name}"] for name in names)
    place = match.signature.place
    return dialects, (f"its signature is in the header {place}",) if dialects and place else ()


def _differences(dialect: Dialect, signature: Signature, capture: Capture, fields: Any) -> Iterator[str]:
    header = (dialect.signature_header or "").lower()
    if signature.place != header:
        yield f"its signature is in {signature.place or 'the body'}"
    if bool(signature.prefixes) != dialect.is_prefixed:
        yield "sha256= precedes its signature" if signature.prefixes else "no sha256= precedes its signature"
    if signature.is_upper_case and not dialect.is_upper_case:
        yield "its signature is in upper case"
    if dialect.is_upper_case and not signature.is_upper_case:
        yield "its signature is in lower case"
    yield from _differences_in_time(dialect, capture)
    if isinstance(fields, dict):
        yield from _differences_in_body(dialect, fields)


def _differences_in_time(dialect: Dialect, capture: Capture) -> Iterator[str]:
    sent: Sequence[str] = [name for name in TIMESTAMP_HEADERS if capture.header(name) is not None]
    wanted = None if dialect.timestamp_header is None else dialect.timestamp_header.lower()
    if sent and wanted not in sent:
        yield f"it has the header {sent[0]}"
    if wanted is not None and not sent:
        yield "no header says when it was sent"


def _differences_in_body(dialect: Dialect, fields: dict[str, Any]) -> Iterator[str]:
    if dialect.type_key not in fields and ({"type", "event"} & set(fields)):
        yield f"it says {'event' if dialect.type_key == 'type' else 'type'} for {dialect.type_key}"
    if dialect.has_id != ("id" in fields):
        yield "it has no id" if dialect.has_id else "it has an id"
