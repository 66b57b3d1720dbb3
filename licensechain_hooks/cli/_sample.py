"""The handlers of ``listen`` and ``demo``: one for each way to register one. They do nothing but run."""

from licensechain_hooks import Event, Hooks, LicenseCreated, LicenseRevoked

__all__ = ["hooks"]

hooks = Hooks()


@hooks.on("license.created")
def welcome_customer(_event: LicenseCreated) -> None:
    """A ``def`` handler of one type."""


@hooks.on(LicenseRevoked)
async def lock_seats(_event: LicenseRevoked) -> None:
    """An ``async def`` handler of an event class."""


@hooks.on("license.*")
def audit_license(_event: Event) -> None:
    """A handler of a family of types."""


@hooks.fallback
def log_other(_event: Event) -> None:
    """What runs where nothing else matches, unknown types included."""
