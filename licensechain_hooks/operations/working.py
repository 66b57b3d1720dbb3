"""A worker in a process of its own, as the command lines have it."""

import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from licensechain_hooks import Inbox, Worker
from licensechain_hooks.operations.words import spell_count

__all__ = ["ONCE_ALONE", "run_worker", "worker_like"]

ONCE_ALONE = "--once runs one entry after the other; --concurrency is for a worker that stays"
"""What is said of options that make no sense together."""


def worker_like(given: Worker, *, concurrency: int | None, inbox: Inbox | None = None) -> Worker:
    """A worker like the one that is given, but for what is not ``None``.

    Raises:
        ConfigurationError: there is no such concurrency.
    """
    settings = given.settings if concurrency is None else replace(given.settings, concurrency=concurrency)
    return Worker(inbox or given.inbox, given.hooks, settings, endpoints=given.endpoints)


def run_worker(worker: Worker, *, name: str, inbox: str, once: bool, say: Callable[[str], object]) -> bool:
    """Run a worker until SIGTERM or Ctrl-C; whether it was Ctrl-C.

    Args:
        worker: runs in this thread, which is the main one.
        name: whose worker it is.
        inbox: how its inbox is called.
        once: end when nothing is due any more.
        say: is told in a line what begins, and what the first signal does.

    Raises:
        StoreUnavailableError: the inbox cannot be asked; then nothing has begun.
        ConfigurationError: the same, for it is not ready.
    """
    worker.inbox.stats()
    for line in _announced(worker, name, inbox):
        say(line)
    came: list[int] = []
    run = worker.drain if once else worker.run
    run(stop_on=(signal.SIGINT, signal.SIGTERM), on_signal=partial(_note_signal, came, say))
    return signal.SIGINT in came


def _announced(worker: Worker, name: str, inbox: str) -> Iterator[str]:
    handlers = len([*worker.hooks.handlers()])
    parts = [
        spell_count(handlers, "handler"),
        f"{'endpoint' if len(worker.endpoints) == 1 else 'endpoints'} {', '.join(worker.endpoints)}",
        f"{worker.settings.concurrency} at once",
        f"inbox {inbox}",
    ]
    yield f"worker of {name}: {'; '.join(parts)}"
    if not handlers:
        yield "no handler is registered under `on`: is the module imported that registers them?"


def _note_signal(came: list[int], say: Callable[[str], object], number: int) -> None:
    came.append(number)
    if len(came) == 1:
        text = "stopping once what runs has ended; another signal ends it now"
        threading.Thread(target=say, args=(text,)).start()  # this thread may be in the middle of writing something
