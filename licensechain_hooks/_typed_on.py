"""What ``on`` means to a type checker: the event class of each literal. Nothing here runs."""

from __future__ import annotations

# mypy: disable-error-code="overload-overlap"
# pyright: reportOverlappingOverload=false
# A literal is also a str: the first overload that fits is meant to win.
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from licensechain_hooks import events

if TYPE_CHECKING:
    from licensechain_hooks._hooks import HandlerContext

__all__ = ["Register", "TypedOn"]

_E = TypeVar("_E", bound="events.Event")
_E2 = TypeVar("_E2", bound="events.Event")
_Taken = TypeVar("_Taken")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., Any])


class Register(Protocol[_Taken]):
    """The decorator that ``on`` returns: it takes functions of this event, with or without context."""

    @overload
    def __call__(self, function: Callable[[_Taken], _R], /) -> Callable[[_Taken], _R]: ...
    @overload
    def __call__(
        self, function: Callable[[_Taken, HandlerContext], _R], /
    ) -> Callable[[_Taken, HandlerContext], _R]: ...


class RegisterAny(Protocol):
    """The decorator for several types and wildcards: the function says itself what it takes."""

    def __call__(self, function: _F, /) -> _F: ...


class TypedOn(Protocol):
    """``on``: a literal or a class gives the function's event its class."""

    @overload
    def __call__(
        self, event_type: Literal["license.created"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.updated"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.expired"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseExpired]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.revoked"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseRevoked]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.deleted"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.transferred"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseTransferred]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.validated"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseValidated]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.suspended"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseSuspended]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.extended"], /, *, endpoint: str | None = None
    ) -> Register[events.LicenseExtended]: ...
    @overload
    def __call__(
        self, event_type: Literal["hardware.bound"], /, *, endpoint: str | None = None
    ) -> Register[events.HardwareBound]: ...
    @overload
    def __call__(
        self, event_type: Literal["hardware.unbound"], /, *, endpoint: str | None = None
    ) -> Register[events.HardwareUnbound]: ...
    @overload
    def __call__(
        self, event_type: Literal["payment.succeeded", "payment.completed"], /, *, endpoint: str | None = None
    ) -> Register[events.PaymentSucceeded]: ...
    @overload
    def __call__(
        self, event_type: Literal["payment.failed"], /, *, endpoint: str | None = None
    ) -> Register[events.PaymentFailed]: ...
    @overload
    def __call__(
        self, event_type: Literal["payment.refunded"], /, *, endpoint: str | None = None
    ) -> Register[events.PaymentRefunded]: ...
    @overload
    def __call__(
        self, event_type: Literal["subscription.created"], /, *, endpoint: str | None = None
    ) -> Register[events.SubscriptionCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["subscription.updated"], /, *, endpoint: str | None = None
    ) -> Register[events.SubscriptionUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["subscription.canceled", "subscription.cancelled"], /, *, endpoint: str | None = None
    ) -> Register[events.SubscriptionCanceled]: ...
    @overload
    def __call__(
        self, event_type: Literal["invoice.paid"], /, *, endpoint: str | None = None
    ) -> Register[events.InvoicePaid]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.created", "user.registered"], /, *, endpoint: str | None = None
    ) -> Register[events.UserCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.updated"], /, *, endpoint: str | None = None
    ) -> Register[events.UserUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.deleted"], /, *, endpoint: str | None = None
    ) -> Register[events.UserDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.login"], /, *, endpoint: str | None = None
    ) -> Register[events.UserLogin]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.logout"], /, *, endpoint: str | None = None
    ) -> Register[events.UserLogout]: ...
    @overload
    def __call__(
        self, event_type: Literal["app.created", "application.created"], /, *, endpoint: str | None = None
    ) -> Register[events.AppCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["app.updated", "application.updated"], /, *, endpoint: str | None = None
    ) -> Register[events.AppUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["app.deleted", "application.deleted"], /, *, endpoint: str | None = None
    ) -> Register[events.AppDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["product.created"], /, *, endpoint: str | None = None
    ) -> Register[events.ProductCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["product.updated"], /, *, endpoint: str | None = None
    ) -> Register[events.ProductUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["product.deleted"], /, *, endpoint: str | None = None
    ) -> Register[events.ProductDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["system.maintenance"], /, *, endpoint: str | None = None
    ) -> Register[events.SystemMaintenance]: ...
    @overload
    def __call__(
        self, event_type: Literal["system.update"], /, *, endpoint: str | None = None
    ) -> Register[events.SystemUpdate]: ...
    @overload
    def __call__(
        self, event_type: Literal["webhook.created"], /, *, endpoint: str | None = None
    ) -> Register[events.WebhookCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["webhook.updated"], /, *, endpoint: str | None = None
    ) -> Register[events.WebhookUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["webhook.deleted"], /, *, endpoint: str | None = None
    ) -> Register[events.WebhookDeleted]: ...
    @overload
    def __call__(self, event_class: type[_E], /, *, endpoint: str | None = None) -> Register[_E]: ...
    @overload
    def __call__(
        self, event_class: type[_E], other: type[_E2], /, *, endpoint: str | None = None
    ) -> Register[_E | _E2]: ...
    @overload
    def __call__(self, *types: str | type[events.Event], endpoint: str | None = None) -> RegisterAny: ...
