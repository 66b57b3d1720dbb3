"""What every event has in common.

Source: LicenseChain's webhooks guide. ``data`` is camelCase there and snake_case in some of its SDKs; the models take
both. Every field but the ids may be missing, unknown fields are kept, so that a new field never loses an event.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, PrivateAttr, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from licensechain_hooks._rfc3339 import PATTERN, from_matching
from licensechain_hooks.events.aliases import canonical_type

__all__ = [
    "ID_PATTERN",
    "TYPE_LENGTH",
    "TYPE_PATTERN",
    "Event",
    "EventData",
    "LowerCase",
    "Moment",
    "TypedData",
    "UnknownEvent",
]

LowerCase = Annotated[str, StringConstraints(to_lower=True)]
ID_PATTERN = r"^[!-~]{1,255}$"
TYPE_PATTERN = r"^[a-z0-9_]+(\.[a-z0-9_]+)+$"
TYPE_LENGTH = 100
_EventId = Annotated[str, StringConstraints(pattern=ID_PATTERN, strict=True)]
_EventType = Annotated[str, StringConstraints(pattern=TYPE_PATTERN, max_length=TYPE_LENGTH, strict=True)]
_Timestamp = Annotated[str, StringConstraints(pattern=PATTERN, strict=True)]


class _AwareDatetime:
    """A time inside ``data``: any form pydantic takes; one without an offset is UTC."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        aware = core_schema.datetime_schema(tz_constraint="aware")
        naive = core_schema.datetime_schema(tz_constraint="naive")
        in_utc = core_schema.no_info_after_validator_function(lambda value: value.replace(tzinfo=UTC), naive)
        return core_schema.union_schema([aware, in_utc], mode="left_to_right")


Moment = Annotated[datetime, _AwareDatetime]


class EventData(BaseModel, frozen=True):
    """The ``data`` of an event. Unknown fields are kept: in ``model_extra``, under the name they were sent with."""

    model_config = ConfigDict(
        extra="allow",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        defer_build=True,
    )

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Ids only: a repr ends up in logs and tracebacks, where license keys and e-mail addresses must not."""
        ids = ("id", "license_id", "user_id", "product_id")
        return [(name, getattr(self, name)) for name in ids if name in self.__pydantic_fields_set__]

    __str__ = BaseModel.__repr__


class TypedData(EventData, frozen=True):
    """``data`` that says what it is about."""

    id: str


class Event(BaseModel, frozen=True):
    """A fact at LicenseChain: the same across redeliveries.

    Attributes:
        id: opaque, printable ASCII, at most 255 characters. What duplicates are recognised by.
        raw_type: the type as it was sent; see ``type``.
        raw_timestamp: the time as it was sent; see ``timestamp``.
        data: what happened; each type of event has its own model.
        signature: what the body says of itself. It proves nothing: it cannot cover the body that contains it.
    """

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True, cache_strings="keys")

    id: _EventId
    raw_type: str = Field(validation_alias="type", serialization_alias="type")
    raw_timestamp: _Timestamp = Field(validation_alias="timestamp", serialization_alias="timestamp")
    data: Any
    signature: str | None = Field(default=None, repr=False)

    @property
    def type(self) -> str:
        """The canonical event type, such as ``license.revoked``."""
        return canonical_type(self.raw_type)

    @property
    def timestamp(self) -> datetime:
        """When it happened, with the offset it was sent with.

        Raises:
            ValueError: the day does not exist. Never for an event that came through an endpoint.
        """
        return from_matching(self.raw_timestamp)

    @property
    def is_known(self) -> bool:
        """Whether this version knows the type."""
        return True

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Id and type only: a repr ends up in logs and tracebacks, where payloads must not."""
        return [("id", self.id), ("type", self.type)]

    __str__ = BaseModel.__repr__


class UnknownEvent(Event, frozen=True):
    """An event of a type that this version does not know, or whose ``data`` has another shape than known.

    It goes to wildcard and fallback handlers. ``data`` is the JSON object as it was sent.
    """

    raw_type: _EventType = Field(validation_alias="type", serialization_alias="type")
    data: dict[str, Any]
    signature: Any = Field(default=None, repr=False)
    _validation_error: str | None = PrivateAttr(default=None)

    @property
    def validation_error(self) -> str | None:
        """Which fields of ``data`` broke which rules, where the type is known; never their values."""
        return self._validation_error

    @property
    def is_known(self) -> bool:
        """Whether this version knows the type."""
        return self._validation_error is not None
