"""``licensechain-hooks worker``: the handlers of stored entries, run in a process of their own."""

import logging
import signal
import sys
import threading
from dataclasses import replace
from functools import partial

import click

from licensechain_hooks.cli._app import app_option, find_worker, load_app, reported, spell_inbox
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note
from licensechain_hooks.cli._report import Report
from licensechain_hooks.cli._watched import WatchedInbox
from licensechain_hooks.operations.words import spell_count
from licensechain_hooks.worker import Worker

__all__ = ["command"]

_INTERRUPTED = 130


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
    settings = given.settings if concurrency is None else replace(given.settings, concurrency=concurrency)
    inbox = WatchedInbox(given.inbox, report.on_attempt if verbose else None).itself
    worker = Worker(inbox, given.hooks, settings, endpoints=given.endpoints)
    report.stop = worker.stop
    came: list[int] = []
    with reported():
        given.inbox.stats()  # one that is not there, or not ready, is told of before anything is begun
        _announce(app, given, settings.concurrency)
        (worker.drain if once else worker.run)(
            stop_on=(signal.SIGINT, signal.SIGTERM), on_signal=partial(_note_signal, came)
        )
    report.end()
    counters = worker.counters
    echo_json(counters.ended()) if report.as_json else echo(str(counters))
    if signal.SIGINT in came:
        context.exit(_INTERRUPTED)


def _note_signal(came: list[int], number: int) -> None:
    came.append(number)
    if len(came) == 1:
        text = "stopping once what runs has ended; another signal ends it now"
        threading.Thread(target=note, args=(text,)).start()  # this thread may be in the middle of writing something


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
