"""The behaviour every adapter must have, as pytest classes: subclass one and say how to make your application.

::

    class TestMyAdapter(AdapterConformance):
        exchange = staticmethod(wsgi_exchange)

        def make_app(self, receiver):
            return my_framework_app(receiver, path=self.path)
"""

import logging
import threading
from asyncio import CancelledError
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from licensechain_hooks import (
    Endpoint,
    Event,
    HandlerContext,
    Hooks,
    MemoryDeduplicator,
    Receiver,
    Reservation,
    Retry,
    StoreUnavailableError,
)
from licensechain_hooks.testing._catalogue import CATALOGUE, Case
from licensechain_hooks.testing._delivery import Answer, RawDelivery, asgi_exchange, wsgi_exchange
from licensechain_hooks.testing._forge import Forge

__all__ = [
    "CATALOGUE",
    "AdapterConformance",
    "Answer",
    "Case",
    "Forge",
    "RawDelivery",
    "asgi_exchange",
    "wsgi_exchange",
]

Exchange = Callable[[Any, RawDelivery, str], Answer]
_SECRET = "the-secret-of-the-conformance-suite"  # noqa: S105


class AdapterConformance:
    """An adapter in process: the catalogue of bad input, and what takes handlers or several deliveries.

    Attributes:
        path: where the application receives deliveries.
        exchange: `asgi_exchange` or `wsgi_exchange`, as a ``staticmethod``.
    """

    path = "/webhooks/licensechain"
    exchange: Exchange

    def make_app(self, receiver: Receiver) -> Any:
        """An ASGI or WSGI application that receives deliveries at `path` with this receiver."""
        msg = f"{type(self).__name__} must define make_app, so that this receiver gets deliveries: {receiver}"
        raise TypeError(msg)

    @pytest.fixture
    def forge(self) -> Forge:
        """Makes deliveries for the receiver."""
        return Forge(secret=_SECRET)

    @pytest.fixture
    def hooks(self) -> Hooks:
        """The handlers; each test registers its own."""
        return Hooks()

    @pytest.fixture
    def deduplicator(self) -> MemoryDeduplicator:
        """What the receiver remembers."""
        return MemoryDeduplicator()

    @pytest.fixture
    def deliver(self, forge: Forge, hooks: Hooks, deduplicator: MemoryDeduplicator) -> Callable[[RawDelivery], Answer]:
        """Hand a delivery to an application made once."""
        endpoint = Endpoint(secrets=[_SECRET], max_body=forge.max_body)
        app = self.make_app(Receiver(endpoint, hooks, deduplicator=deduplicator))
        return lambda delivery: self.exchange(app, delivery, self.path)

    @pytest.mark.parametrize("case", CATALOGUE, ids=str)
    def test_every_request_gets_its_answer(
        self,
        case: Case,
        forge: Forge,
        hooks: Hooks,
        deduplicator: MemoryDeduplicator,
        deliver: Callable[[RawDelivery], Answer],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The status and the reply are the catalogue's; what is refused runs, stores and reveals nothing."""
        caplog.set_level(logging.DEBUG, "licensechain_hooks")
        runs: list[Event] = []
        hooks.on("*")(runs.append)
        delivery = case.make(forge)
        answer = deliver(delivery)
        accepted = int(case.status == 200)
        assert (answer.status, answer.outcome) == (case.status, "" if delivery.method == "HEAD" else case.outcome)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers.get("allow") == ("POST" if case.status == 405 else None)
        assert (len(runs), len(deduplicator)) == (accepted, accepted)
        for secret in (_SECRET, forge.sign(delivery.body).decode(), "LC-7F3K-9QWX-2MDA-H5TB"):
            assert secret not in caplog.text + repr(caplog.records)

    def test_a_body_shorter_than_declared(self, forge: Forge, deliver: Callable[[RawDelivery], Answer]) -> None:
        """Row 14: fewer bytes than Content-Length says are no delivery, whatever their signature."""
        delivery = forge.delivery()
        answer = deliver(replace(delivery, declared=len(delivery.body) + 1))
        assert (answer.status, answer.outcome) == (400, "rejected")

    @pytest.mark.parametrize("change", [b"\n", b" ", b"\r\n\t "], ids=["newline", "space", "mixed"])
    def test_the_raw_bytes_are_what_is_verified(
        self, change: bytes, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]
    ) -> None:
        """A layout that no serialiser would choose verifies, and reaches the handler as it was sent."""
        bodies: list[bytes] = []

        @hooks.on("*")
        def keep(_event: Event, context: HandlerContext) -> None:
            bodies.append(context.raw_body)

        body = forge.body(note="\u00e9 \U0001f600").replace(b'"type"', change + b'"type"') + change
        assert deliver(forge.delivery(body)).outcome == "processed"
        assert bodies == [body]

    def test_handlers_of_both_kinds_run_in_order(
        self, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]
    ) -> None:
        """``def`` and ``async def`` handlers mix under every host."""
        ran: list[str] = []

        @hooks.on("license.created")
        def first(_event: Event) -> None:
            ran.append("def")

        @hooks.on("license.*")
        async def second(_event: Event) -> None:
            ran.append("async def")

        @hooks.on("license.created")
        def third(_event: Event) -> None:
            ran.append("def")

        assert deliver(forge.delivery()).outcome == "processed"
        assert ran == ["def", "async def", "def"]

    def test_no_handler(self, forge: Forge, deliver: Callable[[RawDelivery], Answer]) -> None:
        """Row 30: an event nobody listens for is taken, so that the sender does not send it again."""
        answer = deliver(forge.delivery())
        assert (answer.status, answer.outcome) == (200, "ignored")

    def test_a_redelivery_with_fresh_headers(
        self, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]
    ) -> None:
        """Row 12: a captured body with a new timestamp header verifies, and runs nothing."""
        runs: list[Event] = []
        hooks.on("*")(runs.append)
        delivery = forge.delivery()
        later = delivery.with_headers((b"X-Webhook-Timestamp", forge.timestamp(60)))
        assert [deliver(delivery).outcome, deliver(later).outcome] == ["processed", "duplicate"]
        assert len(runs) == 1

    def test_the_same_event_written_differently(
        self, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]
    ) -> None:
        """Row 33: another timestamp, layout and signature are the same event."""
        runs: list[Event] = []
        hooks.on("*")(runs.append)
        first = forge.delivery(forge.body(id="evt_1"))
        second = forge.delivery(forge.body(id="evt_1", signature="other") + b"\n")
        assert [deliver(first).outcome, deliver(second).outcome] == ["processed", "duplicate"]
        assert len(runs) == 1

    def test_the_same_id_with_other_content(
        self, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]
    ) -> None:
        """Row 32: a conflict is answered 200, tells the conflict listeners, and never runs handlers."""
        runs: list[Event] = []
        alerts: list[Event] = []
        hooks.on("*")(runs.append)
        hooks.on_conflict(alerts.append)
        deliver(forge.delivery(forge.body(id="evt_1")))
        answer = deliver(forge.delivery(forge.body(id="evt_1", data={"id": "lic_other"})))
        assert (answer.status, answer.outcome) == (200, "conflict")
        assert (len(runs), len(alerts)) == (1, 1)

    def test_twenty_at_once(self, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]) -> None:
        """Row 31: of twenty copies at once one runs; the others are told that it is done or under way."""
        runs: list[Event] = []
        together = threading.Barrier(20)
        hooks.on("*")(runs.append)
        delivery = forge.delivery()

        def copy(_number: int) -> str:
            together.wait()
            return deliver(delivery).outcome

        with ThreadPoolExecutor(20) as pool:
            outcomes = list(pool.map(copy, range(20)))
        assert len(runs) == 1
        assert outcomes.count("processed") == 1
        assert set(outcomes) <= {"processed", "duplicate", "in_flight"}

    def test_a_redelivery_while_the_handler_runs(
        self, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]
    ) -> None:
        """Row 36: the sender gives up and delivers again: it is asked to wait, and the handler runs once."""
        started, go_on = threading.Event(), threading.Event()
        runs: list[Event] = []

        @hooks.on("*")
        def slow(event: Event) -> None:
            runs.append(event)
            started.set()
            go_on.wait(10)

        delivery = forge.delivery()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(deliver, delivery)
            assert started.wait(10)
            second = deliver(delivery)
            go_on.set()
            assert first.result().outcome == "processed"
        assert (second.status, second.outcome) == (409, "in_flight")
        assert int(second.headers["retry-after"]) > 0
        assert len(runs) == 1

    @pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, CancelledError, RecursionError])
    @pytest.mark.parametrize("kind", ["def", "async def"])
    def test_a_handler_that_raises(
        self,
        kind: str,
        error: type[BaseException],
        forge: Forge,
        hooks: Hooks,
        deliver: Callable[[RawDelivery], Answer],
    ) -> None:
        """Row 34: whatever a handler raises is a 500, the others still run, and a redelivery runs again."""
        failures = [error]
        ran: list[str] = []

        def fail() -> None:
            ran.append("failing")
            if failures:
                raise failures.pop()

        async def afail() -> None:
            fail()

        hooks.on("*")((lambda _event: fail()) if kind == "def" else (lambda _event: afail()))
        hooks.on("*")(lambda _event: ran.append("other"))
        delivery = forge.delivery()
        with ThreadPoolExecutor(1) as pool:  # in the main thread a KeyboardInterrupt is Ctrl-C
            answers = [pool.submit(deliver, delivery).result() for _ in range(3)]
        assert [(answer.status, answer.outcome) for answer in answers] == [
            (500, "failed"),
            (200, "processed"),
            (200, "duplicate"),
        ]
        assert ran == ["failing", "other", "failing", "other"]

    def test_a_handler_that_asks_for_later(
        self, forge: Forge, hooks: Hooks, deliver: Callable[[RawDelivery], Answer]
    ) -> None:
        """``Retry`` asks the sender to come back, and says when."""

        @hooks.on("*")
        def busy(_event: Event) -> None:
            raise Retry(after=timedelta(seconds=90))

        answer = deliver(forge.delivery())
        assert (answer.status, answer.outcome, answer.headers["retry-after"]) == (503, "failed", "90")

    def test_the_store_is_down(self, forge: Forge, hooks: Hooks) -> None:
        """Row 37: what cannot be remembered is not run: 503 and Retry-After."""

        class Down(MemoryDeduplicator):
            def reserve(self, endpoint: str, event_id: str, body: bytes) -> Reservation:
                msg = "down"
                raise StoreUnavailableError(msg)

        runs: list[Event] = []
        hooks.on("*")(runs.append)
        app = self.make_app(Receiver(Endpoint(secrets=[_SECRET]), hooks, deduplicator=Down()))
        answer = self.exchange(app, forge.delivery(), self.path)
        assert (answer.status, answer.outcome, runs) == (503, "unavailable", [])
        assert int(answer.headers["retry-after"]) > 0

    @pytest.mark.parametrize("secrets", [[], [""], None, "your-webhook-secret"], ids=str)
    def test_the_endpoint_loses_its_secrets(self, secrets: Any, forge: Forge, hooks: Hooks) -> None:
        """Row 8: without a usable secret nothing verifies, not even what is signed with an empty key: 503."""
        app = self.make_app(Receiver(Endpoint(secrets=lambda _request: secrets), hooks))
        answer = self.exchange(app, forge.delivery(), self.path)
        assert (answer.status, answer.outcome) == (503, "unavailable")
