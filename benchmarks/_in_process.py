"""Adapters without a server: an application is called by hand, with a body that has arrived, on one event loop."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from benchmarks import _applications
from benchmarks._deliveries import PATH, Delivery, delivery
from benchmarks._measure import Row, at_most, in_random_order, quartiles
from benchmarks._progress import Progress

App = Callable[..., Awaitable[None]]
MakeApp = Callable[[], App]

_CHUNK = 100  # requests, after which the loop gets its turn, as a server would give it
_APPS: Mapping[str, MakeApp] = {
    "bare ASGI": lambda: _applications.asgi_bare,
    "receiver.asgi": lambda: _applications.receiver().asgi,
    "bare Starlette": _applications.starlette_bare,
    "webhook_route": _applications.starlette_ours,
    "webhook_route, no handler": lambda: _applications.starlette_ours(handler=False),
    "bare FastAPI": _applications.fastapi_bare,
    "webhook_router": _applications.fastapi_ours,
}


@dataclass(frozen=True, slots=True)
class _Pair:
    row: str
    ours: str
    reference: str
    target: float | None = None


_PAIRS = (
    _Pair("ASGI, in process", "receiver.asgi", "bare ASGI"),
    _Pair("Starlette, in process", "webhook_route", "bare Starlette", 1.30),
    _Pair("Starlette, in process, verified and parsed only", "webhook_route, no handler", "bare Starlette"),
    _Pair("FastAPI, in process", "webhook_router", "bare FastAPI", 0.80),
)


def rows(*, rounds: int, requests: int) -> list[Row]:
    """One row a pair of applications."""
    samples = asyncio.run(_race(rounds=rounds, requests=requests))
    return [_row(pair, samples) for pair in _PAIRS]


async def _race(*, rounds: int, requests: int) -> dict[str, list[float]]:
    installed: dict[str, MakeApp] = {}
    for name, make in _APPS.items():
        with suppress(ImportError):
            make()
            installed[name] = make
    samples: dict[str, list[float]] = {name: [] for name in installed}
    with Progress("adapters, in process", steps=rounds + 1) as progress:
        for number in range(rounds + 1):
            for name in in_random_order(installed):
                app = installed[name]()  # with an empty memory of events
                await _check(app, name)
                seconds = await _seconds(app, [delivery() for _ in range(requests)])
                if number:
                    samples[name].append(seconds)
            progress.step()
    return samples


async def _seconds(app: App, deliveries: list[Delivery]) -> float:
    """CPU seconds of this thread for a request."""
    requests = [(_scope(one), _receive(one)) for one in deliveries]
    nanoseconds = 0
    gc.collect()
    gc.disable()
    try:
        for first in range(0, len(requests), _CHUNK):
            started = time.thread_time_ns()
            for scope, receive in requests[first : first + _CHUNK]:
                await app(scope, receive, _send)
            nanoseconds += time.thread_time_ns() - started
            await asyncio.sleep(0)
    finally:
        gc.enable()
    return nanoseconds / len(requests) / 1e9


async def _check(app: App, name: str) -> None:
    """See that the application answers as it should; its first request also builds what it builds."""
    one = delivery()
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(_scope(one), _receive(one), send)
    body = b"".join(message.get("body", b"") for message in messages)
    expected = b"ignored" if name.endswith("no handler") else b"processed"
    if messages[0]["status"] != 200 or expected not in body:
        msg = f"{name} answers {messages[0]['status']} {body!r}"
        raise RuntimeError(msg)


def _scope(one: Delivery) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": one.asgi_headers(),
        "state": {},
    }


def _receive(one: Delivery) -> Callable[[], Awaitable[dict[str, Any]]]:
    message = {"type": "http.request", "body": one.body, "more_body": False}

    async def receive() -> dict[str, Any]:
        return message

    return receive


async def _send(message: dict[str, Any]) -> None:
    pass


def _row(pair: _Pair, samples: Mapping[str, list[float]]) -> Row:
    measured = pair.ours in samples and pair.reference in samples
    return Row(
        row=pair.row,
        ours=pair.ours,
        reference=pair.reference,
        measure="time",
        ratio=quartiles(samples[pair.ours], samples[pair.reference]) if measured else None,
        target=None if pair.target is None else at_most(pair.target),
        note="" if measured else "not installed",
    )
