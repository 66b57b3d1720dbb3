"""What a delivery must tell before it is stored: half of the time of a typed event, and less the larger the body.

``data`` is checked to be an object and its fields are left alone, but for those that name a license. Whatever this
quick look cannot decide, `parse_event` does, so that both accept the same bodies.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import CoreConfig, SchemaValidator, core_schema

from licensechain_hooks._rfc3339 import PATTERN, from_matching
from licensechain_hooks.events._base import ID_PATTERN, TYPE_LENGTH, TYPE_PATTERN, Event, UnknownEvent
from licensechain_hooks.events._parse import EVENT_CLASSES, holds_nan, parse_event
from licensechain_hooks.events.aliases import canonical_type
from licensechain_hooks.exceptions import PayloadError

__all__ = ["Envelope", "license_id_of", "parse_envelope", "reparse"]

_EventClass = type[Event]  # here, for Envelope has a type of its own


class Envelope:
    """An event whose ``data`` nobody has validated yet: what an inbox needs to know of it. Immutable.

    Attributes:
        id: see `Event`.
        raw_type: the type as it was sent; see ``type``.
        raw_timestamp: the time as it was sent; see ``timestamp``.
        license_id: the license it is about; see `license_id_of`.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields  # as they were sent: whoever wants none of them pays for none

    @property
    def id(self) -> str:
        return self._fields["id"]  # type: ignore[no-any-return]

    @property
    def raw_type(self) -> str:
        return self._fields["type"]  # type: ignore[no-any-return]

    @property
    def raw_timestamp(self) -> str:
        return self._fields["timestamp"]  # type: ignore[no-any-return]

    @property
    def type(self) -> str:
        """The canonical event type, such as ``license.revoked``."""
        return canonical_type(self.raw_type)

    @property
    def timestamp(self) -> datetime:
        """When it happened, with the offset it was sent with; see `Event.timestamp`."""
        return from_matching(self.raw_timestamp)

    @property
    def event_class(self) -> _EventClass:
        """The model of this type; an event whose ``data`` does not validate becomes an `UnknownEvent` all the same."""
        return EVENT_CLASSES.get(self.type, UnknownEvent)

    @property
    def license_id(self) -> str | None:
        return _license_id(self.raw_type, self._fields["data"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Envelope) and _facts(self) == _facts(other)

    def __hash__(self) -> int:
        return hash(_facts(self))

    def __repr__(self) -> str:
        return f"Envelope(id={self.id!r}, type={self.type!r})"


def parse_envelope(body: bytes, *, lenient: bool = False) -> Envelope:
    """The envelope of the event in a body whose signature holds.

    Args:
        body: the raw body.
        lenient: see `parse_event`.

    Raises:
        PayloadError: exactly where `parse_event` raises it.
    """
    if body.rfind(b"Infinity") < 0 and (78 not in body or not holds_nan(body)):  # as parse_event looks
        try:
            fields = _validate(body)
        except ValidationError:
            pass
        else:
            if not lenient or fields.get("event") is None:
                return Envelope(fields)
    return _envelope_of(parse_event(body, lenient=lenient))


def license_id_of(event: Event | Envelope) -> str | None:
    """The license an event is about: ``data.id`` of ``license.*``, else ``data.licenseId`` or ``data.license_id``.

    ``None`` where that is no string of 1 to 255 printable characters without white space at its ends.
    """
    return event.license_id if isinstance(event, Envelope) else _envelope_of(event).license_id


def reparse(body: bytes) -> Event:
    """The event in a stored body: whatever an endpoint of either profile accepted.

    Raises:
        PayloadError: it is not an event any more.
    """
    try:
        return parse_event(body)
    except PayloadError:
        return parse_event(body, lenient=True)


def _envelope_of(event: Event) -> Envelope:
    data = event.data
    if isinstance(data, BaseModel):
        named = {name: getattr(data, name) for name in ("id", "license_id") if name in data.model_fields_set}
        data = {**(data.model_extra or {}), **named}
    return Envelope({"id": event.id, "type": event.raw_type, "timestamp": event.raw_timestamp, "data": data})


def _license_id(event_type: str, data: Mapping[str, Any]) -> str | None:
    of_license = event_type.startswith("license.")
    # Of two spellings the models prefer the first as well.
    found = data.get("id") if of_license else data.get("licenseId", data.get("license_id"))
    usable = isinstance(found, str) and 1 <= len(found) <= 255 and found.isprintable() and found == found.strip()
    return found if usable else None


def _facts(envelope: Envelope) -> tuple[str, str, str, str | None]:
    return envelope.id, envelope.raw_type, envelope.raw_timestamp, envelope.license_id


def _validator() -> Callable[[bytes], dict[str, Any]]:
    def required(schema: core_schema.CoreSchema) -> core_schema.TypedDictField:
        return core_schema.typed_dict_field(schema)

    def text(pattern: str, max_length: int | None = None) -> core_schema.TypedDictField:
        return required(core_schema.str_schema(pattern=pattern, max_length=max_length, strict=True))

    anything = core_schema.typed_dict_field(core_schema.any_schema(), required=False)
    names_of_licenses: dict[str, core_schema.TypedDictField] = {
        "id": anything,
        "licenseId": anything,
        "license_id": anything,
    }
    envelope = core_schema.typed_dict_schema(
        {
            "id": text(ID_PATTERN),
            "type": text(TYPE_PATTERN, TYPE_LENGTH),
            "timestamp": text(PATTERN),
            "data": required(core_schema.typed_dict_schema(names_of_licenses, extra_behavior="ignore")),
            "event": anything,
        },
        extra_behavior="ignore",
    )
    return SchemaValidator(envelope, CoreConfig(cache_strings="keys")).validate_json


_validate = _validator()
