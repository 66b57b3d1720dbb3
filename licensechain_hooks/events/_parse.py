"""From the bytes of a verified body to a typed event: total, and one pass of pydantic-core's JSON parser.

That parser refuses invalid UTF-8, lone surrogates, a byte order mark, UTF-16 and UTF-32, nesting beyond 200 and
integers beyond 4300 digits. It lets NaN and Infinity through in untyped places; `_refuse_constants` does not. A number
too large for a float, such as 1e999, is JSON and becomes infinity.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from licensechain_hooks.events import accounts, licenses, payments
from licensechain_hooks.events._base import Event, UnknownEvent
from licensechain_hooks.events.aliases import canonical_type
from licensechain_hooks.exceptions import PayloadError

__all__ = ["EVENT_CLASSES", "KnownEvent", "content_digest", "holds_nan", "parse_event", "same_content", "warm"]

KnownEvent = (
    licenses.LicenseCreated
    | licenses.LicenseUpdated
    | licenses.LicenseExpired
    | licenses.LicenseRevoked
    | licenses.LicenseDeleted
    | licenses.LicenseTransferred
    | licenses.LicenseValidated
    | licenses.LicenseSuspended
    | licenses.LicenseExtended
    | licenses.HardwareBound
    | licenses.HardwareUnbound
    | payments.PaymentSucceeded
    | payments.PaymentFailed
    | payments.PaymentRefunded
    | payments.SubscriptionCreated
    | payments.SubscriptionUpdated
    | payments.SubscriptionCanceled
    | payments.InvoicePaid
    | accounts.UserCreated
    | accounts.UserUpdated
    | accounts.UserDeleted
    | accounts.UserLogin
    | accounts.UserLogout
    | accounts.AppCreated
    | accounts.AppUpdated
    | accounts.AppDeleted
    | accounts.ProductCreated
    | accounts.ProductUpdated
    | accounts.ProductDeleted
    | accounts.SystemMaintenance
    | accounts.SystemUpdate
    | accounts.WebhookCreated
    | accounts.WebhookUpdated
    | accounts.WebhookDeleted
)

EVENT_CLASSES: Mapping[str, type[Event]] = {
    get_args(event_class.__annotations__["raw_type"])[0]: event_class for event_class in get_args(KnownEvent)
}
"""The model of every known event type, by canonical name."""


def warm() -> None:
    """Build the validators now (some 30 ms) instead of at the first event."""
    global _validate_known, _known, _unknown  # noqa: PLW0603
    if _known is not None:
        return
    UnknownEvent.model_rebuild()  # its building was deferred
    _unknown = UnknownEvent.__pydantic_validator__
    known_event: Any = Annotated[KnownEvent, Field(discriminator="raw_type")]
    # Ids and keys are new in every delivery: to look for values among strings seen before costs a third of the parse.
    known = TypeAdapter(known_event, config=ConfigDict(cache_strings="keys")).validator
    _validate_known = known.validate_json
    _known = known  # last, for other threads take it as the sign that all is built


def _warm_and_validate(body: bytes) -> Any:
    warm()
    return _validate_known(body)


# Plain globals that `warm` replaces: a cache's look-up would cost a delivery as much as one of its checks.
_validate_known: Callable[[bytes], Any] = _warm_and_validate
_known: Any = None
_unknown: Any = None


def parse_event(body: bytes, *, lenient: bool = False) -> Event:
    """The event in a body whose signature holds.

    Args:
        body: the raw body.
        lenient: also take the dialects of LicenseChain's own code (profile "compat"): ``event`` for an absent ``type``,
            and no ``id``, which becomes ``sha256:`` and the hex digest of the body.

    Raises:
        PayloadError: not JSON, or not an event.
    """
    try:
        event: Event = _validate_known(body)
    except ValidationError as error:
        event = _parse_other(body, error, lenient=lenient)
    else:
        untyped, untyped_data = event.__pydantic_extra__, event.data.__pydantic_extra__
        if (untyped and not _texts_only(untyped)) or (untyped_data and not _texts_only(untyped_data)):
            _refuse_constants(body)
    if lenient:
        _refuse_second_type(event)
    return event


def same_content(body: bytes, other: bytes) -> bool:
    """Whether two bodies tell the same fact: equal type and data, whatever their timestamp, signature and layout."""
    return _content(body) == _content(other)


def content_digest(body: bytes) -> str:
    """What `same_content` compares, as 64 hex digits: for stores that do not keep bodies."""
    return sha256(_content(body).encode()).hexdigest()


def _parse_other(body: bytes, error: ValidationError, *, lenient: bool) -> Event:
    """What the union of known events refused: an unknown type, other data than known, a dialect, or no event."""
    try:
        event: UnknownEvent = _unknown.validate_json(body)
    except ValidationError as unknown_error:
        refusal = _refusal(unknown_error)
        if not lenient or refusal.reason == "json_invalid":
            raise refusal from None
        return _parse_dialect(body, refusal)
    _refuse_constants(body)
    return _with_validation_error(event, error)


def _parse_dialect(body: bytes, refusal: PayloadError) -> Event:
    _refuse_constants(body)
    fields = from_json(body)
    if not isinstance(fields, dict):
        raise refusal
    if "type" not in fields and "event" in fields:
        fields["type"] = fields.pop("event")
    fields.setdefault("id", f"sha256:{sha256(body).hexdigest()}")
    try:
        return _known.validate_python(fields)  # type: ignore[no-any-return]
    except ValidationError as error:
        try:
            event: UnknownEvent = _unknown.validate_python(fields)
        except ValidationError as unknown_error:
            raise _refusal(unknown_error) from None
        return _with_validation_error(event, error)


def _with_validation_error(event: UnknownEvent, error: ValidationError) -> UnknownEvent:
    if event.type in EVENT_CLASSES:
        text = _describe(error)
        event._validation_error = text  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  # noqa: SLF001
    return event


def _refusal(error: ValidationError) -> PayloadError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return PayloadError("json_invalid", first["msg"])
    return PayloadError("envelope_invalid", _describe(error))


def _describe(error: ValidationError) -> str:
    """Which fields broke which rules; no values, for this goes into logs."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['type']}" for problem in problems[:5])


def _texts_only(untyped: dict[str, Any]) -> bool:
    """Whether fields that no model types are all strings, which spares the search for NaN and Infinity."""
    for value in untyped.values():  # noqa: SIM110 - a generator costs as much as the parser here
        if value.__class__ is not str:
            return False
    return True


def _refuse_constants(body: bytes) -> None:
    """NaN and Infinity are not JSON (RFC 8259, section 6). The words may stand in a string, hence the second look."""
    if _may_hold_constants(body):
        try:
            from_json(body, allow_inf_nan=False)
        except ValueError:
            raise PayloadError("number_invalid", "NaN and Infinity are not JSON") from None


def _may_hold_constants(body: bytes) -> bool:
    """Whether NaN or Infinity stands in a body, perhaps within a string.

    CPython finds a byte faster as a number than as bytes, and a long word twice as fast from the right.
    """
    return (78 in body and holds_nan(body)) or body.rfind(b"Infinity") >= 0


def holds_nan(body: bytes) -> bool:
    """``b"NaN" in body``: C finds one letter fifty times as fast as a word, and this one is rare in JSON."""
    at = -1
    for _ in range(32):
        at = body.find(b"N", at + 1)
        if at < 0:
            return False
        if body.startswith(b"NaN", at):
            return True
    return body.find(b"NaN", at) >= 0


def _refuse_second_type(event: Event) -> None:
    other = (event.model_extra or {}).get("event")
    if isinstance(other, str) and other != event.raw_type:
        raise PayloadError("type_conflict", "type and event name different event types")


def _content(body: bytes) -> str:
    """Canonical JSON of type and data; text, because 1, 1.0 and true are equal as Python values."""
    import json  # noqa: PLC0415 - only when an id comes twice

    fields = from_json(body)
    return json.dumps([canonical_type(fields.get("type", fields.get("event"))), fields["data"]], sort_keys=True)
