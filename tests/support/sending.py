"""A sender of deliveries over real sockets: all at once, or a steady stream; every answer is kept, with its time."""

import json
import random
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from licensechain_hooks.testing import event_body, make_event, sign_request

__all__ = ["BUDGET", "Answered", "Delivery", "Stream", "interleaved", "new_delivery", "send_all"]

PATH = "/webhooks/licensechain"
BUDGET = 5.0  # seconds within which a sender is promised an answer
_PATIENCE = 60.0  # seconds that a connection waits: much longer, so that a late answer is measured and not cut off
_USES = 25  # of a connection: new ones meet other processes of the server


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request, ready to send."""

    event_id: str
    body: bytes
    request: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a delivery.

    Attributes:
        status: 0 where the connection broke before an answer.
        outcome: what the body says.
        began_at, seconds: when it was sent, in monotonic seconds, and how long the answer took.
    """

    event_id: str
    status: int
    headers: dict[str, str]
    outcome: str
    began_at: float
    seconds: float


def new_delivery(
    secret: str,
    *,
    event_id: str | None = None,
    event_type: str = "license.created",
    note: str = "",
    body: bytes | None = None,
) -> Delivery:
    """A signed delivery of a new event, or of one with this id.

    Args:
        secret: the signing secret.
        event_id: by default a new one.
        event_type: of the event.
        note: a part of its content.
        body: in place of the event's.
    """
    event = make_event(event_type, event_id=event_id, data={"note": note} if note else None)
    body = event_body(event) if body is None else body
    headers = sign_request(body, secret) | {"Content-Length": str(len(body)), "Host": "127.0.0.1"}
    head = f"POST {PATH} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return Delivery(event.id, body, head.encode() + b"\r\n" + body)


def interleaved(events: Sequence[Sequence[Delivery]], chance: random.Random) -> list[Delivery]:
    """The copies of some events, in an order in which those of one are close together and mixed with its neighbour's."""
    in_order: list[Delivery] = []
    for first in range(0, len(events), 2):
        copies = [copy for event in events[first : first + 2] for copy in event]
        chance.shuffle(copies)
        in_order += copies
    return in_order


class _Connection:
    """A connection that is kept, and opened again where the server has closed it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._uses = 0

    def exchange(self, delivery: Delivery) -> Answered:
        """Send a delivery and wait for its answer."""
        began_at = time.monotonic()
        status, headers, outcome = 0, dict[str, str](), ""
        try:
            status, headers, body = self._exchange(delivery.request)
            outcome = str(json.loads(body)["status"]) if headers["content-type"] == "application/json" else ""
        except OSError:
            self.close()
        return Answered(delivery.event_id, status, headers, outcome, began_at, time.monotonic() - began_at)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=_PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._uses = 0
        self._socket.sendall(request)
        head, separator, body = b"", b"", b""
        received = b""
        while not separator:
            received += self._receive()
            head, separator, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers["content-length"]):
            body += self._receive()
        self._uses += 1
        if headers.get("connection", "").lower() == "close" or self._uses == _USES:
            self.close()
        return int(first.split(" ")[1]), headers, body

    def _receive(self) -> bytes:
        assert self._socket is not None
        piece = self._socket.recv(65536)
        if not piece:
            msg = "the server has hung up"
            raise ConnectionResetError(msg)
        return piece


def send_all(address: tuple[str, int], deliveries: Iterable[Delivery], *, connections: int) -> list[Answered]:
    """Send deliveries in their order, over so many connections at once; what gets 503 is delivered again."""
    waiting = deque(deliveries)
    answers: list[Answered] = []
    most = 2 * len(waiting)

    def send() -> None:
        connection = _Connection(address)
        try:
            while True:
                delivery = waiting.popleft()
                answer = connection.exchange(delivery)
                answers.append(answer)
                if answer.status == 503 and len(answers) < most:
                    waiting.append(delivery)
        except IndexError:
            connection.close()

    threads = [threading.Thread(target=send, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class Stream:
    """A steady stream of deliveries over several connections, until it is stopped; a context manager.

    Args:
        address: of the server.
        make: makes each delivery.
        connections: how many there are; each sends the next delivery once the last is answered.
        pause: how many seconds each waits in between.

    Attributes:
        answers: in the order in which they came.
        sent: every delivery, by event id.
    """

    def __init__(
        self, address: tuple[str, int], make: Callable[[], Delivery], *, connections: int = 6, pause: float = 0.03
    ) -> None:
        self.answers: list[Answered] = []
        self.sent: dict[str, Delivery] = {}
        self._address = address
        self._make = make
        self._pause = pause
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(connections)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, status: int, *, count: int, seconds: float = _PATIENCE) -> None:
        """Wait until so many deliveries that were sent after now are answered so.

        Raises:
            TimeoutError: that takes too long; it says what came instead.
        """
        now = time.monotonic()
        while True:
            seen = Counter(answer.status for answer in self.answers if answer.began_at >= now)
            if seen[status] >= count:
                return
            if time.monotonic() > now + seconds:
                msg = f"{count} times {status} did not come within {seconds:g} s, but {dict(seen)}"
                raise TimeoutError(msg)
            time.sleep(0.02)

    def _send(self) -> None:
        connection = _Connection(self._address)
        while not self._stopped.is_set():
            delivery = self._make()
            self.sent[delivery.event_id] = delivery
            self.answers.append(connection.exchange(delivery))
            self._stopped.wait(self._pause)
        connection.close()
