"""Licenses and the machines they are bound to."""

from typing import Literal

from pydantic import Field

from licensechain_hooks.events._base import Event, EventData, LowerCase, Moment, TypedData

__all__ = [
    "HardwareBound",
    "HardwareData",
    "HardwareEvent",
    "HardwareUnbound",
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
]


class LicenseData(TypedData, frozen=True):
    """The license an event is about. ``status`` is lower case whatever was sent; times are aware."""

    license_key: str | None = None
    user_id: str | None = None
    product_id: str | None = None
    status: LowerCase | None = None
    expires_at: Moment | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None


class LicenseEvent(Event, frozen=True):
    """Any event about a license."""

    data: LicenseData


class LicenseCreated(LicenseEvent, frozen=True):
    """A license was created."""

    raw_type: Literal["license.created"] = Field(validation_alias="type", serialization_alias="type")


class LicenseUpdated(LicenseEvent, frozen=True):
    """A license was changed."""

    raw_type: Literal["license.updated"] = Field(validation_alias="type", serialization_alias="type")


class LicenseExpired(LicenseEvent, frozen=True):
    """A license reached its end."""

    raw_type: Literal["license.expired"] = Field(validation_alias="type", serialization_alias="type")


class LicenseRevoked(LicenseEvent, frozen=True):
    """A license was taken back and must stop working."""

    raw_type: Literal["license.revoked"] = Field(validation_alias="type", serialization_alias="type")


class LicenseDeleted(LicenseEvent, frozen=True):
    """A license was deleted."""

    raw_type: Literal["license.deleted"] = Field(validation_alias="type", serialization_alias="type")


class LicenseTransferred(LicenseEvent, frozen=True):
    """A license went to another user."""

    raw_type: Literal["license.transferred"] = Field(validation_alias="type", serialization_alias="type")


class LicenseValidated(LicenseEvent, frozen=True):
    """A license was checked by the software it is for."""

    raw_type: Literal["license.validated"] = Field(validation_alias="type", serialization_alias="type")


class LicenseSuspended(LicenseEvent, frozen=True):
    """A license was suspended."""

    raw_type: Literal["license.suspended"] = Field(validation_alias="type", serialization_alias="type")


class LicenseExtended(LicenseEvent, frozen=True):
    """A license got a later end."""

    raw_type: Literal["license.extended"] = Field(validation_alias="type", serialization_alias="type")


class HardwareData(EventData, frozen=True):
    """The machine a license is bound to."""

    id: str | None = None
    license_id: str | None = None
    hardware_id: str | None = None
    created_at: Moment | None = None


class HardwareEvent(Event, frozen=True):
    """Any event about a machine."""

    data: HardwareData


class HardwareBound(HardwareEvent, frozen=True):
    """A license was bound to a machine."""

    raw_type: Literal["hardware.bound"] = Field(validation_alias="type", serialization_alias="type")


class HardwareUnbound(HardwareEvent, frozen=True):
    """A license was freed from a machine."""

    raw_type: Literal["hardware.unbound"] = Field(validation_alias="type", serialization_alias="type")
