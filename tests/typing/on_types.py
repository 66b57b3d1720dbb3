"""What type checkers know of ``on``: this file is checked, never run. A line marked as an error must be one."""

# pyright: reportUnnecessaryTypeIgnoreComment=error

from collections.abc import Callable
from typing import assert_type

from licensechain_hooks import (
    AppCreated,
    Event,
    HandlerContext,
    Hooks,
    LicenseCreated,
    LicenseData,
    LicenseEvent,
    LicenseRevoked,
    PaymentData,
    PaymentSucceeded,
    SubscriptionCanceled,
    UserCreated,
    on,
)

hooks = Hooks()

# A literal gives the event its class: for def and async def, with and without context.


@hooks.on("license.revoked")
def revoked(event: LicenseRevoked) -> int:
    assert_type(event.data, LicenseData)
    assert_type(event.data.license_key, str | None)
    return 1


@hooks.on("license.revoked")
def revoked_with_context(event: LicenseRevoked, context: HandlerContext) -> None:
    assert_type(context.idempotency_key, str)


@hooks.on("license.revoked")
async def revoked_later(event: LicenseRevoked) -> None: ...


@hooks.on("license.revoked", endpoint="eu")
async def revoked_later_with_context(event: LicenseRevoked, context: HandlerContext) -> str:
    return context.handler


@hooks.on("license.revoked", transactional=True, latest_only=True)
def revoked_once(event: LicenseRevoked, context: HandlerContext) -> None:
    context.session.add(event.data)


@hooks.on(LicenseRevoked, LicenseCreated, transactional=True)
def either_once(event: LicenseRevoked | LicenseCreated) -> None: ...


@hooks.on("license.*", latest_only=True)
def newest(event: Event) -> None: ...


assert_type(hooks.on("license.revoked")(lambda event: event.data), Callable[[LicenseRevoked], LicenseData])

# A handler may take more than it is given: a family, any event, anything.


@hooks.on("license.revoked")
def any_license(event: LicenseEvent) -> None: ...


@hooks.on("license.revoked")
def any_event(event: Event) -> None: ...


@hooks.on("license.revoked")
def anything(event: object) -> None: ...


# It may not take less: another class is an error, for def and async def.


@hooks.on("license.revoked")  # type: ignore[arg-type]
def not_this_type(event: LicenseCreated) -> None: ...


@hooks.on("license.revoked")  # type: ignore[arg-type]
async def not_this_type_later(event: PaymentSucceeded) -> None: ...


@hooks.on("license.revoked")  # type: ignore[arg-type]
def not_an_event(event: str) -> None: ...


@hooks.on("license.revoked")  # type: ignore[arg-type]
def no_event() -> None: ...


@hooks.on("license.revoked")  # type: ignore[arg-type]
def not_the_context(event: LicenseRevoked, context: str) -> None: ...


# Other spellings of a type give the same class.


@hooks.on("payment.completed")
def paid(event: PaymentSucceeded) -> None:
    assert_type(event.data, PaymentData)


@hooks.on("subscription.cancelled")
def canceled(event: SubscriptionCanceled) -> None: ...


@hooks.on("application.created")
def app_created(event: AppCreated) -> None: ...


@hooks.on("user.registered")
def registered(event: UserCreated) -> None: ...


@hooks.on("payment.completed")  # type: ignore[arg-type]
def not_paid(event: LicenseRevoked) -> None: ...


# Classes: one, a family, the base, two.


@hooks.on(LicenseRevoked)
def by_class(event: LicenseRevoked) -> None: ...


@hooks.on(LicenseEvent)
def by_family(event: LicenseEvent) -> None:
    assert_type(event.data, LicenseData)


@hooks.on(Event)
def by_base(event: Event) -> None: ...


@hooks.on(LicenseRevoked, LicenseCreated)
def by_two_classes(event: LicenseRevoked | LicenseCreated) -> None:
    assert_type(event.data, LicenseData)


@hooks.on(LicenseEvent)  # type: ignore[arg-type]
def one_of_a_family(event: LicenseRevoked) -> None: ...


@hooks.on(LicenseRevoked, PaymentSucceeded)  # type: ignore[arg-type]
def one_of_two(event: LicenseRevoked) -> None: ...


# Wildcards, several types and unknown ones: the function says itself what it takes.


@hooks.on("license.*")
def by_wildcard(event: LicenseEvent) -> None: ...


@hooks.on("*")
async def everything(event: Event, context: HandlerContext) -> None: ...


@hooks.on("license.revoked", "payment.refunded")
def several(event: Event) -> None: ...


@hooks.on("license.moved")
def of_tomorrow(event: Event) -> None: ...


@hooks.on("license.*", LicenseRevoked, endpoint="eu")
def mixed(event: Event) -> None: ...


def by_variable(event_type: str) -> None:
    hooks.on(event_type)(everything)


# The module's own ``on`` is typed alike.


@on("license.revoked")
def revoked_elsewhere(event: LicenseRevoked) -> None: ...


@on("license.revoked")  # type: ignore[arg-type]
def wrong_elsewhere(event: UserCreated) -> None: ...


# The decorated function keeps its type, and ``on`` its manners.

assert_type(revoked, Callable[[LicenseRevoked], int])
revoked("not an event")  # type: ignore[arg-type]
hooks.on(7)  # type: ignore[call-overload]
hooks.on(str)  # type: ignore[type-var]
hooks.on("license.revoked", endpoint=7)  # type: ignore[call-overload]
hooks.on("license.revoked", transactional="yes")  # type: ignore[call-overload]
hooks.on("license.revoked", exactly_once=True)  # type: ignore[call-overload]
