"""``licensechain-hooks worker``: the handlers of stored entries, run in a process of their own."""

import logging
import sys

import click

from licensechain_hooks.cli._app import app_option, find_worker, load_app, reported, spell_inbox
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note
from licensechain_hooks.cli._report import Report
from licensechain_hooks.cli._watched import WatchedInbox
from licensechain_hooks.operations.working import ONCE_ALONE, run_worker, worker_like

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
        raise click.UsageError(ONCE_ALONE)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    report = Report(as_json=form == "jsonl")
    given = find_worker(load_app(app), app)
    inbox = WatchedInbox(given.inbox, report.on_attempt if verbose else None).itself
    worker = worker_like(given, concurrency=concurrency, inbox=inbox)
    report.stop = worker.stop
    with reported():
        interrupted = run_worker(worker, name=app, inbox=spell_inbox(given.inbox), once=once, say=note)
    report.end()
    counters = worker.counters
    echo_json(counters.ended()) if report.as_json else echo(str(counters))
    if interrupted:
        context.exit(_INTERRUPTED)
