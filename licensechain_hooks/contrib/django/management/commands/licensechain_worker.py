"""``manage.py licensechain_worker``: the handlers of stored deliveries, run in a process of their own."""

from argparse import ArgumentParser
from typing import Any

from licensechain_hooks.contrib.django.conf import get_receivers
from licensechain_hooks.contrib.django.management._command import HookCommand, usage_error
from licensechain_hooks.operations.working import ONCE_ALONE, run_worker, worker_like

__all__ = ["Command"]

_INTERRUPTED = 130


class Command(HookCommand):
    """See ``help``."""

    help = (
        "Runs the handlers of stored deliveries until it is stopped: SIGTERM and Ctrl-C let what runs come to its end, "
        "a second one does not wait for it. The last line says what has become of the deliveries."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command's options."""
        super().add_arguments(parser)
        parser.add_argument("--concurrency", type=int, help="How many run at once. By default the project's setting.")
        parser.add_argument("--once", action="store_true", help="Run what is due, one after the other, and end.")

    def handle(self, *_arguments: object, **options: Any) -> None:
        """Run."""
        if options["once"] and options["concurrency"] is not None:
            raise usage_error(ONCE_ALONE)
        with self.reported():
            worker = worker_like(get_receivers().worker, concurrency=options["concurrency"])
            inbox = repr(worker.inbox)
            interrupted = run_worker(worker, name="this project", inbox=inbox, once=options["once"], say=self.note)
        counters = worker.counters
        self.say_json(counters.ended()) if options["form"] == "json" else self.say(str(counters))
        if interrupted:
            raise SystemExit(_INTERRUPTED)
