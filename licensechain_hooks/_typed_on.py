"""What ``on`` means to a type checker: the event class of each literal. Nothing here runs."""

from __future__ import annotations

# mypy: disable-error-code="overload-overlap"
# pyright: reportOverlappingOverload=false
# A literal is also a str: the first overload that fits is meant to win.
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, TypeVar, Unpack, overload

from licensechain_hooks import events

if TYPE_CHECKING:
    from licensechain_hooks._handler import HandlerContext

__all__ = ["Register", "TypedOn"]

_E = TypeVar("_E", bound="events.Event")
_E2 = TypeVar("_E2", bound="events.Event")
_Taken = TypeVar("_Taken")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """What ``on`` takes beside the types."""

    endpoint: str | None
    transactional: bool
    latest_only: bool


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
        self, event_type: Literal["license.created"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.updated"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.expired"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseExpired]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.revoked"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseRevoked]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.deleted"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.transferred"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseTransferred]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.validated"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseValidated]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.suspended"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseSuspended]: ...
    @overload
    def __call__(
        self, event_type: Literal["license.extended"], /, **options: Unpack[Options]
    ) -> Register[events.LicenseExtended]: ...
    @overload
    def __call__(
        self, event_type: Literal["hardware.bound"], /, **options: Unpack[Options]
    ) -> Register[events.HardwareBound]: ...
    @overload
    def __call__(
        self, event_type: Literal["hardware.unbound"], /, **options: Unpack[Options]
    ) -> Register[events.HardwareUnbound]: ...
    @overload
    def __call__(
        self, event_type: Literal["payment.succeeded", "payment.completed"], /, **options: Unpack[Options]
    ) -> Register[events.PaymentSucceeded]: ...
    @overload
    def __call__(
        self, event_type: Literal["payment.failed"], /, **options: Unpack[Options]
    ) -> Register[events.PaymentFailed]: ...
    @overload
    def __call__(
        self, event_type: Literal["payment.refunded"], /, **options: Unpack[Options]
    ) -> Register[events.PaymentRefunded]: ...
    @overload
    def __call__(
        self, event_type: Literal["subscription.created"], /, **options: Unpack[Options]
    ) -> Register[events.SubscriptionCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["subscription.updated"], /, **options: Unpack[Options]
    ) -> Register[events.SubscriptionUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["subscription.canceled", "subscription.cancelled"], /, **options: Unpack[Options]
    ) -> Register[events.SubscriptionCanceled]: ...
    @overload
    def __call__(
        self, event_type: Literal["invoice.paid"], /, **options: Unpack[Options]
    ) -> Register[events.InvoicePaid]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.created", "user.registered"], /, **options: Unpack[Options]
    ) -> Register[events.UserCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.updated"], /, **options: Unpack[Options]
    ) -> Register[events.UserUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.deleted"], /, **options: Unpack[Options]
    ) -> Register[events.UserDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.login"], /, **options: Unpack[Options]
    ) -> Register[events.UserLogin]: ...
    @overload
    def __call__(
        self, event_type: Literal["user.logout"], /, **options: Unpack[Options]
    ) -> Register[events.UserLogout]: ...
    @overload
    def __call__(
        self, event_type: Literal["app.created", "application.created"], /, **options: Unpack[Options]
    ) -> Register[events.AppCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["app.updated", "application.updated"], /, **options: Unpack[Options]
    ) -> Register[events.AppUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["app.deleted", "application.deleted"], /, **options: Unpack[Options]
    ) -> Register[events.AppDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["product.created"], /, **options: Unpack[Options]
    ) -> Register[events.ProductCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["product.updated"], /, **options: Unpack[Options]
    ) -> Register[events.ProductUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["product.deleted"], /, **options: Unpack[Options]
    ) -> Register[events.ProductDeleted]: ...
    @overload
    def __call__(
        self, event_type: Literal["system.maintenance"], /, **options: Unpack[Options]
    ) -> Register[events.SystemMaintenance]: ...
    @overload
    def __call__(
        self, event_type: Literal["system.update"], /, **options: Unpack[Options]
    ) -> Register[events.SystemUpdate]: ...
    @overload
    def __call__(
        self, event_type: Literal["webhook.created"], /, **options: Unpack[Options]
    ) -> Register[events.WebhookCreated]: ...
    @overload
    def __call__(
        self, event_type: Literal["webhook.updated"], /, **options: Unpack[Options]
    ) -> Register[events.WebhookUpdated]: ...
    @overload
    def __call__(
        self, event_type: Literal["webhook.deleted"], /, **options: Unpack[Options]
    ) -> Register[events.WebhookDeleted]: ...
    @overload
    def __call__(self, event_class: type[_E], /, **options: Unpack[Options]) -> Register[_E]: ...
    @overload
    def __call__(
        self, event_class: type[_E], other: type[_E2], /, **options: Unpack[Options]
    ) -> Register[_E | _E2]: ...
    @overload
    def __call__(self, *types: str | type[events.Event], **options: Unpack[Options]) -> RegisterAny: ...
