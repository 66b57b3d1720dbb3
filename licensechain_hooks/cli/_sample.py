"""The handlers of ``listen``: one for each way to register one; and of ``demo``, where some fail as handlers do."""

import itertools

from licensechain_hooks import Event, Hooks, LicenseCreated, LicenseExpired, LicenseExtended, LicenseRevoked

__all__ = ["demo_hooks", "hooks"]

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


demo_hooks = Hooks()
demo_hooks.include(hooks)
_mail_calls, _crm_calls = itertools.count(1), itertools.count(1)


@demo_hooks.on("license.extended")
async def mail_customer(_event: LicenseExtended) -> None:
    """Fails twice, as where a mail server is busy."""
    if next(_mail_calls) <= 2:
        msg = "the mail server is busy"
        raise ConnectionError(msg)


@demo_hooks.on("license.expired")
def update_crm(_event: LicenseExpired) -> None:
    """Fails three times, as where something is down until somebody has repaired it."""
    if next(_crm_calls) <= 3:
        msg = "the CRM is down"
        raise ConnectionError(msg)
