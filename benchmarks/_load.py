"""A small HTTP client that keeps its connections busy: one request after the other on each."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Load:
    """What a load took: wall-clock seconds, and the last body received."""

    seconds: float
    body: bytes


async def load(address: tuple[str, int], requests: Sequence[bytes], *, connections: int) -> Load:
    """Send requests over several kept connections, and wait for all answers.

    Raises:
        RuntimeError: an answer was not 200, or a connection closed.
    """
    loop = asyncio.get_running_loop()
    clients = [_Client(requests[number::connections], loop.create_future()) for number in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, *address)
    started = time.perf_counter()
    for client in clients:
        client.next()
    await asyncio.gather(*(client.finished for client in clients))
    seconds = time.perf_counter() - started
    for client in clients:
        client.transport.close()
    return Load(seconds, clients[0].body)


class _Client(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, requests: Sequence[bytes], finished: "asyncio.Future[None]") -> None:
        self.finished = finished
        self.body = b""
        self._requests = iter(requests)
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._finish(None)
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_END)
        if end < 0:
            return
        head = self._received[:end].lower()
        length = int(head[head.index(_LENGTH) + len(_LENGTH) :].split(b"\r\n", 1)[0])
        body = self._received[end + len(_END) :]
        if len(body) < length:
            return
        self._received, self.body = b"", body
        if head.startswith(b"http/1.1 200"):
            self.next()
        else:
            self._finish(RuntimeError(f"the server answered {head[:40]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or RuntimeError("the server closed a connection"))

    def _finish(self, error: Exception | None) -> None:
        if self.finished.done():
            return
        if error is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(error)
