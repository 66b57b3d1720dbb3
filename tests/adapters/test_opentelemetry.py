"""OpenTelemetry gets spans of attempts, what became of a delivery, and metrics; nothing of an event's data."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from starlette.applications import Starlette

from licensechain_hooks import Endpoint, HookRequest, Hooks, Receiver, StoreUnavailableError, WorkerSettings
from licensechain_hooks._entries import ENTRY_STATES
from licensechain_hooks.contrib.opentelemetry import Telemetry
from licensechain_hooks.contrib.starlette import webhook_route
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import event_body, make_event, sign_request
from licensechain_hooks.testing.conformance import Forge, asgi_exchange

pytestmark = pytest.mark.usefixtures("patient_health")
SECRET = "the-secret-of-the-telemetry-tests"
KEY = "LC-KEY-NEVER-IN-A-SPAN"
IDLE = WorkerSettings(embedded=False, max_attempts=2, backoff=lambda _number: timedelta(0))
PATH = "/webhooks/licensechain"


class Collected:
    """The SDK, and what it was given."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.telemetry = Telemetry(tracer_provider=self.tracers, meter_provider=self.meters)

    def spans(self):
        return list(self.exporter.get_finished_spans())

    def metrics(self):
        """The points of each metric: its labels' values, and a value or how many were measured."""
        data = self.reader.get_metrics_data()
        return {
            metric.name: {
                tuple(sorted(dict(point.attributes).values())): getattr(point, "value", None)
                or getattr(point, "count", 0)
                for point in metric.data.data_points
            }
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def collected():
    collected = Collected()
    yield collected
    collected.tracers.shutdown()
    collected.meters.shutdown()


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


@pytest.fixture
def receiver(collected, hooks, inbox) -> Receiver:
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=inbox, worker=IDLE)
    collected.telemetry.watch(receiver)
    return receiver


def delivery(event_type="license.revoked", secret=SECRET, event_id="evt_1") -> HookRequest:
    body = event_body(make_event(event_type, event_id=event_id, data={"id": "lic_1", "licenseKey": KEY}))
    return HookRequest(body, sign_request(body, secret))


def test_the_span_of_an_attempt(collected, receiver, hooks):
    """An attempt has a span, which is the current one of its handlers, so that what they do is found beneath it."""
    inside = []

    @hooks.on("*")
    def handler(_event):
        inside.append(get_current_span().get_span_context().span_id)

    @hooks.on("*")
    async def ahandler(_event):
        inside.append(get_current_span().get_span_context().span_id)

    receiver.receive(delivery())
    assert collected.spans() == []
    receiver.worker.drain()
    (span,) = collected.spans()
    assert (span.name, span.kind, span.status.status_code) == (
        "licensechain process",
        SpanKind.CONSUMER,
        StatusCode.UNSET,
    )
    assert dict(span.attributes) == {
        "licensechain.endpoint": "default",
        "licensechain.event.type": "license.revoked",
        "licensechain.event.id": "evt_1",
        "licensechain.attempt.number": 1,
        "licensechain.attempt.mode": "durable",
        "licensechain.attempt.state": "processed",
    }
    assert inside == [span.context.span_id] * 2


def test_attempts_that_fail(collected, receiver, hooks):
    """A failure is an error by its class; its text, which may quote an event, is nowhere."""
    hooks.on("*")(lambda _event: {}[KEY])
    receiver.receive(delivery())
    receiver.worker.drain()
    spans = collected.spans()
    assert [(each.attributes["licensechain.attempt.state"], each.attributes["error.type"]) for each in spans] == [
        ("failed", "KeyError"),
        ("dead", "KeyError"),
    ]
    assert {each.status.status_code for each in spans} == {StatusCode.ERROR}
    assert KEY not in "".join(each.to_json() for each in spans)


@contextmanager
def server_span(collected):
    with collected.tracers.get_tracer("server").start_as_current_span("POST", kind=SpanKind.SERVER):
        yield


@pytest.mark.parametrize(
    ("secret", "expected", "status"),
    [
        (SECRET, {"outcome": "ignored", "event.type": "license.revoked", "event.id": "evt_1"}, StatusCode.UNSET),
        ("another-secret-of-somebody", {"outcome": "rejected", "reason": "signature_mismatch"}, StatusCode.UNSET),
    ],
    ids=["accepted", "rejected"],
)
def test_the_span_of_the_server(collected, receiver, secret, expected, status):
    """What became of a delivery is on the span that the framework has for the request; there is no second one."""
    with server_span(collected):
        receiver.receive(delivery(secret=secret))
    (span,) = collected.spans()
    assert dict(span.attributes) == {"licensechain.endpoint": "default"} | {
        f"licensechain.{name}": value for name, value in expected.items()
    }
    assert span.status.status_code is status


def test_a_store_that_is_down_is_an_error_of_the_server(collected, hooks):
    """What the sender has to come back for is an error on the request's span."""

    class Down(MemoryInbox):
        def record_many(self, entries):
            raise StoreUnavailableError("down")

    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=Down(), worker=IDLE)
    collected.telemetry.watch(receiver)
    with server_span(collected):
        receiver.receive(delivery())
    (span,) = collected.spans()
    assert (span.status.status_code, span.attributes["licensechain.outcome"]) == (StatusCode.ERROR, "unavailable")


def test_without_a_server_span(collected, receiver):
    """Where nobody traces requests, a delivery opens no span."""
    receiver.receive(delivery())
    assert collected.spans() == []


def test_inline_mode_on_an_event_loop(collected, hooks):
    """In inline mode the attempt's span is beneath the server's, under ASGI as well, and leaves nothing behind."""
    hooks.on("*")(lambda _event: None)
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks)
    collected.telemetry.watch(receiver)
    routed = Starlette(routes=[webhook_route(PATH, receiver)])

    async def app(scope, receive, send):
        with server_span(collected):
            await routed(scope, receive, send)

    assert asgi_exchange(app, Forge(secret=SECRET).delivery(), PATH).outcome == "processed"
    attempt, server = collected.spans()
    assert (attempt.parent.span_id, attempt.attributes["licensechain.attempt.mode"]) == (
        server.context.span_id,
        "inline",
    )
    assert server.attributes["licensechain.outcome"] == "processed"


def test_metrics(collected, receiver, hooks):
    """The metrics have the fixed vocabulary, and no label of an event's; a receiver that is watched twice counts once."""
    collected.telemetry.watch(receiver)
    hooks.on("license.revoked")(lambda _event: {}[KEY])
    receiver.receive(delivery(event_id="evt_1"))
    receiver.receive(delivery("payment.refunded", event_id="evt_2"))
    receiver.receive(delivery(secret="another-secret-of-somebody"))
    receiver.worker.drain()
    assert collected.metrics() == {
        "licensechain.deliveries": {("accepted", "default"): 1, ("default", "ignored"): 1, ("default", "rejected"): 1},
        "licensechain.acknowledge.duration": {("default",): 3},
        "licensechain.attempts": {("default", "failed"): 1, ("dead", "default"): 1},
        "licensechain.attempt.duration": {("default", "failed"): 1, ("dead", "default"): 1},
        "licensechain.inbox.up": {("default",): 1},
        "licensechain.inbox.backlog": {("default",): 0},
        "licensechain.inbox.oldest_age": {("default",): 0},
        "licensechain.inbox.entries": {
            **{tuple(sorted(("default", state))): 0 for state in ENTRY_STATES},
            ("dead", "default"): 1,
            ("default", "ignored"): 1,
        },
    }


def test_the_inbox_is_down(collected, receiver, inbox, monkeypatch):
    """Of an inbox that is down there is nothing but that."""

    def down():
        raise StoreUnavailableError("down")

    monkeypatch.setattr(inbox, "stats", down)
    assert collected.metrics() == {"licensechain.inbox.up": {("default",): 0}}
