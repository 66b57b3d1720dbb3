"""Nothing private is shown: whatever is refused, whatever fails, in logs, tracebacks with locals, reprs, replies, labels.

Searched for are both signing secrets, the signature that was sent, the license key, the e-mail address, the name.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from click.testing import CliRunner
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

import licensechain_hooks
from licensechain_hooks import (
    Discard,
    Endpoint,
    Event,
    HandlerContext,
    HookRequest,
    Hooks,
    MemoryDeduplicator,
    Outcome,
    Receiver,
    Retry,
    StoreUnavailableError,
    VerificationError,
    WorkerSettings,
)
from licensechain_hooks._entries import EntryFilter, LedgerRow, NewEntry, Settlement
from licensechain_hooks.cli import main
from licensechain_hooks.contrib.opentelemetry import Telemetry
from licensechain_hooks.contrib.prometheus import PrometheusMetrics
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.inbox.sql import SqlInbox
from licensechain_hooks.testing import make_event
from licensechain_hooks.testing.conformance import CATALOGUE, Forge, RawDelivery, asgi_exchange, wsgi_exchange

pytestmark = pytest.mark.timeout(300)

SECRET, OLDER = "leak-the-newest-signing-secret", "leak-an-older-signing-secret"
DATA = {
    "id": "lic_1",
    "licenseKey": "LC-LEAK-KEY1-KEY2-KEY3",
    "email": "ada.leak@private.example",
    "name": "Ada Leak Private",
}
PRIVATE = [SECRET, OLDER, DATA["licenseKey"], DATA["email"], DATA["name"]]


class PrivateForge(Forge):
    """Makes deliveries that are full of what nobody may see."""

    def body(self, **fields: Any) -> bytes:
        data = fields.pop("data", DATA)
        return Forge.body(self, **{"data": DATA | data if isinstance(data, dict) else data, **fields})


FORGE = PrivateForge(secret=SECRET)


class Seen(logging.Handler):
    """Whatever could be shown to somebody: every log record from DEBUG on, and what a test adds."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        facts = {name: value for name, value in vars(record).items() if name not in {"exc_info", "pathname"}}
        self.add(record.getMessage(), facts)
        if record.exc_info and record.exc_info[1] is not None:
            self.add_error(record.exc_info[1])

    def add(self, *shown: object) -> None:
        """Something that is printed, or whose repr is."""
        self.texts += [each if isinstance(each, str) else repr(each) for each in shown]

    def add_error(self, error: BaseException | None) -> None:
        """An error as those show it who want to know all: with the locals of every frame, and of its causes."""
        if error is not None:
            self.texts += traceback.TracebackException.from_exception(error, capture_locals=True).format()
            self.add(error)

    def add_outcome(self, outcome: Outcome) -> None:
        """An outcome, and why it is what it is."""
        self.add(outcome, outcome.event, outcome.reply, outcome.reason)
        self.add_error(outcome.error)
        for run in outcome.runs:
            self.add_error(run.error)

    def leaks(self, *more: str) -> list[str]:
        """The texts that show something private."""
        words = [word for word in (*PRIVATE, *more) if word]
        return [text for text in self.texts if any(word in text for word in words)]


@pytest.fixture
def seen() -> Iterator[Seen]:
    """Listens to every logger."""
    handler, root = Seen(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def watched() -> Iterator[Callable[[Receiver], Callable[[], str]]]:
    """Measures a receiver with both kinds of metrics; what they export."""
    registry, spans, reader = CollectorRegistry(), InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider(metric_readers=[reader])
    metrics, telemetry = PrometheusMetrics(registry), Telemetry(tracer_provider=tracers, meter_provider=meters)

    def watch(receiver: Receiver) -> Callable[[], str]:
        metrics.watch(receiver)
        telemetry.watch(receiver)

        def exported() -> str:
            data = reader.get_metrics_data()
            told = "" if data is None else data.to_json()
            return generate_latest(registry).decode() + told + "".join(s.to_json() for s in spans.get_finished_spans())

        return exported

    yield watch
    meters.shutdown()
    tracers.shutdown()


def endpoint(**settings: Any) -> Endpoint:
    return Endpoint(secrets=[SECRET, OLDER], max_body=FORGE.max_body, **settings)


def signature_of(delivery: RawDelivery) -> str:
    """The signature that was sent; where it is too short to be told from other text, nothing."""
    values = [value.decode("latin-1") for name, value in delivery.headers if name.lower() == b"x-webhook-signature"]
    return next((value.removeprefix("sha256=") for value in values if len(value) > 20), "")


def request_of(delivery: RawDelivery) -> HookRequest:
    return HookRequest(delivery.body, delivery.framed_headers(), method=delivery.method, path="/tenants/ada")


@pytest.mark.parametrize("profile", ["guide", "compat"])
@pytest.mark.parametrize("mode", ["inline", "durable"])
def test_every_delivery(mode: str, profile: Any, seen: Seen, hooks: Hooks) -> None:
    """The whole catalogue of bad input, under every host: what is refused and what is accepted shows nothing."""
    hooks.on("*")(lambda _event: None)
    inbox = MemoryInbox() if mode == "durable" else None
    worker = WorkerSettings(embedded=False) if inbox else None
    receiver = Receiver(endpoint(profile=profile), hooks, inbox=inbox, worker=worker)
    leaks: dict[str, list[str]] = {}
    for case in CATALOGUE:
        seen.texts.clear()
        delivery = case.make(FORGE)
        request = request_of(delivery)
        seen.add_outcome(receiver.receive(request))
        seen.add_outcome(asyncio.run(receiver.areceive(request_of(delivery))))
        seen.add(wsgi_exchange(receiver.wsgi, delivery, "/"), asgi_exchange(receiver.asgi, delivery, "/"))
        seen.add(request, receiver, receiver.endpoint, hooks, receiver.inbox)
        if inbox is not None:
            receiver.worker.drain()
        if found := seen.leaks(signature_of(delivery)):
            leaks[str(case)] = found
    assert leaks == {}


def _raise(error: BaseException) -> Callable[[Event, HandlerContext], None]:
    def handler(event: Event, context: HandlerContext) -> None:
        assert event.id in context.idempotency_key
        raise error

    return handler


def _araise(error: BaseException) -> Callable[[Event, HandlerContext], Any]:
    async def handler(event: Event, context: HandlerContext) -> None:
        assert event.id in context.idempotency_key
        raise error

    return handler


@pytest.mark.parametrize(
    "error", [ValueError("busy"), Retry(), Discard("never"), SystemExit(1), RecursionError()], ids=repr
)
@pytest.mark.parametrize("make", [_raise, _araise])
@pytest.mark.parametrize("mode", ["inline", "memory", "sql"])
def test_handlers_that_fail(
    mode: str, make: Any, error: BaseException, seen: Seen, hooks: Hooks, watched: Any, tmp_path: Path
) -> None:
    """A failure is told with its traceback; no frame of ours, and nothing a handler is given, shows the event's data."""
    hooks.on("*")(make(error))
    hooks.on_error(_raise(ValueError("the listener fails too")))
    hooks.on_dead(_raise(ValueError("the listener fails too")))
    inboxes = {"inline": lambda: None, "memory": MemoryInbox, "sql": lambda: SqlInbox(f"sqlite:///{tmp_path}/in.db")}
    inbox: Any = inboxes[mode]()
    settings = {"worker": WorkerSettings(embedded=False, max_attempts=1)} if inbox else {}
    receiver = Receiver(endpoint(), hooks, inbox=inbox, **settings)
    exported = watched(receiver)
    delivery = FORGE.delivery()
    seen.add_outcome(receiver.receive(request_of(delivery)))
    if inbox is None:
        seen.add_outcome(asyncio.run(receiver.areceive(request_of(FORGE.delivery()))))
    else:
        receiver.worker.drain()
        for entry in inbox.entries(EntryFilter()):
            seen.add(entry, entry.error, *inbox.ledger(entry.pk))
    seen.add(exported())
    assert seen.leaks(signature_of(delivery)) == []
    assert len(seen.texts) > 5


def test_conflicts(seen: Seen, hooks: Hooks) -> None:
    """What a listener of conflicts raises is told without what the event says."""
    hooks.on("*")(lambda _event: None)
    hooks.on_conflict(_raise(ValueError("the listener fails")))
    for inbox in (None, MemoryInbox()):
        receiver = Receiver(endpoint(), hooks, inbox=inbox)
        for note in ("one", "another"):
            delivery = FORGE.delivery(FORGE.body(id="evt_1", data={"note": note}))
            seen.add_outcome(receiver.receive(request_of(delivery)))
        receiver.stop()
    assert [text for text in seen.texts if "the listener fails" in text]
    assert seen.leaks(signature_of(delivery)) == []


class Broken(MemoryDeduplicator):
    """A deduplicator whose driver quotes what it was given."""

    def reserve(self, endpoint: str, event_id: str, body: bytes) -> Any:
        msg = f"SET {endpoint} {event_id} {body!r}"
        raise OSError(msg)


class BrokenInbox(MemoryInbox):
    """An inbox whose driver quotes what it was given."""

    def record_many(self, entries: Any) -> Any:
        msg = f"INSERT {entries!r} {entries[0].raw_body!r}"
        raise OSError(msg)


def _dropped(folder: Path) -> SqlInbox:
    """An inbox whose tables are gone."""
    inbox = SqlInbox(f"sqlite:///{folder}/in.db")
    inbox.create_schema()
    with inbox.engine.begin() as connection:
        for name in sqlalchemy.inspect(connection).get_table_names():
            connection.exec_driver_sql(f"DROP TABLE {name}")
    return inbox


@pytest.mark.parametrize("kind", ["deduplicator", "inbox", "sql", "nowhere"])
def test_stores_that_fail(kind: str, seen: Seen, hooks: Hooks, watched: Any, tmp_path: Path) -> None:
    """A driver's error may quote its parameters: neither the answer nor the log nor the error's cause shows them."""
    hooks.on("*")(lambda _event: None)
    stores: dict[str, Callable[[], dict[str, Any]]] = {
        "deduplicator": lambda: {"deduplicator": Broken()},
        "inbox": lambda: {"inbox": BrokenInbox()},
        "sql": lambda: {"inbox": _dropped(tmp_path)},
        "nowhere": lambda: {"inbox": SqlInbox("postgresql+psycopg://leak:leak-password@127.0.0.1:1/none")},
    }
    receiver = Receiver(endpoint(), hooks, **stores[kind]())
    exported = watched(receiver)
    delivery = FORGE.delivery()
    outcomes = [receiver.receive(request_of(delivery)), asyncio.run(receiver.areceive(request_of(delivery)))]
    assert [outcome.name for outcome in outcomes] == ["unavailable"] * 2
    for outcome in outcomes:
        assert isinstance(outcome.error, StoreUnavailableError)
        cause = outcome.error.__cause__
        assert (outcome.error.__traceback__, getattr(cause, "__traceback__", None)) == (None, None)
        if kind in {"deduplicator", "inbox"}:  # what the driver of a store of one's own says stays what it is
            outcome.error.__cause__ = None
        seen.add_outcome(outcome)
    seen.add(exported(), receiver.inbox)
    assert seen.leaks(signature_of(delivery), "leak-password") == []


def test_secrets_that_fail(seen: Seen, hooks: Hooks) -> None:
    """A callable for secrets may quote what it looked up, and give what is no secret."""

    def broken(_request: HookRequest) -> Any:
        msg = f"SELECT {SECRET}"
        raise OSError(msg)

    for secrets in (broken, lambda _request: f" {SECRET}", lambda _request: [SECRET.encode()]):
        receiver = Receiver(Endpoint(secrets=secrets), hooks)
        for outcome in (
            receiver.receive(request_of(FORGE.delivery())),
            asyncio.run(receiver.areceive(request_of(FORGE.delivery()))),
        ):
            assert isinstance(outcome.error, licensechain_hooks.ConfigurationError)
            if isinstance(outcome.error.__cause__, OSError):  # what the callable says stays what it is
                outcome.error.__cause__ = None
            seen.add_outcome(outcome)
        seen.add(receiver.endpoint)
    assert seen.leaks() == []


@pytest.mark.parametrize("given", [f" {SECRET}", SECRET.encode(), [SECRET, ""], [SECRET, 1], [SECRET, None]], ids=repr)
def test_settings_that_fail(given: Any, seen: Seen) -> None:
    """Settings that cannot work are refused without being quoted; the caller's own frame is the caller's."""
    with pytest.raises(licensechain_hooks.ConfigurationError) as caught:
        Endpoint(secrets=given)
    seen.add(str(caught.value), caught.value)
    assert seen.leaks() == []


@pytest.mark.parametrize("way", ["open", "aopen", "open_request", "aopen_request"])
def test_a_route_of_ones_own(way: str, seen: Seen) -> None:
    """What an endpoint raises to a route of one's own shows nothing beyond what the frames of that route have."""
    forged = FORGE.delivery().with_headers((b"X-Webhook-Signature", b"0" * 64))
    for case in (
        forged,
        FORGE.delivery(FORGE.body(id=None)),
        FORGE.delivery(FORGE.body(timestamp="2020-01-01T00:00:00Z")),
    ):
        call = getattr(endpoint(), way)
        given = (request_of(case),) if way.endswith("request") else (case.headers, case.body)
        with pytest.raises((VerificationError, licensechain_hooks.PayloadError)) as caught:
            asyncio.run(call(*given)) if way.startswith("a") else call(*given)
        ours = caught.value.__traceback__
        while ours is not None and "licensechain_hooks" not in ours.tb_frame.f_globals["__name__"]:
            ours = ours.tb_next  # of this test, and of asyncio
        assert ours is not None
        seen.add_error(caught.value.with_traceback(ours))
    assert len(seen.texts) > 5
    assert seen.leaks() == []


COMMANDS = (
    "inbox list --inbox {url}",
    "inbox list --inbox {url} --format json",
    "inbox show 1 --inbox {url}",
    "inbox show 2 --inbox {url} --format json",
    "inbox stats --inbox {url}",
    "verify --secret-file {secret} --body-file {body} --header X-Webhook-Signature:{signature} --header X-Webhook-Timestamp:1",
    "doctor --secret-file {secret} --inbox {url}",
    "trigger license.revoked --to http://127.0.0.1:1/ --secret-file {secret} --data licenseKey={key} --tamper body",
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: " ".join(text.split()[:3]))
def test_commands(command: str, seen: Seen, hooks: Hooks, tmp_path: Path) -> None:
    """What the command line prints of entries, deliveries and settings, whether it works or not, is for a terminal."""

    @hooks.on("*")
    def fail(event: Event) -> None:
        msg = f"no seat for {event.data.license_key} of {DATA['email']}"
        raise ValueError(msg)

    url = f"sqlite:///{tmp_path}/in.db"
    receiver = Receiver(endpoint(), hooks, inbox=SqlInbox(url), worker=WorkerSettings(embedded=False, max_attempts=1))
    deliveries = [FORGE.delivery() for _ in range(2)]
    assert [receiver.receive(request_of(each)).name for each in deliveries] == ["accepted"] * 2
    logging.disable(logging.CRITICAL)  # the handler has put the key into its own error
    receiver.worker.drain()
    logging.disable(logging.NOTSET)
    receiver.inbox.close()
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "body").write_bytes(deliveries[0].body)
    signature = FORGE.sign(deliveries[0].body).decode()
    words = {"url": url, "secret": tmp_path / "secret", "body": tmp_path / "body", "signature": signature}
    given = [word.format(**words, key=DATA["licenseKey"]) for word in command.split()]
    ran = CliRunner().invoke(main, given)
    seen.add(ran.output)
    assert ran.exit_code in {0, 1, 3, 4}, ran.output
    assert len(ran.output) > 10
    assert seen.leaks(signature) == []


def test_reprs(hooks: Hooks, seen: Seen, tmp_path: Path) -> None:
    """The repr and the text of every public value that a delivery passes through."""
    hooks.on("*")(lambda _event: None)
    inbox = SqlInbox(f"sqlite:///{tmp_path}/in.db")
    receiver = Receiver(endpoint(), hooks, inbox=inbox, worker=WorkerSettings(embedded=False))
    delivery = FORGE.delivery()
    request = request_of(delivery)
    outcome = receiver.receive(request)
    (entry,) = inbox.entries(EntryFilter())
    (claim,) = inbox.claim_many(["default"], limit=1, lease=timedelta(minutes=1))
    row = LedgerRow(handler="h", state="failed")
    new = NewEntry(
        endpoint="default",
        event_id="evt_1",
        event_type="license.created",
        event_timestamp=datetime.now(UTC),
        raw_body=delivery.body,
    )
    context = HandlerContext(
        endpoint="default",
        handler="h",
        idempotency_key="k",
        attempt=1,
        raw_body=delivery.body,
        received_at=datetime.now(UTC),
    )
    settlement = Settlement(claim=claim, state="failed", runs=(row,))
    values = [outcome, outcome.event, entry, claim, new, context, settlement, request, request.headers, receiver]
    values += [
        receiver.endpoint,
        receiver.worker,
        inbox,
        hooks,
        *hooks.handlers(),
        endpoint().open(delivery.headers, delivery.body),
    ]
    values += [make_event(each, data=DATA | {"signature": "x"}) for each in licensechain_hooks.EVENT_CLASSES]
    values += [make_event(each, data=DATA).data for each in licensechain_hooks.EVENT_CLASSES]
    values += [make_event("no.such_type", data=DATA)]
    for value in values:
        seen.add(repr(value), str(value), f"{value}", [value])
    inbox.close()
    assert seen.leaks(signature_of(delivery)) == []


def test_every_error_is_picklable_without_more(seen: Seen) -> None:
    """Errors go to queues and other processes: what they carry shows nothing either."""
    receiver = Receiver(endpoint(), Hooks())
    for case in CATALOGUE:
        outcome = receiver.receive(request_of(case.make(FORGE)))
        if outcome.error is not None:
            seen.add(outcome.error.__reduce__())
    assert seen.leaks() == []
