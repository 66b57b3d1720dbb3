"""``licensechain-hooks listen``: a receiver on this machine that prints a line for each delivery."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from licensechain_hooks import Endpoint, HookRequest, Outcome
from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.cli._app import open_url, reported, spell_inbox
from licensechain_hooks.cli._capturing import Capturing, open_folder
from licensechain_hooks.cli._options import (
    DEFAULT_PATH,
    STDIN,
    allow_remote_option,
    format_option,
    load_secrets,
    profile_option,
    secret_file_option,
)
from licensechain_hooks.cli._output import note, printable
from licensechain_hooks.cli._report import Report
from licensechain_hooks.cli._sample import demo_hooks, hooks
from licensechain_hooks.cli._servers import FRAMEWORKS, Site, make_server
from licensechain_hooks.cli._serving import listening_at, stop_with_stdin, stopped_by_signals, url_of
from licensechain_hooks.worker import WorkerSettings

if TYPE_CHECKING:
    from licensechain_hooks.inbox.sql import SqlInbox

__all__ = ["command"]

_DEMO_WORKER = WorkerSettings(
    max_attempts=3, backoff=lambda _attempt: timedelta(milliseconds=50), poll=timedelta(milliseconds=50)
)
_MEANT = ("handler.failed", "entry.")
_PATH = re.compile(r"/|(/[A-Za-z0-9._~-]+)+/?")


@click.command("listen")
@click.option("--framework", type=click.Choice(FRAMEWORKS), default=FRAMEWORKS[0], show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 picks a free one.")
@click.option("--path", default=DEFAULT_PATH, show_default=True, help="Path of the URL.")
@secret_file_option
@profile_option
@allow_remote_option
@format_option("text", "jsonl")
@click.option(
    "--inbox",
    "inbox_url",
    metavar="URL",
    help="A database for the inbox. By default a file that goes at the end.",
)
@click.option(
    "--capture",
    metavar="FOLDER",
    help="Write each delivery to a file there, for `doctor --capture FILE`: without license keys, e-mail addresses "
    "and secrets, but with what was found about it. At most 1000 files.",
)
@click.option("--raw", is_flag=True, help="With --capture: the exact bytes, license keys and signatures included.")
@click.option(
    "--stop-with-stdin",
    "ends_with_stdin",
    is_flag=True,
    hidden=True,
    help="End when stdin does: with the parent process.",
)
@click.option("--demo", is_flag=True, hidden=True, help="With handlers that fail, and short waits.")
@click.pass_context
def command(
    context: click.Context,
    *,
    framework: str,
    host: str,
    port: int,
    path: str,
    secret_file: str | None,
    profile: Any,
    allow_remote: bool,
    inbox_url: str | None,
    capture: str | None,
    raw: bool,
    form: str,
    ends_with_stdin: bool,
    demo: bool,
) -> None:
    """Receive deliveries on this machine and print a line for each.

    The URL comes first. Every event is accepted and stored in an inbox, and a worker runs sample handlers, which
    prints another line. Ctrl-C ends it.
    """
    _check(host, path, allow_remote=allow_remote)
    if ends_with_stdin and secret_file == STDIN:
        msg = "--stop-with-stdin: stdin ends with the secrets"
        raise click.UsageError(msg)
    if raw and capture is None:
        msg = "--raw goes with --capture FOLDER"
        raise click.UsageError(msg)
    _log(demo=demo)
    secrets = load_secrets(secret_file)
    endpoint = Endpoint(secrets=secrets, profile=profile)
    report = Report(as_json=form == "jsonl")
    on_outcome: Callable[[Outcome, HookRequest, float], object] = report.on_outcome
    if capture is not None:
        on_outcome = Capturing(open_folder(capture), endpoint, secrets, raw=raw, then=report.on_outcome).on_outcome
    with listening_at(host, port) as listening, _stored(inbox_url) as inbox:
        site = Site(
            endpoint=endpoint,
            hooks=demo_hooks if demo else hooks,
            path=path,
            on_outcome=on_outcome,
            inbox=inbox,
            on_attempt=report.on_attempt,
            worker=_DEMO_WORKER if demo else WorkerSettings(),
        )
        try:
            server = make_server(framework, site, listening)
        except ImportError as exc:
            raise click.ClickException(str(exc)) from exc
        report.stop = server.stop
        url = url_of(host, listening.getsockname()[1], path)

        def ready() -> None:
            _announce(report, url, framework, profile, inbox, is_temporary=inbox_url is None)
            if raw:
                note(f"capturing to {printable(str(capture))}: raw files hold license keys and valid signatures")
            if ends_with_stdin:
                stop_with_stdin(server)

        with stopped_by_signals(server) as interruptions:
            server.serve(ready)
    report.end()
    if interruptions:
        context.exit(130)


def _announce(report: Report, url: str, framework: str, profile: str, inbox: "SqlInbox", *, is_temporary: bool) -> None:
    where = spell_inbox(inbox)
    facts = {"url": url, "framework": framework, "profile": profile, "inbox": where}
    report.begin(f"listening at {url} ({framework}, profile {profile})", facts)
    if report.as_json:
        return
    note(f"inbox: {where}" + (", until this ends; --inbox URL for one that stays" if is_temporary else ""))
    note(f"try: licensechain-hooks trigger license.revoked --to {url}")


@contextmanager
def _stored(url: str | None) -> Iterator["SqlInbox"]:
    """The inbox that is meant, ready; else one in a file that goes with the block."""
    with ExitStack() as stack:
        if url is None:
            folder = stack.enter_context(TemporaryDirectory(prefix="licensechain-listen-"))
            url = f"sqlite:///{folder}/inbox.db"
        with open_url(url, create=True) as inbox:
            with reported():
                inbox.stats()  # now, and not at the first delivery
            yield inbox


def _log(*, demo: bool) -> None:
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(message)s")
    if demo:  # its handlers' failures are meant
        logging.getLogger("licensechain_hooks").addFilter(lambda record: not record.msg.startswith(_MEANT))


def _check(host: str, path: str, *, allow_remote: bool) -> None:
    if not is_loopback(host) and not allow_remote:
        msg = f"--host: {host!r} is reachable from elsewhere; add --allow-remote if you mean it"
        raise click.UsageError(msg)
    if _PATH.fullmatch(path) is None or ".." in PurePosixPath(path).parts:
        msg = f"--path: {path!r} is not a plain path such as {DEFAULT_PATH}"
        raise click.UsageError(msg)
