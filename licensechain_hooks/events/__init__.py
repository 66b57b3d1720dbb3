"""The events LicenseChain sends, as pydantic models.

The models are built when the first of them is asked for, so that a process that only registers handlers starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from licensechain_hooks.events.aliases import ALIASES, canonical_type, spellings

if TYPE_CHECKING:
    from licensechain_hooks.events._base import (
        Event,
        EventData,
        UnknownEvent,
    )
    from licensechain_hooks.events._envelope import (
        Envelope,
        license_id_of,
        parse_envelope,
        reparse,
    )
    from licensechain_hooks.events._parse import (
        EVENT_CLASSES,
        KnownEvent,
        content_digest,
        parse_event,
        same_content,
        warm,
    )
    from licensechain_hooks.events.accounts import (
        AppCreated,
        AppData,
        AppDeleted,
        AppEvent,
        AppUpdated,
        ProductCreated,
        ProductData,
        ProductDeleted,
        ProductEvent,
        ProductUpdated,
        SystemData,
        SystemEvent,
        SystemMaintenance,
        SystemUpdate,
        UserCreated,
        UserData,
        UserDeleted,
        UserEvent,
        UserLogin,
        UserLogout,
        UserUpdated,
        WebhookCreated,
        WebhookData,
        WebhookDeleted,
        WebhookEvent,
        WebhookUpdated,
    )
    from licensechain_hooks.events.licenses import (
        HardwareBound,
        HardwareData,
        HardwareEvent,
        HardwareUnbound,
        LicenseCreated,
        LicenseData,
        LicenseDeleted,
        LicenseEvent,
        LicenseExpired,
        LicenseExtended,
        LicenseRevoked,
        LicenseSuspended,
        LicenseTransferred,
        LicenseUpdated,
        LicenseValidated,
    )
    from licensechain_hooks.events.payments import (
        InvoiceData,
        InvoiceEvent,
        InvoicePaid,
        PaymentData,
        PaymentEvent,
        PaymentFailed,
        PaymentRefunded,
        PaymentSucceeded,
        SubscriptionCanceled,
        SubscriptionCreated,
        SubscriptionData,
        SubscriptionEvent,
        SubscriptionUpdated,
    )

__all__ = [
    "ALIASES",
    "AppCreated",
    "AppData",
    "AppDeleted",
    "AppEvent",
    "AppUpdated",
    "EVENT_CLASSES",
    "Envelope",
    "Event",
    "EventData",
    "HardwareBound",
    "HardwareData",
    "HardwareEvent",
    "HardwareUnbound",
    "InvoiceData",
    "InvoiceEvent",
    "InvoicePaid",
    "KnownEvent",
    "LicenseCreated",
    "LicenseData",
    "LicenseDeleted",
    "LicenseEvent",
    "LicenseExpired",
    "LicenseExtended",
    "LicenseRevoked",
    "LicenseSuspended",
    "LicenseTransferred",
    "LicenseUpdated",
    "LicenseValidated",
    "PaymentData",
    "PaymentEvent",
    "PaymentFailed",
    "PaymentRefunded",
    "PaymentSucceeded",
    "ProductCreated",
    "ProductData",
    "ProductDeleted",
    "ProductEvent",
    "ProductUpdated",
    "SubscriptionCanceled",
    "SubscriptionCreated",
    "SubscriptionData",
    "SubscriptionEvent",
    "SubscriptionUpdated",
    "SystemData",
    "SystemEvent",
    "SystemMaintenance",
    "SystemUpdate",
    "UnknownEvent",
    "UserCreated",
    "UserData",
    "UserDeleted",
    "UserEvent",
    "UserLogin",
    "UserLogout",
    "UserUpdated",
    "WebhookCreated",
    "WebhookData",
    "WebhookDeleted",
    "WebhookEvent",
    "WebhookUpdated",
    "canonical_type",
    "content_digest",
    "license_id_of",
    "parse_envelope",
    "parse_event",
    "reparse",
    "same_content",
    "spellings",
    "warm",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    for module_name in ("_base", "accounts", "licenses", "payments", "_parse", "_envelope"):
        module = import_module(f"{__name__}.{module_name}")
        globals().update({public: getattr(module, public) for public in module.__all__ if public in __all__})
    return globals()[name]
