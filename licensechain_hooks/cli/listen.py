"""``licensechain-hooks listen``: a receiver on this machine that prints a line for each delivery."""

import errno
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from types import FrameType
from typing import Any

import click

from licensechain_hooks import HookRequest, Outcome
from licensechain_hooks.cli._options import (
    DEFAULT_PATH,
    STDIN,
    allow_remote_option,
    format_option,
    load_endpoint,
    profile_option,
    secret_file_option,
)
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable
from licensechain_hooks.cli._sample import hooks
from licensechain_hooks.cli._servers import FRAMEWORKS, Server, Site, listening_socket, make_server
from licensechain_hooks.cli._target import is_loopback

__all__ = ["command"]

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
@click.option("--stop-with-stdin", is_flag=True, hidden=True, help="End when stdin does: with the parent process.")
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
    form: str,
    stop_with_stdin: bool,
) -> None:
    """Receive deliveries on this machine and print a line for each.

    The URL comes first. Every event is accepted, and sample handlers run. Ctrl-C ends it.
    """
    _check(host, path, allow_remote=allow_remote)
    if stop_with_stdin and secret_file == STDIN:
        msg = "--stop-with-stdin: stdin ends with the secrets"
        raise click.UsageError(msg)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(message)s")
    report = Report(as_json=form == "jsonl")
    site = Site(
        endpoint=load_endpoint(secret_file, profile=profile), hooks=hooks, path=path, on_outcome=report.on_outcome
    )
    with _listening(host, port) as listening:
        try:
            server = make_server(framework, site, listening)
        except ImportError as exc:
            raise click.ClickException(str(exc)) from exc
        report.stop = server.stop

        def ready() -> None:
            report.begin(_url(host, listening.getsockname()[1], path), framework, profile)
            if stop_with_stdin:
                threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()

        with _stopped_by_signals(server) as interruptions:
            server.serve(ready)
    report.end()
    if interruptions:
        context.exit(130)


class Report:
    """Prints what is received.

    Args:
        as_json: one JSON object on each line.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._broken: BrokenPipeError | None = None
        self.stop: Callable[[], None] = lambda: None

    def begin(self, url: str, framework: str, profile: str) -> None:
        """Print the URL."""
        if self._as_json:
            self._print(echo_json, {"url": url, "framework": framework, "profile": profile})
        else:
            self._print(echo, f"listening at {url} ({framework}, profile {profile})")
            note(f"try: licensechain-hooks trigger license.revoked --to {url}")

    def on_outcome(self, outcome: Outcome, _request: HookRequest, seconds: float) -> None:
        """Print the line of a delivery."""
        if self._as_json:
            self._print(echo_json, _facts(outcome, seconds))
        else:
            self._print(echo, _line(outcome, seconds))

    def _print(self, print_: Callable[[Any], None], what: Any) -> None:
        """Print; where nobody reads it any more, stop."""
        try:
            print_(what)
        except BrokenPipeError as error:
            self._broken = error
            threading.Thread(target=self.stop, daemon=True).start()

    def end(self) -> None:
        """Say that stdout broke, if it did.

        Raises:
            BrokenPipeError: which click ends quietly with.
        """
        if self._broken is not None:
            raise self._broken


def _facts(outcome: Outcome, seconds: float) -> dict[str, Any]:
    return {
        "outcome": outcome.name,
        "status": outcome.status,
        "type": None if outcome.event is None else outcome.event.type,
        "id": None if outcome.event is None else outcome.event.id,
        "ms": round(seconds * 1000, 3),
        "reason": outcome.reason or None,
        "detail": None if outcome.error is None else str(outcome.error),
        "handlers": [run.handler for run in outcome.runs],
    }


def _line(outcome: Outcome, seconds: float) -> str:
    event = outcome.event
    name = paint(f"{outcome.name:<11}", good=outcome.status < 400)
    parts = [name, str(outcome.status), f"{seconds * 1000:7.1f} ms"]
    if event is not None:
        parts += [f"{event.type:<22}", event.id]
    if outcome.error is not None:
        parts.append(f"{outcome.reason}: {outcome.error}")
    return "  ".join([parts[0], *map(printable, parts[1:])])


def _check(host: str, path: str, *, allow_remote: bool) -> None:
    if not is_loopback(host) and not allow_remote:
        msg = f"--host: {host!r} is reachable from elsewhere; add --allow-remote if you mean it"
        raise click.UsageError(msg)
    if _PATH.fullmatch(path) is None or ".." in PurePosixPath(path).parts:
        msg = f"--path: {path!r} is not a plain path such as {DEFAULT_PATH}"
        raise click.UsageError(msg)


def _url(host: str, port: int, path: str) -> str:
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listening = listening_socket(host, port)
    except (OSError, UnicodeError) as exc:
        msg = f"cannot listen at {printable(host)}:{port}: {_why(exc)}"
        raise click.ClickException(msg) from exc
    with listening:
        yield listening


def _why(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError | socket.gaierror) or error.errno is None:
        return "no such address"
    hint = "; --port 0 picks a free one" if error.errno in {errno.EADDRINUSE, errno.EACCES} else ""
    return f"{os.strerror(error.errno)}{hint}"


@contextmanager
def _stopped_by_signals(server: Server) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM end the server in order; yields the list of interruptions.

    Not by exceptions: Werkzeug swallows a KeyboardInterrupt, uvicorn has handlers of its own and raises the signal
    again once it has ended.
    """
    interruptions: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            interruptions.append(number)
        threading.Thread(target=server.stop, daemon=True).start()  # not here: it waits for the thread that runs this

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruptions
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop_with_stdin(server: Server) -> None:
    while os.read(0, 4096):
        pass
    server.stop()
