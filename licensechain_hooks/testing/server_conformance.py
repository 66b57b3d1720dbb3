"""The behaviour every adapter must have behind a real server, as a pytest class: subclass it and start your server.

::

    @pytest.fixture(scope="class")
    def served(tmp_path_factory):
        with my_running_server(tmp_path_factory.mktemp("served")) as served:
            yield served


    class TestMyAdapterUnderMyServer(ServerConformance):
        pass
"""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from licensechain_hooks.testing._catalogue import CATALOGUE, Case
from licensechain_hooks.testing._delivery import read_answer, socket_exchange
from licensechain_hooks.testing._forge import Forge

__all__ = ["Forge", "Served", "ServerConformance"]

_PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server.

    Attributes:
        address: host and port.
        path: where it receives deliveries.
        forge: makes deliveries for it.
        runs: the ids of the events whose handler ran so far.
        log: what the server wrote so far.
        reads_slowly: whether it ends a body that does not arrive (ASGI).
        is_durable: whether deliveries are stored and accepted, and their handlers run later.
    """

    address: tuple[str, int]
    path: str
    forge: Forge
    runs: Callable[[], list[str]]
    log: Callable[[], str]
    reads_slowly: bool = False
    is_durable: bool = False

    def outcome(self, inline: str) -> str:
        """The outcome that this mode has in the place of one of inline mode."""
        return "accepted" if self.is_durable and inline == "processed" else inline

    def times(self, event_id: str) -> int:
        """How often an event's handler has run, once it has; and again when another run would have had its time."""
        ends = time.monotonic() + _PATIENCE
        while event_id not in self.runs() and time.monotonic() < ends:
            time.sleep(0.02)
        if self.is_durable:
            last = f"after-{event_id}"
            socket_exchange(self.address, self.forge.delivery(self.forge.body(id=last)).wire(self.path))
            while last not in self.runs() and time.monotonic() < ends:
                time.sleep(0.02)
        return self.runs().count(event_id)


class ServerConformance:
    """An adapter behind a real server: the same bytes get the same answer.

    A subclass gives a fixture ``served`` that returns a `Served`. Its receiver has one handler for all events, which
    writes down the event's id.
    """

    @pytest.mark.parametrize("case", CATALOGUE, ids=str)
    def test_every_request_gets_its_answer(self, case: Case, served: Served) -> None:
        """The status and the reply are the catalogue's, over a socket."""
        delivery = case.make(served.forge)
        answer = socket_exchange(served.address, delivery.wire(served.path))
        assert answer is not None
        assert (answer.status, answer.outcome) == (
            case.status,
            "" if delivery.method == "HEAD" else served.outcome(case.outcome),
        )
        assert answer.headers.get("allow") == ("POST" if case.status == 405 else None)

    def test_twenty_at_once(self, served: Served) -> None:
        """Row 31: of twenty copies at once, each on its own connection, one runs."""
        event_id = f"twenty-{served.forge.clock()}"
        wire = served.forge.delivery(served.forge.body(id=event_id)).wire(served.path)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _number: socket_exchange(served.address, wire), range(20)))
        outcomes = [answer.outcome for answer in answers if answer is not None]
        assert len(outcomes) == 20
        assert outcomes.count(served.outcome("processed")) == 1
        assert set(outcomes) <= {served.outcome("processed"), "duplicate", "in_flight"}
        assert served.times(event_id) == 1

    def test_a_connection_serves_on(self, served: Served) -> None:
        """Refused and accepted requests share a connection: none leaves bytes behind for the next."""
        deliveries = [
            served.forge.delivery(),
            served.forge.delivery().without(b"X-Webhook-Signature"),
            served.forge.delivery(b"[]"),
            served.forge.delivery(),
        ]
        statuses = []
        with socket.create_connection(served.address, timeout=10) as connection:
            for delivery in deliveries:
                connection.sendall(delivery.wire(served.path).replace(b"Connection: close\r\n", b""))
                answer = read_answer(connection)
                statuses.append(None if answer is None else answer.status)
        assert statuses == [200, 401, 400, 200]

    def test_the_sender_goes_away(self, served: Served) -> None:
        """Row 20: half a body and a closed connection: nothing runs, nothing is said, the server serves on."""
        body = served.forge.body(id=f"gone-{served.forge.clock()}")
        wire = served.forge.delivery(body).wire(served.path)
        with socket.create_connection(served.address, timeout=10) as connection:
            connection.sendall(wire[:-20])
        answer = socket_exchange(served.address, served.forge.delivery().wire(served.path))
        assert answer is not None
        assert answer.status == 200
        assert not [event_id for event_id in served.runs() if event_id.startswith("gone-")]
        assert "Traceback" not in served.log()

    def test_a_body_that_does_not_arrive(self, served: Served) -> None:
        """Row 19: a slow body ends with 408 where the server lets the receiver measure it."""
        if not served.reads_slowly:
            pytest.skip("under WSGI the server's own time-out ends a slow body")
        wire = served.forge.delivery().wire(served.path)
        answer = socket_exchange(served.address, wire[:-20])
        assert answer is not None
        assert (answer.status, answer.outcome) == (408, "rejected")

    def test_a_broken_chunk(self, served: Served) -> None:
        """Row 15: a chunk whose size is no number is a 400 by the server or by the receiver."""
        wire = replace(served.forge.delivery(), framing="chunked").wire(served.path)
        head, separator, _ = wire.partition(b"\r\n\r\n")
        answer = socket_exchange(served.address, head + separator + b"zz\r\nabc\r\n0\r\n\r\n")
        assert answer is not None
        assert answer.status == 400
