"""A web process, but for the web: it is handed deliveries on its stdin, and says on its stdout what came of them.

As a program it is given the name of a module whose ``receiver`` it uses. Where the module has a ``lifespan`` too, an
asynchronous context manager, it is an asynchronous host.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

from licensechain_hooks._receiver import Receiver
from licensechain_hooks._request import HookRequest
from licensechain_hooks.testing._queue_conformance.receiver import conformance_receiver

__all__: list[str] = []

_THREADS = 10


class _Host:
    """A synchronous host.

    Args:
        module: the tested queue's.
    """

    def __init__(self, module: Any) -> None:
        self.receiver: Receiver = module.receiver
        self._queue = module.queue

    def deliver(self, requests: list[HookRequest]) -> list[str]:
        """Receive deliveries, some at once."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return [outcome.name for outcome in pool.map(self.receiver.receive, requests)]

    def copy(self, pk: int, count: int) -> None:
        """Enqueue an entry so many times more."""
        for _ in range(count):
            self._queue.enqueue(pk)

    def sweep(self, ahead: float) -> int:
        """Sweep as if it were later; the engine's own workers keep the time."""
        return conformance_receiver(self._queue, ahead=ahead).sweep()


class _AsyncHost(_Host):
    def __init__(self, module: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(module)
        self._loop = loop

    def deliver(self, requests: list[HookRequest]) -> list[str]:
        async def receive() -> list[str]:
            return [outcome.name for outcome in await asyncio.gather(*map(self.receiver.areceive, requests))]

        outcomes: list[str] = self._on_loop(receive())
        return outcomes

    def copy(self, pk: int, count: int) -> None:
        async def enqueue() -> None:
            for _ in range(count):
                await self._queue.enqueue(pk)

        self._on_loop(enqueue())

    def sweep(self, ahead: float) -> int:
        receiver = conformance_receiver(self._queue, ahead=ahead)
        return int(self._on_loop(receiver.asweep()))

    def _on_loop(self, awaitable: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(awaitable, self._loop).result()


def _answer(host: _Host, order: dict[str, Any]) -> Any:
    if order["do"] == "deliver":
        bodies = [base64.b64decode(body) for body in order["bodies"]]
        return host.deliver([HookRequest(body, order["headers"][number]) for number, body in enumerate(bodies)])
    if order["do"] == "copy":
        return host.copy(order["pk"], order["count"])
    try:
        return host.sweep(order["ahead"])
    except Exception as error:  # noqa: BLE001 - the suite decides what that means
        return f"{type(error).__name__}: {error}"


def _serve(host: _Host, say: Callable[[str], object]) -> None:
    say("ready")
    for line in sys.stdin:
        say(json.dumps(_answer(host, json.loads(line))))


async def _serve_on_loop(module: Any, say: Callable[[str], object]) -> None:
    async with module.lifespan():
        await asyncio.to_thread(_serve, _AsyncHost(module, asyncio.get_running_loop()), say)


def _main(name: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    module = import_module(name)

    def say(text: str) -> None:
        answers.write(f"{text}\n")

    if hasattr(module, "lifespan"):
        asyncio.run(_serve_on_loop(module, say))
    else:
        _serve(_Host(module), say)


if __name__ == "__main__":
    _main(sys.argv[1])
