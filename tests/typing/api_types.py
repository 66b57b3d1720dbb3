"""What type checkers know of the rest of the front door: this file is checked, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=error

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, assert_type

from pydantic import SecretStr

from licensechain_hooks import (
    Attempt,
    AttemptState,
    Deduplicator,
    Discard,
    Endpoint,
    Envelope,
    Event,
    Handler,
    HandlerContext,
    HandlerRun,
    Health,
    HookRequest,
    Hooks,
    Inbox,
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
    Worker,
    WorkerSettings,
)
from licensechain_hooks.events import license_id_of, parse_envelope, parse_event
from licensechain_hooks.inbox.memory import MemoryInbox

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
assert_type(endpoint.parse_request(HookRequest(b"", {}), parse_event), Event)
assert_type(endpoint.parse_request(HookRequest(b"", {}), parse_envelope), Envelope)
endpoint.parse_request(HookRequest(b"", {}), str)  # type: ignore[type-var, arg-type, unused-ignore]


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
assert_type(outcome.event, Event | Envelope | None)
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

# Durable mode.

inbox: Inbox = MemoryInbox()


def customer_of(event: Event) -> str | None:
    return license_id_of(event)


def without_email(body: bytes) -> bytes:
    return body


durable = Receiver(endpoint, hooks, inbox=inbox, ordering_key="license", worker=WorkerSettings(embedded=False))
Receiver(endpoint, hooks, inbox=inbox, ordering_key=customer_of, redact=without_email)
Receiver(endpoint, hooks, inbox=object())  # type: ignore[arg-type]
Receiver(endpoint, hooks, inbox=inbox, ordering_key="customer")  # type: ignore[arg-type]
Receiver(endpoint, hooks, inbox=inbox, redact=customer_of)  # type: ignore[arg-type]
assert_type(durable.worker, Worker)
assert_type(durable.inbox, Inbox | None)


def look(envelope: Envelope) -> str | None:
    assert_type(envelope.timestamp, datetime)
    assert_type(envelope.event_class, type[Event])
    assert_type(hooks.handlers_for(envelope), tuple[Handler, ...])
    envelope.id = "evt_2"  # type: ignore[misc]
    return envelope.license_id


# Decorators without types give the function back as it is.


@hooks.fallback
def other(event: Event) -> None: ...


@hooks.before
def check(event: Event, context: HandlerContext) -> None: ...


@hooks.on_error
async def report(error: BaseException, event: Event, context: HandlerContext) -> None: ...


@hooks.on_dead
def give_up(event: Event) -> None: ...


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


def note(outcome: Outcome, request: HookRequest, seconds: float) -> None: ...


@contextmanager
def measure(attempt: Attempt) -> Iterator[None]:
    assert_type(attempt.state, AttemptState | None)
    yield


assert_type(receiver.on_outcome(note)(outcome, HookRequest(b"", {}), 0.1), None)
assert_type(receiver.health(within=timedelta(seconds=1)), Health)
assert_type(receiver.health().oldest_age, timedelta | None)
assert_type(receiver.probe("live").status, int)
hooks.around(measure)
