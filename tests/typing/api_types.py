"""What type checkers know of the rest of the front door: this file is checked, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=error

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, assert_type

from pydantic import SecretStr

from licensechain_hooks import (
    Deduplicator,
    Discard,
    Endpoint,
    Event,
    Handler,
    HandlerContext,
    HandlerRun,
    HookRequest,
    Hooks,
    KnownEvent,
    LicenseChainHooksError,
    LicenseRevoked,
    MemoryDeduplicator,
    Outcome,
    PaymentFailed,
    Receiver,
    Reply,
    Reservation,
    Retry,
    UnknownEvent,
    VerificationError,
)

hooks = Hooks()

# Secrets come in many forms.


def of_tenant(request: HookRequest) -> str:
    return request.path


async def of_tenant_later(request: HookRequest) -> list[SecretStr]:
    return [SecretStr(request.path)]


Endpoint(secrets="one")
Endpoint(secrets=["new", SecretStr("old")])
Endpoint(secrets=of_tenant, name="eu", profile="compat", max_event_age=None)
Endpoint(secrets=of_tenant_later)
Endpoint(secrets=7)  # type: ignore[arg-type]
Endpoint(secrets="one", profile="strict")  # type: ignore[arg-type]
Endpoint(secrets="one", tolerance=300)  # type: ignore[arg-type]
Endpoint("one")  # type: ignore[call-arg]
assert_type(Endpoint.from_env(), Endpoint)

endpoint = Endpoint(secrets="one")
endpoint.name = "eu"  # type: ignore[misc]

# Opening.

assert_type(endpoint.open({"X-Webhook-Signature": "0"}, b""), Event)
assert_type(endpoint.open([(b"x-webhook-signature", "0")], b"", path="/acme"), Event)
endpoint.open({}, "text")  # type: ignore[arg-type]


async def open_later() -> None:
    assert_type(await endpoint.aopen({}, b""), Event)
    assert_type(await Receiver(endpoint).areceive(HookRequest(b"", {})), Outcome)


# Requests take bytes and how to read them.

HookRequest(b"", {}, method="POST", path="/")
HookRequest(lambda size: b"" * size, {})
HookRequest('{"id": 1}', {})  # type: ignore[arg-type]
HookRequest({"id": 1}, {})  # type: ignore[arg-type]

# A receiver, its outcome, and the reply.

receiver = Receiver(endpoint, hooks, deduplicator=MemoryDeduplicator(lease=timedelta(minutes=1)))
outcome = receiver.receive(HookRequest(b"", {}))
assert_type(outcome, Outcome)
assert_type(
    outcome.name,
    Literal[
        "accepted", "processed", "duplicate", "in_flight", "conflict", "ignored", "rejected", "failed", "unavailable"
    ],
)
assert_type(outcome.event, Event | None)
assert_type(outcome.error, LicenseChainHooksError | None)
assert_type(outcome.runs, tuple[HandlerRun, ...])
assert_type(outcome.reply, Reply)
assert_type(outcome.reply.headers, tuple[tuple[str, str], ...])
assert_type(hooks.handlers_for(LicenseRevoked.model_construct()), tuple[Handler, ...])
assert_type(hooks.event_types(), tuple[str, ...])
Outcome(name="unheard_of")  # type: ignore[arg-type]

# Anything with the methods is a deduplicator.


class Mine:
    @property
    def retention(self) -> timedelta | None:
        return None

    @property
    def in_process(self) -> bool:
        return False

    def reserve(self, endpoint: str, event_id: str, body: bytes) -> Reservation:
        return Reservation(state="new", key=(endpoint, event_id), token=body.hex())

    def complete(self, reservation: Reservation) -> None: ...

    def release(self, reservation: Reservation) -> None: ...


mine: Deduplicator = Mine()
Receiver(endpoint, hooks, deduplicator=Mine())
Receiver(endpoint, hooks, deduplicator=object())  # type: ignore[arg-type]

# Decorators without types give the function back as it is.


@hooks.fallback
def other(event: Event) -> None: ...


@hooks.before
def check(event: Event, context: HandlerContext) -> None: ...


@hooks.on_error
async def report(error: BaseException, event: Event, context: HandlerContext) -> None: ...


other(LicenseRevoked.model_construct())
other("not an event")  # type: ignore[arg-type]

# Events: a match on the classes knows them all.


def moment_of(event: Event) -> datetime:
    assert_type(event.raw_timestamp, str)
    assert_type(event.type, str)
    return event.timestamp


def describe(event: KnownEvent | UnknownEvent) -> str:
    match event:
        case LicenseRevoked():
            assert_type(event.data.expires_at, datetime | None)
            return event.data.id
        case PaymentFailed():
            assert_type(event.data.amount, Decimal | None)
            return event.type
        case UnknownEvent():
            assert_type(event.data, dict[str, Any])
            return event.validation_error or ""
        case _:
            return event.id


# Signals and errors.

Retry(after=timedelta(minutes=5))
Retry(after=5)  # type: ignore[arg-type]
Discard("no such seat")
VerificationError("unknown_tenant")
VerificationError("because")  # type: ignore[arg-type]
assert_type(VerificationError.status_hint, int)
