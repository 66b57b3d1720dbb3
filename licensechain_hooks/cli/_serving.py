"""What commands that serve share: a socket to listen at, and three ways to be stopped."""

import errno
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import click

from licensechain_hooks.cli._output import printable
from licensechain_hooks.cli._servers import listening_socket

__all__ = ["Stoppable", "listening_at", "stop_with_stdin", "stopped_by_signals", "url_of"]


class Stoppable(Protocol):
    """What serves until it is stopped."""

    def stop(self) -> None:
        """Let it end: from any thread but the one it runs in, any number of times."""


def url_of(host: str, port: int, path: str = "") -> str:
    """The URL of what listens there."""
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"


@contextmanager
def listening_at(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens.

    Raises:
        click.ClickException: it cannot; says why.
    """
    try:
        listening = listening_socket(host, port)
    except (OSError, UnicodeError) as exc:
        msg = f"cannot listen at {printable(host)}:{port}: {_why(exc)}"
        raise click.ClickException(msg) from exc
    with listening:
        yield listening


@contextmanager
def stopped_by_signals(server: Stoppable) -> Iterator[list[int]]:
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


def stop_with_stdin(server: Stoppable) -> None:
    """Let the end of stdin end the server, so that a parent that is killed leaves none behind."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        server.stop()

    threading.Thread(target=wait, daemon=True).start()


def _why(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError | socket.gaierror) or error.errno is None:
        return "no such address"
    hint = "; --port 0 picks a free one" if error.errno in {errno.EADDRINUSE, errno.EACCES} else ""
    return f"{os.strerror(error.errno)}{hint}"
