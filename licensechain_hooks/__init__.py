"""Receive LicenseChain's webhooks: verified from the raw bytes, typed, and run once, under any framework.

The names below are loaded when the first of them is asked for: pytest's plugin is part of this package, and every test
run of every user loads it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from licensechain_hooks._attempt import (
        ATTEMPT_STATES,
        Attempt,
        AttemptState,
    )
    from licensechain_hooks._endpoint import (
        Endpoint,
    )
    from licensechain_hooks._engine_queue import (
        EngineQueue,
    )
    from licensechain_hooks._handler import (
        Handler,
        HandlerContext,
    )
    from licensechain_hooks._health import Health
    from licensechain_hooks._hooks import (
        Hooks,
        default_hooks,
        on,
    )
    from licensechain_hooks._outcome import (
        OUTCOMES,
        HandlerRun,
        Outcome,
        OutcomeName,
        Reply,
        log_outcome,
    )
    from licensechain_hooks._patterns import (
        closest_event_type,
    )
    from licensechain_hooks._receiver import (
        Receiver,
    )
    from licensechain_hooks._request import (
        Headers,
        HookRequest,
        consumed_body,
    )
    from licensechain_hooks._signing import (
        sign,
    )
    from licensechain_hooks._stores import Deduplicator, Enqueuer, EntryRunner, Inbox, Reservation
    from licensechain_hooks.dedupe.memory import (
        MemoryDeduplicator,
    )
    from licensechain_hooks.events import (
        EVENT_CLASSES,
        AppCreated,
        AppData,
        AppDeleted,
        AppEvent,
        AppUpdated,
        Envelope,
        Event,
        EventData,
        HardwareBound,
        HardwareData,
        HardwareEvent,
        HardwareUnbound,
        InvoiceData,
        InvoiceEvent,
        InvoicePaid,
        KnownEvent,
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
        PaymentData,
        PaymentEvent,
        PaymentFailed,
        PaymentRefunded,
        PaymentSucceeded,
        ProductCreated,
        ProductData,
        ProductDeleted,
        ProductEvent,
        ProductUpdated,
        SubscriptionCanceled,
        SubscriptionCreated,
        SubscriptionData,
        SubscriptionEvent,
        SubscriptionUpdated,
        SystemData,
        SystemEvent,
        SystemMaintenance,
        SystemUpdate,
        UnknownEvent,
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
    from licensechain_hooks.events.aliases import ALIASES, canonical_type
    from licensechain_hooks.exceptions import (
        BodyConsumedError,
        BodyTooLargeError,
        ClientDisconnectedError,
        ConfigurationError,
        ContentEncodingError,
        Discard,
        HandlerSignal,
        HandlerTimeLimitError,
        IncompleteBodyError,
        LeaseLostError,
        LengthRequiredError,
        LicenseChainHooksError,
        MethodNotAllowedError,
        PayloadError,
        ReadTimeoutError,
        RequestError,
        Retry,
        StoreUnavailableError,
        UnknownEventTypeWarning,
        VerificationError,
    )
    from licensechain_hooks.worker import Worker, WorkerSettings

__all__ = [
    "ALIASES",
    "ATTEMPT_STATES",
    "AppCreated",
    "AppData",
    "AppDeleted",
    "AppEvent",
    "AppUpdated",
    "Attempt",
    "AttemptState",
    "BodyConsumedError",
    "BodyTooLargeError",
    "ClientDisconnectedError",
    "ConfigurationError",
    "ContentEncodingError",
    "Deduplicator",
    "Discard",
    "EVENT_CLASSES",
    "Endpoint",
    "EngineQueue",
    "Enqueuer",
    "EntryRunner",
    "Envelope",
    "Event",
    "EventData",
    "Handler",
    "HandlerContext",
    "HandlerRun",
    "HandlerSignal",
    "HandlerTimeLimitError",
    "HardwareBound",
    "HardwareData",
    "HardwareEvent",
    "HardwareUnbound",
    "Headers",
    "Health",
    "HookRequest",
    "Hooks",
    "Inbox",
    "IncompleteBodyError",
    "InvoiceData",
    "InvoiceEvent",
    "InvoicePaid",
    "KnownEvent",
    "LeaseLostError",
    "LengthRequiredError",
    "LicenseChainHooksError",
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
    "MemoryDeduplicator",
    "MethodNotAllowedError",
    "OUTCOMES",
    "Outcome",
    "OutcomeName",
    "PayloadError",
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
    "ReadTimeoutError",
    "Receiver",
    "Reply",
    "RequestError",
    "Reservation",
    "Retry",
    "StoreUnavailableError",
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
    "UnknownEventTypeWarning",
    "UserCreated",
    "UserData",
    "UserDeleted",
    "UserEvent",
    "UserLogin",
    "UserLogout",
    "UserUpdated",
    "VerificationError",
    "WebhookCreated",
    "WebhookData",
    "WebhookDeleted",
    "WebhookEvent",
    "WebhookUpdated",
    "Worker",
    "WorkerSettings",
    "canonical_type",
    "closest_event_type",
    "consumed_body",
    "default_hooks",
    "log_outcome",
    "on",
    "sign",
]

_SELDOM = {"Health": "_health", "Worker": "worker", "WorkerSettings": "worker"}  # they take time to load
_CORE = (
    "_attempt",
    "_endpoint",
    "_engine_queue",
    "_handler",
    "_hooks",
    "_outcome",
    "_patterns",
    "_receiver",
    "_request",
    "_signing",
    "_stores",
    "dedupe.memory",
    "events.aliases",
    "exceptions",
)


def __getattr__(name: str) -> Any:
    if name in {"events", "exceptions"}:  # for who writes licensechain_hooks.events.Event
        return importlib.import_module(f"{__name__}.{name}")
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    if name in _SELDOM:
        return getattr(importlib.import_module(f"{__name__}.{_SELDOM[name]}"), name)
    for module_name in _CORE:
        module = importlib.import_module(f"{__name__}.{module_name}")
        globals().update({public: getattr(module, public) for public in module.__all__ if public in __all__})
    return globals()[name] if name in globals() else getattr(importlib.import_module(f"{__name__}.events"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
