"""Users, apps, products, and LicenseChain itself."""

from typing import Literal

from pydantic import Field

from licensechain_hooks.events._base import Event, EventData, LowerCase, Moment, TypedData

__all__ = [
    "AppCreated",
    "AppData",
    "AppDeleted",
    "AppEvent",
    "AppUpdated",
    "ProductCreated",
    "ProductData",
    "ProductDeleted",
    "ProductEvent",
    "ProductUpdated",
    "SystemData",
    "SystemEvent",
    "SystemMaintenance",
    "SystemUpdate",
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
]


class UserData(TypedData, frozen=True):
    """The user an event is about."""

    email: str | None = None
    name: str | None = None
    status: LowerCase | None = None
    created_at: Moment | None = None


class UserEvent(Event, frozen=True):
    """Any event about a user."""

    data: UserData


class UserCreated(UserEvent, frozen=True):
    """A user was created. Also sent as ``user.registered``."""

    raw_type: Literal["user.created", "user.registered"] = Field(validation_alias="type", serialization_alias="type")


class UserUpdated(UserEvent, frozen=True):
    """A user was changed."""

    raw_type: Literal["user.updated"] = Field(validation_alias="type", serialization_alias="type")


class UserDeleted(UserEvent, frozen=True):
    """A user was deleted."""

    raw_type: Literal["user.deleted"] = Field(validation_alias="type", serialization_alias="type")


class UserLogin(UserEvent, frozen=True):
    """A user signed in."""

    raw_type: Literal["user.login"] = Field(validation_alias="type", serialization_alias="type")


class UserLogout(UserEvent, frozen=True):
    """A user signed out."""

    raw_type: Literal["user.logout"] = Field(validation_alias="type", serialization_alias="type")


class AppData(TypedData, frozen=True):
    """The app an event is about."""

    name: str | None = None
    status: LowerCase | None = None
    created_at: Moment | None = None


class AppEvent(Event, frozen=True):
    """Any event about an app."""

    data: AppData


class AppCreated(AppEvent, frozen=True):
    """An app was created. Also sent as ``application.created``."""

    raw_type: Literal["app.created", "application.created"] = Field(validation_alias="type", serialization_alias="type")


class AppUpdated(AppEvent, frozen=True):
    """An app was changed. Also sent as ``application.updated``."""

    raw_type: Literal["app.updated", "application.updated"] = Field(validation_alias="type", serialization_alias="type")


class AppDeleted(AppEvent, frozen=True):
    """An app was deleted. Also sent as ``application.deleted``."""

    raw_type: Literal["app.deleted", "application.deleted"] = Field(validation_alias="type", serialization_alias="type")


class ProductData(TypedData, frozen=True):
    """The product an event is about."""

    name: str | None = None
    status: LowerCase | None = None
    created_at: Moment | None = None


class ProductEvent(Event, frozen=True):
    """Any event about a product."""

    data: ProductData


class ProductCreated(ProductEvent, frozen=True):
    """A product was created."""

    raw_type: Literal["product.created"] = Field(validation_alias="type", serialization_alias="type")


class ProductUpdated(ProductEvent, frozen=True):
    """A product was changed."""

    raw_type: Literal["product.updated"] = Field(validation_alias="type", serialization_alias="type")


class ProductDeleted(ProductEvent, frozen=True):
    """A product was deleted."""

    raw_type: Literal["product.deleted"] = Field(validation_alias="type", serialization_alias="type")


class SystemData(EventData, frozen=True):
    """What LicenseChain announces."""

    message: str | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class SystemEvent(Event, frozen=True):
    """Any event about LicenseChain itself."""

    data: SystemData


class SystemMaintenance(SystemEvent, frozen=True):
    """Maintenance is announced."""

    raw_type: Literal["system.maintenance"] = Field(validation_alias="type", serialization_alias="type")


class SystemUpdate(SystemEvent, frozen=True):
    """An update is announced."""

    raw_type: Literal["system.update"] = Field(validation_alias="type", serialization_alias="type")


class WebhookData(TypedData, frozen=True):
    """LicenseChain's registration of an endpoint."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    app_id: str | None = None
    status: LowerCase | None = None
    created_at: Moment | None = None


class WebhookEvent(Event, frozen=True):
    """Any event about a registration."""

    data: WebhookData


class WebhookCreated(WebhookEvent, frozen=True):
    """A registration was created."""

    raw_type: Literal["webhook.created"] = Field(validation_alias="type", serialization_alias="type")


class WebhookUpdated(WebhookEvent, frozen=True):
    """A registration was changed."""

    raw_type: Literal["webhook.updated"] = Field(validation_alias="type", serialization_alias="type")


class WebhookDeleted(WebhookEvent, frozen=True):
    """A registration was deleted."""

    raw_type: Literal["webhook.deleted"] = Field(validation_alias="type", serialization_alias="type")
