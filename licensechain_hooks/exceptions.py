"""Every error this package raises.

::

    LicenseChainHooksError
    ├── ConfigurationError            503  the receiver cannot work as it is set up (also a ValueError)
    ├── RequestError                       refused before the signature is looked at
    │   ├── MethodNotAllowedError     405
    │   ├── BodyTooLargeError         413
    │   ├── ContentEncodingError      415
    │   ├── LengthRequiredError       411
    │   ├── IncompleteBodyError       400
    │   ├── ReadTimeoutError          408
    │   ├── BodyConsumedError         500  something in this process read the body first
    │   └── ClientDisconnectedError   400  nobody is left to answer
    ├── VerificationError             401  signature or time
    ├── PayloadError                  400  signed, but not an event
    ├── StoreUnavailableError         503  the inbox or the deduplicator cannot answer
    ├── LeaseLostError                     another worker has this entry by now
    └── HandlerTimeLimitError              a handler ran too long (also a TimeoutError)

    HandlerSignal                          raised *by* handlers
    ├── Retry                         503  run this event again later
    └── Discard                       200  this event will never work; do not run it again

``status_hint`` is the HTTP status the error stands for; ``reason`` is a short constant for logs and metrics.
No message holds a secret, a signature or a body.
"""

from datetime import timedelta
from typing import Any, ClassVar, Literal

__all__ = [
    "BodyConsumedError",
    "BodyTooLargeError",
    "ClientDisconnectedError",
    "ConfigurationError",
    "ContentEncodingError",
    "Discard",
    "HandlerSignal",
    "HandlerTimeLimitError",
    "IncompleteBodyError",
    "LeaseLostError",
    "LengthRequiredError",
    "LicenseChainHooksError",
    "MethodNotAllowedError",
    "PayloadError",
    "PayloadReason",
    "ReadTimeoutError",
    "RequestError",
    "Retry",
    "StoreUnavailableError",
    "UnknownEventTypeWarning",
    "VerificationError",
    "VerificationReason",
]

VerificationReason = Literal[
    "signature_missing",
    "signature_malformed",
    "signature_conflict",
    "signature_mismatch",
    "timestamp_missing",
    "timestamp_malformed",
    "timestamp_conflict",
    "timestamp_outside_tolerance",
    "event_too_old",
    "unknown_tenant",
]
PayloadReason = Literal["json_invalid", "number_invalid", "envelope_invalid", "timestamp_invalid", "type_conflict"]


def _restored(cls: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Exception:
    error = cls.__new__(cls)
    error.args = args
    vars(error).update(state)
    return error


def _reduced(self: Exception) -> tuple[Any, ...]:
    """For pickling: queues and process pools send exceptions about, whatever their ``__init__`` takes."""
    return _restored, (type(self), self.args, vars(self))


class LicenseChainHooksError(Exception):
    """Base of every error this package raises."""

    status_hint: ClassVar[int] = 500
    reason: str = "error"
    __reduce__ = _reduced


class ConfigurationError(LicenseChainHooksError, ValueError):
    """The receiver cannot work as it is set up; the message says what to change."""

    status_hint = 503
    reason = "misconfigured"


class RequestError(LicenseChainHooksError):
    """The request is refused before its signature is looked at."""

    status_hint = 400
    reason = "request"


class MethodNotAllowedError(RequestError):
    """Deliveries arrive by POST."""

    status_hint = 405
    reason = "method"

    def __init__(self, method: str) -> None:
        super().__init__("a delivery must be a POST")
        self.method = method


class BodyTooLargeError(RequestError):
    """The body is, or says it is, larger than the endpoint's ``max_body``."""

    status_hint = 413
    reason = "too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than max_body ({limit} bytes)")
        self.limit = limit


class ContentEncodingError(RequestError):
    """The body is compressed; it is never decompressed, so that a small request cannot become a large one."""

    status_hint = 415
    reason = "content_encoding"

    def __init__(self) -> None:
        super().__init__("the body has a Content-Encoding; deliveries must be sent as they were signed")


class LengthRequiredError(RequestError):
    """The body is chunked and this WSGI server does not say where it ends."""

    status_hint = 411
    reason = "length_required"

    def __init__(self) -> None:
        super().__init__("the body is chunked and this WSGI server sets no wsgi.input_terminated")


class IncompleteBodyError(RequestError):
    """Fewer bytes arrived than were declared, or the declaration makes no sense."""

    status_hint = 400
    reason = "incomplete"


class ReadTimeoutError(RequestError):
    """The body did not arrive within the endpoint's ``read_timeout``."""

    status_hint = 408
    reason = "slow"

    def __init__(self) -> None:
        super().__init__(
            "the body did not arrive in time; if every delivery ends like this, a middleware reads the body first"
        )


class BodyConsumedError(RequestError):
    """Something in this process read the body before the receiver: a fault of the application, so a 500."""

    status_hint = 500
    reason = "body_consumed"

    def __init__(self) -> None:
        super().__init__(
            "the request body was read before the receiver saw it; "
            "find the middleware or decorator that parses forms or JSON and exclude this URL from it"
        )


class ClientDisconnectedError(RequestError):
    """The sender went away while sending; nothing was kept and nobody is left to answer."""

    reason = "disconnected"

    def __init__(self) -> None:
        super().__init__("the sender closed the connection before the body was complete")


class VerificationError(LicenseChainHooksError):
    """The delivery is not proven to come from LicenseChain, or not proven to be recent."""

    status_hint = 401

    def __init__(self, reason: VerificationReason) -> None:
        super().__init__(_VERIFICATION_MESSAGES[reason])
        self.reason: str = reason


_VERIFICATION_MESSAGES: dict[VerificationReason, str] = {
    "signature_missing": "no signature header",
    "signature_malformed": "the signature header is not the hex digest of an HMAC-SHA256",
    "signature_conflict": "several signature headers with different values",
    "signature_mismatch": "no secret of this endpoint gives this signature for this body",
    "timestamp_missing": "no timestamp header",
    "timestamp_malformed": "the timestamp header is not a Unix time in seconds",
    "timestamp_conflict": "several timestamp headers with different values",
    "timestamp_outside_tolerance": "the timestamp header is too far from this machine's clock",
    "event_too_old": "the event is older than max_event_age",
    "unknown_tenant": "no tenant receives deliveries at this address",
}


class PayloadError(LicenseChainHooksError):
    """The delivery is signed, but its body is not an event.

    ``detail`` names fields and rules, never values.
    """

    status_hint = 400

    def __init__(self, reason: PayloadReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: str = reason
        self.detail = detail


class StoreUnavailableError(LicenseChainHooksError):
    """The store that remembers deliveries cannot answer; the sender is asked to come back."""

    status_hint = 503
    reason = "store_unavailable"


class LeaseLostError(LicenseChainHooksError):
    """The lease of an entry ended before its handlers did, and another worker has the entry by now."""

    reason = "lease_lost"

    def __init__(self) -> None:
        super().__init__("the lease of this entry ended; what its handler wrote is rolled back")


class HandlerTimeLimitError(LicenseChainHooksError, TimeoutError):
    """A handler ran longer than a worker lets it: raised in it where it runs, and recorded as its failure."""

    reason = "time_limit"

    def __init__(self) -> None:
        super().__init__("the handler ran longer than the worker's time_limit")


class HandlerSignal(Exception):  # noqa: N818
    """What a handler raises to say how its event should go on: a request, not an error."""

    status_hint: ClassVar[int] = 500
    __reduce__ = _reduced


class Retry(HandlerSignal):
    """Run this event again, not before ``after`` has passed.

    Args:
        after: the least time to wait, as a ``timedelta``.

    Raises:
        TypeError: a bare number, which has no unit.
        ValueError: a time in the past.
    """

    status_hint = 503

    def __init__(self, after: timedelta = timedelta(seconds=10)) -> None:
        given: object = after
        if not isinstance(given, timedelta):
            msg = "Retry needs a datetime.timedelta, such as Retry(after=timedelta(minutes=5))"
            raise TypeError(msg)
        if after < timedelta(0):
            msg = "Retry needs a time to wait, not one in the past"
            raise ValueError(msg)
        super().__init__(f"run again after {after}")
        self.after = after


class Discard(HandlerSignal):
    """This event will never work here; do not run it again.

    Args:
        why: one line for the log.
    """

    status_hint = 200

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


class UnknownEventTypeWarning(UserWarning):
    """A handler is registered for a type that looks like a misspelling of a known one."""
