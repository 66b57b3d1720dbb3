"""``licensechain-hooks monitor``: deliveries that failed, and events that the inbox lacks."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from licensechain_hooks import StoreUnavailableError
from licensechain_hooks.cli._advice import FINDINGS_HEADER, advice, all_facts, finding_row, sum_up
from licensechain_hooks.cli._alert import Alert
from licensechain_hooks.cli._api import api_options, check_id, opened_client
from licensechain_hooks.cli._app import app_option, open_inbox, reported
from licensechain_hooks.cli._findings import Findings, Monitor
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note, printable, show_table
from licensechain_hooks.cli._textfile import TextFile
from licensechain_hooks.cli._times import moment
from licensechain_hooks.cli._watch import opened_view

__all__ = ["command"]

_FINDINGS = 4
_TERMINATED = 143  # 128 + SIGTERM, as shells have it


@click.command("monitor")
@click.option("--webhook", "webhook_id", metavar="ID", type=check_id, required=True, help="Whose deliveries.")
@click.option(
    "--inbox",
    "url",
    metavar="URL",
    help="A database to compare with, such as sqlite:///inbox.db. By default LICENSECHAIN_INBOX_URL, if that is set.",
)
@app_option(required=False)
@click.option("--endpoint", metavar="NAME", help="Of the inbox, what was received at the endpoint of this name only.")
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    default="24h",
    show_default=True,
    help="How far to look back: RFC 3339, or 2h, 3d (ago).",
)
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 86400),
    metavar="SECONDS",
    help="Between two looks of --watch.  [default: 30]",
)
@click.option(
    "--exec",
    "program",
    metavar="COMMAND",
    help="Run this on findings, under --watch on new ones. No shell; it gets them as JSON on stdin.",
)
@click.option(
    "--prometheus",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write figures there after each look, for the node exporter's textfile collector.",
)
@api_options
@format_option("text", "json", "jsonl")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    webhook_id: str,
    url: str | None,
    app: str | None,
    endpoint: str | None,
    since: datetime,
    watch: bool,
    interval: float | None,
    program: str | None,
    prometheus: Path | None,
    api_key_file: str | None,
    base_url: str | None,
    form: str,
) -> None:
    """Find failed deliveries, and events that the inbox lacks.

    LicenseChain's logs say which events were delivered. An event has failed when no delivery of it succeeded; it is
    missing when the logs name it and the inbox does not know it. Findings make it exit with 4.

    Under --watch a line tells of each new finding and of each that is settled (on a terminal a table shows those there
    are), and an API or an inbox that is away for a while does not end it.
    """
    _check(watch=watch, interval=interval, form=form)
    alert = None if program is None else Alert(program)
    file = None if prometheus is None else TextFile(prometheus, webhook_id)
    url = url or os.environ.get("LICENSECHAIN_INBOX_URL")
    with ExitStack() as stack:
        stack.enter_context(_terminable(0 if watch else _TERMINATED))
        inbox = stack.enter_context(open_inbox(url, app)) if url or app is not None else None
        if inbox is None:
            note(
                "no inbox to compare with (--inbox, LICENSECHAIN_INBOX_URL or --app): only failed deliveries are found"
            )
        stack.enter_context(reported())
        client = stack.enter_context(opened_client(api_key_file, base_url))
        monitor = Monitor(client, webhook_id, since=since, inbox=inbox, endpoint=endpoint)
        looks = _Looks(monitor=monitor, file=file, alert=alert)
        if watch:
            _watch(looks, interval or 30.0, form)
        findings = looks.take()
    _show(findings, form)
    context.exit(_FINDINGS if findings.found else int(bool(looks.unwritten)))


@dataclass(slots=True, kw_only=True)
class _Looks:
    """Looks, and whoever else is told of them.

    Attributes:
        monitor: does the looking.
        file: is written after each look.
        alert: is run where there are findings that it was not told of.
        unwritten: why the file could not be written; empty where it was.
    """

    monitor: Monitor
    file: TextFile | None
    alert: Alert | None
    unwritten: str = ""
    _told: set[Any] = field(default_factory=set)

    def take(self) -> Findings:
        """Look."""
        try:
            findings = self.monitor.look()
        except Exception:
            self._write(None)
            raise
        self._write(findings)
        keys = {finding.key for finding in findings.found}
        if self.alert is not None and keys - self._told:
            self.alert.run(findings)
        self._told = keys
        return findings

    def _write(self, findings: Findings | None) -> None:
        """Write the figures; where that fails say so, but findings go before figures."""
        try:
            if self.file is not None:
                self.file.write(findings)
            self.unwritten = ""
        except OSError as exc:
            trouble = f"--prometheus: cannot write it: {exc.strerror or type(exc).__name__}"
            if trouble != self.unwritten:
                note(trouble)
            self.unwritten = trouble


def _watch(looks: _Looks, interval: float, form: str) -> NoReturn:
    """Look until somebody ends it, or the API says that there is nothing to see."""
    from licensechain_hooks.client import AuthenticationError, ClientError, NotFoundError  # noqa: PLC0415 - slow

    never = threading.Event()
    with opened_view(form) as view:
        while True:
            wait = interval
            try:
                view.show(looks.take())
            except (AuthenticationError, NotFoundError):
                raise
            except (ClientError, StoreUnavailableError) as exc:
                asked = getattr(exc, "retry_after", None)
                wait = interval if asked is None else max(interval, asked.total_seconds())
                view.tell_trouble(f"{printable(str(exc))}; looking again every {wait:g} seconds")
            never.wait(wait)


def _check(*, watch: bool, interval: float | None, form: str) -> None:
    if interval is not None and not watch:
        msg = "--interval is for --watch"
        raise click.UsageError(msg)
    if interval is not None and not isfinite(interval):  # click takes NaN for a number in any range
        msg = "--interval is a number of seconds"
        raise click.UsageError(msg)
    if watch and form == "json":
        msg = "--watch does not end, and one JSON document would not: --format jsonl prints one for each look"
        raise click.UsageError(msg)


def _show(findings: Findings, form: str) -> None:
    if form != "text":
        echo_json(all_facts(findings), indent=2 if form == "json" else None)
        return
    if findings.found:
        rows = [finding_row(finding) for finding in findings.found]
        show_table(FINDINGS_HEADER, rows, good=[False] * len(rows))
    echo(sum_up(findings))
    for line in advice(findings):
        note(line)


@contextmanager
def _terminable(code: int) -> Iterator[None]:
    """Let SIGTERM end it as Ctrl-C does, so that nothing that was started stays behind."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(code)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
