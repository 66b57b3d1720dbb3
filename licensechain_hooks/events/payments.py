"""Payments, subscriptions and invoices."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from licensechain_hooks.events._base import Event, LowerCase, Moment, TypedData

__all__ = [
    "InvoiceData",
    "InvoiceEvent",
    "InvoicePaid",
    "PaymentData",
    "PaymentEvent",
    "PaymentFailed",
    "PaymentRefunded",
    "PaymentSucceeded",
    "SubscriptionCanceled",
    "SubscriptionCreated",
    "SubscriptionData",
    "SubscriptionEvent",
    "SubscriptionUpdated",
]


class PaymentData(TypedData, frozen=True):
    """The payment an event is about. ``amount`` is the number as it was sent; its unit is the sender's."""

    license_id: str | None = None
    user_id: str | None = None
    product_id: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    status: LowerCase | None = None
    created_at: Moment | None = None


class PaymentEvent(Event, frozen=True):
    """Any event about a payment."""

    data: PaymentData


class PaymentSucceeded(PaymentEvent, frozen=True):
    """A payment went through. Also sent as ``payment.completed``."""

    raw_type: Literal["payment.succeeded", "payment.completed"] = Field(
        validation_alias="type", serialization_alias="type"
    )


class PaymentFailed(PaymentEvent, frozen=True):
    """A payment did not go through."""

    raw_type: Literal["payment.failed"] = Field(validation_alias="type", serialization_alias="type")


class PaymentRefunded(PaymentEvent, frozen=True):
    """A payment was given back."""

    raw_type: Literal["payment.refunded"] = Field(validation_alias="type", serialization_alias="type")


class SubscriptionData(TypedData, frozen=True):
    """The subscription an event is about."""

    license_id: str | None = None
    user_id: str | None = None
    product_id: str | None = None
    status: LowerCase | None = None
    current_period_end: Moment | None = None
    created_at: Moment | None = None


class SubscriptionEvent(Event, frozen=True):
    """Any event about a subscription."""

    data: SubscriptionData


class SubscriptionCreated(SubscriptionEvent, frozen=True):
    """A subscription began."""

    raw_type: Literal["subscription.created"] = Field(validation_alias="type", serialization_alias="type")


class SubscriptionUpdated(SubscriptionEvent, frozen=True):
    """A subscription was changed."""

    raw_type: Literal["subscription.updated"] = Field(validation_alias="type", serialization_alias="type")


class SubscriptionCanceled(SubscriptionEvent, frozen=True):
    """A subscription was canceled. Also sent as ``subscription.cancelled``."""

    raw_type: Literal["subscription.canceled", "subscription.cancelled"] = Field(
        validation_alias="type", serialization_alias="type"
    )


class InvoiceData(TypedData, frozen=True):
    """The invoice an event is about."""

    subscription_id: str | None = None
    license_id: str | None = None
    user_id: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    status: LowerCase | None = None
    created_at: Moment | None = None


class InvoiceEvent(Event, frozen=True):
    """Any event about an invoice."""

    data: InvoiceData


class InvoicePaid(InvoiceEvent, frozen=True):
    """An invoice was paid."""

    raw_type: Literal["invoice.paid"] = Field(validation_alias="type", serialization_alias="type")
