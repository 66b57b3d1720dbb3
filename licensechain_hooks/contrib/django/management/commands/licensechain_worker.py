"""``manage.py licensechain_worker``: the handlers of stored deliveries, run in a process of their own."""

import signal
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from licensechain_hooks import ConfigurationError, StoreUnavailableError, Worker
from licensechain_hooks.contrib.django.conf import get_receivers

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
        came: list[int] = []
        try:
            worker = _worker_like(get_receivers().worker, concurrency=options["concurrency"])
            worker.inbox.stats()  # what is not there, or not ready, is told of before anything is begun
            self._announce(worker)
            run = worker.drain if options["once"] else worker.run
            run(stop_on=(signal.SIGINT, signal.SIGTERM), on_signal=came.append)
        except (ConfigurationError, StoreUnavailableError) as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(str(worker.counters))
        if signal.SIGINT in came:
            raise SystemExit(_INTERRUPTED)

    def _announce(self, worker: Worker) -> None:
        handlers = len([*worker.hooks.handlers()])
        self.stderr.write(
            f"worker of endpoint {', '.join(worker.endpoints)}: {handlers} handlers, "
            f"{worker.settings.concurrency} at once, {worker.inbox!r}"
        )


def _worker_like(given: Worker, *, concurrency: int | None) -> Worker:
    """The project's worker, but for what the command line says."""
    settings = given.settings if concurrency is None else replace(given.settings, concurrency=concurrency)
    return Worker(given.inbox, given.hooks, settings, endpoints=given.endpoints)
