"""What the management API answers with, in the shapes that LicenseChain's guide and its own SDKs know.

Names are camelCase in the guide and snake_case in some SDKs; both are read. Unknown fields are kept, in
``model_extra``. An optional field that cannot be read is ``None``: one odd field loses nothing else.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, WrapValidator, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from licensechain_hooks.events._base import ID_PATTERN, Moment

__all__ = ["DeliveryLog", "Page", "Webhook"]

_Item = TypeVar("_Item")


def _or_none(value: Any, read: ModelWrapValidatorHandler[Any]) -> Any:
    try:
        return read(value)
    except ValueError:
        return None


_Lenient = WrapValidator(_or_none)
_Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
_Text = Annotated[str | None, _Lenient]
_Moment = Annotated[Moment | None, _Lenient]


class _Record(BaseModel, frozen=True):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, coerce_numbers_to_str=True, defer_build=True)

    id: _Id

    __str__ = BaseModel.__repr__


class Webhook(_Record, frozen=True):
    """A registration at LicenseChain: where it delivers which events.

    Attributes:
        id: opaque, printable ASCII.
        url: where the service delivers.
        events: the event types that are subscribed to.
        secret: the signing secret, where the reply holds it: often at creation only.
        active: whether the service delivers.
        created_at: ``None`` where the service does not say, as all that follow.
        updated_at: when it was last changed.
        app_id: the application it belongs to.
    """

    url: str
    events: tuple[str, ...] = ()
    secret: Annotated[SecretStr | None, _Lenient] = None
    active: bool = True
    created_at: _Moment = None
    updated_at: _Moment = None
    app_id: _Text = None

    @model_validator(mode="before")
    @classmethod
    def _from_known_names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        fields = dict(given)
        for name, other in (("created_at", "createdAt"), ("updated_at", "updatedAt"), ("app_id", "appId")):
            _rename(fields, name, (other,))
        status = fields.get("status")
        if not isinstance(fields.get("active"), bool):
            fields["active"] = not isinstance(status, str) or status.lower() == "active"
        if fields.get("events") is None:
            fields.pop("events", None)
        return fields

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without the secret and the URL, which may hold a token."""
        return [("id", self.id), ("events", self.events), ("active", self.active)]


class DeliveryLog(_Record, frozen=True):
    """What the service noted of one delivery.

    Attributes:
        id: opaque, printable ASCII.
        event_id: the event that was delivered; ``None`` where the service does not say, as all that follow.
        event_type: its type, as the service spells it.
        status_code: the HTTP status our side answered with.
        success: whether the service counts it as delivered. Where it does not say: whether the status was 2xx.
        response_body: what our side answered with.
        error: why there was no answer.
        attempt: which delivery of the event this was, from 1.
        created_at: when it was made.
    """

    event_id: _Text = None
    event_type: _Text = None
    status_code: Annotated[int | None, Field(ge=100, le=999), _Lenient] = None
    success: Annotated[bool | None, _Lenient] = None
    response_body: _Text = None
    error: _Text = None
    attempt: Annotated[int | None, _Lenient] = None
    created_at: _Moment = None

    @model_validator(mode="before")
    @classmethod
    def _from_known_names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        fields = dict(given)
        if isinstance(event := fields.get("event"), Mapping):
            del fields["event"]
            fields = {"event_id": event.get("id"), "event_type": event.get("type")} | fields
        if isinstance(fields.get("status"), int):
            _rename(fields, "status_code", ("statusCode", "status"))
        for name, others in _LOG_NAMES.items():
            _rename(fields, name, others)
        for name in ("response_body", "error"):
            fields[name] = _as_text(fields.get(name))
        if fields.get("success") is None:
            fields["success"] = _succeeded(fields)
        return fields

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without bodies and messages, which others wrote."""
        names = ("id", "event_id", "event_type", "status_code", "success", "attempt", "created_at")
        return [(name, getattr(self, name)) for name in names]


_LOG_NAMES = {
    "event_id": ("eventId",),
    "event_type": ("eventType", "event", "type"),
    "status_code": ("statusCode", "httpStatus", "http_status", "responseStatus", "response_status"),
    "response_body": ("responseBody", "response"),
    "error": ("errorMessage", "error_message"),
    "attempt": ("attemptNumber", "attempt_number", "attempts"),
    "created_at": ("createdAt", "deliveredAt", "delivered_at", "sentAt", "sent_at", "timestamp"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[_Item]):
    """One page of a list.

    Attributes:
        items: what is on it.
        page: its number, from 1.
        limit: how many a page holds at most.
        total: how many there are on all pages, where the service says so.
        has_more: whether another page follows. Where the service does not say: whether this one is full.
    """

    items: tuple[_Item, ...]
    page: int
    limit: int
    total: int | None
    has_more: bool


def _rename(fields: dict[str, Any], name: str, others: Iterable[str]) -> None:
    """Move the first value there is to its name here; what else there is stays, as a field that nobody knows."""
    if fields.get(name) is not None:
        return
    for other in others:
        if fields.get(other) is not None:
            fields[name] = fields.pop(other)
            return


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _succeeded(fields: Mapping[str, Any]) -> bool | None:
    status, code = fields.get("status"), fields.get("status_code")
    if isinstance(status, str) and (word := status.lower()) in _SUCCESS:
        return _SUCCESS[word]
    if isinstance(code, int):
        return 200 <= code < 300
    return None


_SUCCESS = {"success": True, "succeeded": True, "delivered": True, "failed": False, "failure": False, "error": False}
