"""``licensechain-hooks worker``: the handlers of stored entries, run in a process of their own."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from types import FrameType

import click

from licensechain_hooks.cli._app import app_option, find_worker, load_app, reported, spell_inbox
from licensechain_hooks.cli._entries import spell_count
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note
from licensechain_hooks.cli._report import Report
from licensechain_hooks.cli._watched import Attempt, WatchedInbox
from licensechain_hooks.worker import Counters, Worker

__all__ = ["command"]


@click.command("worker")
@app_option(required=True)
@click.option("--concurrency", type=click.IntRange(1, 1000), help="How many entries run at once. By default the app's.")
@click.option("--once", is_flag=True, help="Run what is due, one entry after the other, and end.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line for each attempt.")
@format_option("text", "jsonl")
@click.pass_context
def command(
    context: click.Context, /, *, app: str, concurrency: int | None, once: bool, verbose: bool, form: str
) -> None:
    """Run the handlers of stored entries, until it is stopped.

    SIGTERM and Ctrl-C let what runs come to its end; a second one does not wait for it. The last line says how many
    entries were processed, have failed, or are dead.
    """
    if once and concurrency is not None:
        msg = "--once runs one entry after the other; --concurrency is for a worker that stays"
        raise click.UsageError(msg)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    report = Report(as_json=form == "jsonl")
    given = find_worker(load_app(app), app)
    task = _Task(given, concurrency=concurrency, once=once, on_attempt=report.on_attempt if verbose else None)
    report.stop = task.stop
    with reported():
        given.inbox.stats()  # one that is not there, or not ready, is told of before anything is begun
        _announce(app, given, task.worker.settings.concurrency)
        with _stopped_by_signals(task) as interruptions:
            counters = task.run()
    report.end()
    _sum_up(counters, as_json=report.as_json)
    if interruptions:
        context.exit(130)


class _Task:
    """What the command does: a worker like the app's, run until it is stopped or nothing is due."""

    def __init__(
        self, given: Worker, *, concurrency: int | None, once: bool, on_attempt: Callable[[Attempt], object] | None
    ) -> None:
        settings = given.settings if concurrency is None else replace(given.settings, concurrency=concurrency)
        self._inbox = WatchedInbox(given.inbox, on_attempt)
        self.once = once
        self.worker = Worker(self._inbox.itself, given.hooks, settings, endpoints=given.endpoints)

    def run(self) -> Counters:
        """Run; what has become of the entries."""
        if not self.once:
            return self.worker.run()
        self.worker.drain()
        return self.worker.counters

    def stop(self) -> None:
        """Let what runs come to its end."""
        self._inbox.is_closed = True
        self.worker.stop()

    def hurry(self) -> None:
        """Do not wait for it either."""
        self.worker.stop(timedelta(0))


@contextmanager
def _stopped_by_signals(task: _Task) -> Iterator[list[int]]:
    """Let SIGTERM and Ctrl-C stop the worker, and a second one at once; yields the list of Ctrl-Cs."""
    interruptions: list[int] = []
    seen: list[int] = []

    def stop() -> None:
        note("stopping once what runs has ended; another signal ends it now")
        task.stop()

    def handle(number: int, _frame: FrameType | None) -> None:
        """Act in a thread: the one that runs this may hold whatever lock that needs."""
        seen.append(number)
        if number == signal.SIGINT:
            interruptions.append(number)
        threading.Thread(target=stop if len(seen) == 1 else task.hurry, daemon=True).start()
        if task.once and len(seen) > 1:
            raise KeyboardInterrupt  # what runs, runs here

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruptions
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _announce(app: str, worker: Worker, concurrency: int) -> None:
    handlers = len([*worker.hooks.handlers()])
    parts = [
        spell_count(handlers, "handler"),
        f"{'endpoint' if len(worker.endpoints) == 1 else 'endpoints'} {', '.join(worker.endpoints)}",
        f"{concurrency} at once",
        f"inbox {spell_inbox(worker.inbox)}",
    ]
    note(f"worker of {app}: {'; '.join(parts)}")
    if not handlers:
        note("no handler is registered under `on`: is the module imported that registers them?")


def _sum_up(counters: Counters, *, as_json: bool) -> None:
    ended = asdict(counters)
    ended["unfinished"] = ended.pop("running")
    if as_json:
        echo_json(ended)
    else:
        echo(", ".join(f"{state} {number:,}" for state, number in ended.items() if number) or "nothing was due")
