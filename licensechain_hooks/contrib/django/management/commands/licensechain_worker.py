"""``manage.py licensechain_worker``: the handlers of stored deliveries, run in a process of their own."""

import signal
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from types import FrameType
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError

from licensechain_hooks import ConfigurationError, Inbox, StoreUnavailableError, Worker
from licensechain_hooks.contrib.django.conf import get_receiver, get_settings

__all__ = ["Command"]

_INTERRUPTED = 130


class Command(BaseCommand):
    """See ``help``."""

    help = (
        "Runs the handlers of stored deliveries until it is stopped: SIGTERM and Ctrl-C let what runs come to its end, "
        "a second one does not wait for it. The last line says what has become of the deliveries."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command's options."""
        parser.add_argument("--concurrency", type=int, help="How many run at once. By default the project's setting.")
        parser.add_argument("--once", action="store_true", help="Run what is due, one after the other, and end.")

    def handle(self, *_arguments: object, **options: Any) -> None:
        """Run."""
        if options["once"] and options["concurrency"] is not None:
            msg = "--once runs one after the other; --concurrency is for a worker that stays"
            raise CommandError(msg)
        try:
            if get_settings().processing == "inline":
                msg = "with PROCESSING 'inline' the handlers run while the sender waits; set it to 'worker'"
                raise CommandError(msg)
            task = _Task(get_receiver().worker, concurrency=options["concurrency"], is_once=options["once"])
            task.worker.inbox.stats()  # what is not there, or not ready, is told of before anything is begun
            self._announce(task.worker)
            with _stopped_by_signals(task) as came:
                task.run()
        except (ConfigurationError, StoreUnavailableError) as exc:
            raise CommandError(str(exc)) from exc
        self._sum_up(task.worker)
        if signal.SIGINT in came:
            raise SystemExit(_INTERRUPTED)

    def _announce(self, worker: Worker) -> None:
        handlers = len([*worker.hooks.handlers()])
        self.stderr.write(
            f"worker of endpoint {', '.join(worker.endpoints)}: {handlers} handlers, "
            f"{worker.settings.concurrency} at once, {worker.inbox!r}"
        )

    def _sum_up(self, worker: Worker) -> None:
        ended = asdict(worker.counters)
        ended["unfinished"] = ended.pop("running")
        counted = ", ".join(f"{state} {number:,}" for state, number in ended.items() if number)
        self.stdout.write(counted or "nothing was due")


class _Task:
    """What the command does: a worker like the project's, run until it is stopped or nothing is due."""

    def __init__(self, given: Worker, *, concurrency: int | None, is_once: bool) -> None:
        settings = given.settings if concurrency is None else replace(given.settings, concurrency=concurrency)
        self._inbox = _Closable(given.inbox)
        self.is_once = is_once
        self.worker = Worker(cast("Inbox", self._inbox), given.hooks, settings, endpoints=given.endpoints)

    def run(self) -> None:
        """Run."""
        if self.is_once:
            self.worker.drain()
        else:
            self.worker.run()

    def stop(self) -> None:
        """Let what runs come to its end."""
        self._inbox.is_closed = True
        self.worker.stop()

    def hurry(self) -> None:
        """Do not wait for it either."""
        self.worker.stop(timedelta(0))


class _Closable:
    """An inbox that has nothing to claim once it is closed, which ends a drain."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.is_closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)

    def __repr__(self) -> str:
        return repr(self._inbox)

    def claim_many(self, *arguments: Any, **options: Any) -> list[Any]:
        return [] if self.is_closed else [*self._inbox.claim_many(*arguments, **options)]


@contextmanager
def _stopped_by_signals(task: _Task) -> Iterator[list[int]]:
    """Let SIGTERM and Ctrl-C stop the worker, and a second one at once; yields those that came."""
    came: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        # In a thread: the one that runs this may hold whatever lock a stop needs.
        threading.Thread(target=task.stop if len(came) == 1 else task.hurry, daemon=True).start()
        if task.is_once and len(came) > 1:
            raise KeyboardInterrupt  # what runs, runs here

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
