"""What requests may hold, and what replies hold, for the documents of the API."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from licensechain_hooks._rfc3339 import PATTERN, parse_rfc3339
from licensechain_hooks.emulator._values import to_wire
from licensechain_hooks.events._base import ID_PATTERN, TYPE_LENGTH, TYPE_PATTERN

__all__ = [
    "DeliveryDetails",
    "DeliveryList",
    "DeliveryReply",
    "ErrorReply",
    "Extension",
    "LicenseChange",
    "LicenseList",
    "LicensePage",
    "LicenseReply",
    "LogPage",
    "NewLicense",
    "NewPayment",
    "NewWebhook",
    "PaymentReply",
    "TestReply",
    "WebhookChange",
    "WebhookCreated",
    "WebhookList",
    "WebhookPage",
    "WebhookReply",
]

_YEARS = range(1970, 9000)


def _plain_url(text: str) -> str:
    """A URL that can be delivered to, as far as can be told without trying."""
    problem = "an http or https URL of printable ASCII, with a host and without credentials"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(problem) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or port == 0:
        raise ValueError(problem)
    return text


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        msg = "no event type twice"
        raise ValueError(msg)
    return values


def _moment(text: str) -> str:
    """The time as this service writes it."""
    try:
        moment = parse_rfc3339(text).astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year not in _YEARS:
        msg = f"a time of the years {_YEARS.start} to {_YEARS.stop - 1}"
        raise ValueError(msg)
    return to_wire(moment)


_Url = Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=2048), AfterValidator(_plain_url)]
_Type = Annotated[str, StringConstraints(pattern=TYPE_PATTERN, max_length=TYPE_LENGTH)]
_Types = Annotated[
    list[_Type], Field(min_length=1, max_length=100, json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct)
]
_Secret = Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]
_Id = Annotated[str, Field(pattern=ID_PATTERN)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Moment = Annotated[str, Field(pattern=PATTERN), AfterValidator(_moment)]


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, hide_input_in_errors=True
    )


class _Request(_Model):
    model_config = ConfigDict(extra="forbid", strict=True)

    def changes(self) -> dict[str, Any]:
        """What was given, but ``null``."""
        return {name: value for name, value in self if value is not None}


class NewWebhook(_Request):
    """A webhook to register."""

    url: _Url
    events: _Types
    secret: _Secret | None = None


class WebhookChange(_Request):
    """What is to change of a webhook."""

    url: _Url | None = None
    events: _Types | None = None
    active: bool | None = None


class LicenseChange(_Request):
    """What is to change of a license."""

    name: _Name | None = None
    user_id: _Id | None = None
    product_id: _Id | None = None
    expires_at: _Moment | None = None


class NewLicense(LicenseChange):
    """A license to create; what is missing is made up."""

    license_key: _Id | None = None


class Extension(_Request):
    """How a license is extended: up to a time, or by days."""

    days: Annotated[int, Field(ge=1, le=36_500)] = 30
    expires_at: _Moment | None = None


class NewPayment(_Request):
    """A payment for a license."""

    license_id: _Id
    status: Literal["succeeded", "failed"]
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$")] = "49.90"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"


class WebhookReply(_Model):
    """A webhook."""

    id: str
    url: str
    events: list[str]
    active: bool
    created_at: datetime
    updated_at: datetime


class WebhookCreated(WebhookReply):
    """A new webhook, with its signing secret, which nothing else shows."""

    secret: str


class _Pagination(_Model):
    page: int
    limit: int
    total: int


class WebhookPage(_Model):
    """A page of webhooks."""

    data: list[WebhookReply]
    pagination: _Pagination


class TestReply(_Model):
    """A sample event is on its way."""

    success: bool
    event_id: str


class _Log(_Model):
    id: str
    webhook_id: str
    event_id: str
    event_type: str
    status_code: int | None
    response_body: str | None
    success: bool
    error: str | None
    attempt: int
    created_at: datetime


class LogPage(_Model):
    """A page of deliveries that have ended, newest first."""

    data: list[_Log]
    pagination: _Pagination


class LicenseReply(_Model):
    """A license."""

    id: str
    license_key: str
    name: str | None
    user_id: str
    product_id: str
    status: Literal["active", "expired", "revoked"]
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


class LicensePage(_Model):
    """A page of licenses."""

    data: list[LicenseReply]
    pagination: _Pagination


class PaymentReply(_Model):
    """A payment."""

    id: str
    license_id: str
    user_id: str
    product_id: str
    amount: str
    currency: str
    status: str
    created_at: datetime


class DeliveryReply(_Model):
    """One HTTP request that brings an event."""

    id: str
    webhook_id: str
    url: str
    event_id: str
    event_type: str
    attempt: int
    state: Literal["pending", "delivered", "failed"]
    status_code: int | None
    outcome: str | None = Field(description="What the reply says of itself, where a receiver of ours answers.")
    error: str | None
    duration_ms: float | None
    created_at: datetime
    sent_at: datetime | None
    fault: str | None = Field(description="What was wrong with it on purpose.")


class DeliveryDetails(DeliveryReply):
    """The same with what was sent and what came back."""

    request_headers: dict[str, str] | None
    request_body: str | None
    response_body: str | None


class DeliveryList(_Model):
    """Deliveries, newest first."""

    deliveries: list[DeliveryReply]


class WebhookList(_Model):
    """Webhooks, newest first."""

    webhooks: list[WebhookReply]


class LicenseList(_Model):
    """Licenses, newest first."""

    licenses: list[LicenseReply]


class _Error(BaseModel):
    code: str = Field(examples=["not_found"])
    message: str = Field(examples=["there is no such webhook"])


class ErrorReply(BaseModel):
    """What every error is answered with."""

    error: _Error
