"""``licensechain-hooks inbox``: what is in the inbox, and what to do with it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import click

from licensechain_hooks._entries import Entry, EntryFilter
from licensechain_hooks._stores import Inbox
from licensechain_hooks.cli._app import app_option, open_inbox, reported
from licensechain_hooks.cli._changes import Question, make_change, purge
from licensechain_hooks.cli._entries import entry_facts, handler_facts, show_entries, show_entry
from licensechain_hooks.cli._filters import as_usage_error, filter_options, usual_filter
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note
from licensechain_hooks.cli._status import show_status, status_of
from licensechain_hooks.cli._times import duration
from licensechain_hooks.operations.changes import discarding, replaying
from licensechain_hooks.operations.words import spell_count

__all__ = ["command"]

_F = TypeVar("_F", bound=Callable[..., Any])

_FINDINGS = 4
_PK = click.IntRange(1, 2**63 - 1)
_PAGE = 100  # entries at once, for each comes with its payload

_formats = format_option("text", "json", "jsonl")
_yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
_pks_argument = click.argument("pks", metavar="[PK]...", type=_PK, nargs=-1)


def _inbox_options(function: _F) -> _F:
    url = click.option(
        "--inbox",
        "url",
        metavar="URL",
        help="A database, such as sqlite:///inbox.db or postgresql+psycopg://…. By default LICENSECHAIN_INBOX_URL.",
    )
    return url(app_option(required=False)(function))


@click.group("inbox", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Look at the inbox; replay, discard and purge its entries."""


@command.command("list")
@_inbox_options
@filter_options
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@_formats
def list_(*, url: str | None, app: str | None, limit: int, form: str, **given: Any) -> None:
    """List entries, newest first."""
    wanted = usual_filter(**given)
    listed = []
    with _opened(url, app) as inbox:
        for entry in _newest(inbox, wanted, limit):
            listed.append(entry_facts(entry))  # and not its payload
            if form == "jsonl":
                echo_json(listed[-1])
        total = inbox.count(wanted) if len(listed) == limit else len(listed)
    if form == "json":
        echo_json(listed, indent=2)
    elif form == "text" and listed:
        show_entries(listed)
    if not listed:
        note("no entry matches")
    if total > limit:
        note(f"these are the newest {limit:,} of {spell_count(total, 'entry')}; --limit {total} shows them all")


@command.command("show")
@click.argument("pk", type=_PK)
@_inbox_options
@click.option("--payload", is_flag=True, help="With the body as it arrived, control characters escaped.")
@_formats
def show(*, pk: int, url: str | None, app: str | None, payload: bool, form: str) -> None:
    """Show one entry and what became of each of its handlers."""
    with _opened(url, app) as inbox:
        entries = inbox.entries(EntryFilter(pks=(pk,)), limit=1)
        ledger = inbox.ledger(pk)
    if not entries:
        msg = f"there is no entry {pk}"
        raise click.ClickException(msg)
    (entry,) = entries
    if form == "text":
        show_entry(entry, ledger, with_payload=payload)
        return
    facts = entry_facts(entry) | {"handlers": [handler_facts(row) for row in ledger]}
    if payload:
        facts["payload"] = None if entry.raw_body is None else entry.raw_body.decode(errors="backslashreplace")
    echo_json(facts, indent=2 if form == "json" else None)


@command.command("replay")
@_pks_argument
@_inbox_options
@filter_options
@click.option("--force", is_flag=True, help="Also processed and ignored ones, and all handlers again.")
@_yes_option
@_formats
@click.pass_context
def replay(
    context: click.Context, /, *, url: str | None, app: str | None, force: bool, yes: bool, form: str, **given: Any
) -> None:
    """Run entries again: of those that are meant, the failed and the dead ones.

    A worker runs them, with all their attempts. Handlers that have succeeded do not run again, except with --force.
    """
    wanted, question = usual_filter(**given), Question(yes=yes)
    with as_usage_error():
        change = replaying(wanted, force=force)
    with _opened(url, app) as inbox:
        context.exit(make_change(change, inbox, wanted, question, as_json=form != "text"))


@command.command("discard")
@_pks_argument
@_inbox_options
@filter_options
@click.option("--force", is_flag=True, help="Also those that wait for their first attempt.")
@_yes_option
@_formats
@click.pass_context
def discard(
    context: click.Context, /, *, url: str | None, app: str | None, force: bool, yes: bool, form: str, **given: Any
) -> None:
    """Give entries up: of those that are meant, the failed and the dead ones. They become ignored."""
    wanted, question = usual_filter(**given), Question(yes=yes)
    with as_usage_error():
        change = discarding(wanted, force=force)
    with _opened(url, app) as inbox:
        context.exit(make_change(change, inbox, wanted, question, as_json=form != "text"))


@command.command("purge")
@_inbox_options
@_yes_option
@_formats
@click.pass_context
def purge_(context: click.Context, /, *, url: str | None, app: str | None, yes: bool, form: str) -> None:
    """Delete payloads and entries that are past their retention; a worker does it too.

    With --app the inbox's own retention counts, with --inbox the default one. Dead entries stay. It may be broken off.
    """
    question = Question(yes=yes)
    with _opened(url, app) as inbox:
        context.exit(purge(inbox, question, as_json=form != "text"))


@command.command("stats")
@_inbox_options
@click.option("--check", is_flag=True, help="Exit with 4 if somebody has to look at it.")
@click.option(
    "--max-age",
    type=duration,
    metavar="DURATION",
    default="15m",
    show_default=True,
    help="How long an entry may be due: 90s, 15m, 2h.",
)
@_formats
@click.pass_context
def stats(
    context: click.Context, /, *, url: str | None, app: str | None, check: bool, max_age: timedelta, form: str
) -> None:
    """Count the entries by state, and say what waits for a worker.

    Dead letters, and an entry that has been due for longer than --max-age, are findings: with --check, which is for
    cron and monitors, they make it exit with 4.
    """
    with _opened(url, app) as inbox:
        found = inbox.stats()
    status = status_of(found, max_age=max_age)
    if form == "text":
        show_status(status)
    else:
        echo_json(status.facts(), indent=2 if form == "json" else None)
    context.exit(_FINDINGS if check and status.findings else 0)


@command.command("migrate")
@_inbox_options
@click.option("--sql", is_flag=True, help="Print the tables' SQL for somebody else to run, and change nothing.")
@_formats
def migrate(*, url: str | None, app: str | None, sql: bool, form: str) -> None:
    """Create the inbox's tables, or bring them up to this version."""
    with _opened(url, app, create=True) as inbox:
        tables: Any = inbox
        if not hasattr(inbox, "create_schema"):
            msg = f"{type(inbox).__name__} has no tables of its own to create"
            raise click.ClickException(msg)
        if sql:
            echo(tables.schema_sql().rstrip())
            return
        before, now = tables.create_schema()
    if form != "text":
        echo_json({"action": "migrate", "from": before, "to": now})
    elif before == now:
        echo(f"the tables are of version {now}, which is this package's")
    else:
        echo(f"brought the tables from version {before} to {now}" if before else f"created the tables, version {now}")


@contextmanager
def _opened(url: str | None, app: str | None, *, create: bool = False) -> Iterator[Inbox]:
    with open_inbox(url or os.environ.get("LICENSECHAIN_INBOX_URL"), app, create=create) as inbox, reported():
        yield inbox


def _newest(inbox: Inbox, wanted: EntryFilter, limit: int) -> Iterator[Entry]:
    """The newest entries, fetched page by page."""
    before = None
    while limit > 0:
        page = inbox.entries(wanted, limit=min(_PAGE, limit), before=before)
        yield from page
        if len(page) < _PAGE:
            return
        limit -= len(page)
        before = page[-1].pk
