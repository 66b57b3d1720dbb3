"""Where deliveries are sent, and how: one POST each, no redirect, no proxy, five seconds."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
    RemoteDisconnected,
)
from time import perf_counter
from urllib.parse import urlsplit

import click

from licensechain_hooks import OUTCOMES
from licensechain_hooks._loopback import is_loopback

__all__ = ["Answer", "Target", "parse_target", "post"]

_TIMEOUT = 5.0  # seconds: LicenseChain's help page asks for an answer within them
_MAX_REPLY = 64 * 1024  # bytes; an outcome needs thirty


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL, taken apart and found usable."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one delivery.

    Attributes:
        status: the HTTP status; ``None`` where there was no answer, and ``error`` says why.
        outcome: the outcome the reply names, empty where it names none.
        milliseconds: from connecting to the last byte of the answer.
    """

    status: int | None
    outcome: str = ""
    milliseconds: float = 0.0
    error: str = ""


def parse_target(url: str, *, allow_remote: bool) -> Target:
    """Take a URL apart.

    Raises:
        click.UsageError: it cannot be delivered to, or not without ``--allow-remote``.
    """
    try:
        target = _split(url)
    except ValueError as exc:
        msg = f"--to: {exc}; it looks like http://127.0.0.1:8000/webhooks/licensechain"
        raise click.UsageError(msg) from exc
    if not allow_remote and not is_loopback(target.host):
        msg = f"--to: {target.host} is not this machine; add --allow-remote if you mean it"
        raise click.UsageError(msg)
    return target


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Deliver a body and wait for the answer."""
    connect = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = connect(target.host, target.port, timeout=_TIMEOUT)
    expired = threading.Event()
    started = perf_counter()
    try:
        connection.connect()
        with _deadline(connection.sock, expired):
            connection.request("POST", target.path, body, dict(headers))
            response = connection.getresponse()
            reply = _read(response)
            if expired.is_set():
                raise TimeoutError  # a body without a length ends where it breaks off
    except (OSError, HTTPException, UnicodeError) as exc:  # UnicodeError: a host no resolver takes
        return Answer(status=None, error=_describe(TimeoutError() if expired.is_set() else exc, target))
    finally:
        connection.close()
    return Answer(status=response.status, outcome=_outcome(reply), milliseconds=(perf_counter() - started) * 1000)


@contextlib.contextmanager
def _deadline(connected: socket.socket, expired: threading.Event) -> Iterator[None]:
    """Break the connection off when time is up; its own timeout is per read, and a trickle would outlive it."""

    def expire() -> None:
        expired.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(_TIMEOUT, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read(response: HTTPResponse) -> bytes:
    """The body as far as anybody cares; unlike `HTTPResponse.read` it notices one that breaks off."""
    reply = response.read(_MAX_REPLY)
    if response.length and len(reply) < _MAX_REPLY:
        raise IncompleteRead(reply, response.length)
    return reply


def _split(url: str) -> Target:
    if re.fullmatch(r"[!-~]+", url) is None:
        msg = "a URL is printable ASCII without spaces"
        raise ValueError(msg)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        msg = "the URL must begin with http:// or https://"
        raise ValueError(msg)
    if not parts.hostname:
        msg = "the URL names no host"
        raise ValueError(msg)
    if "@" in parts.netloc:
        msg = "the URL holds credentials, which would end up in logs"
        raise ValueError(msg)
    port = (443 if parts.scheme == "https" else 80) if parts.port is None else parts.port
    if port == 0:
        msg = "port 0 is no port to send to"
        raise ValueError(msg)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=parts.hostname, port=port, path=path)


def _outcome(reply: bytes) -> str:
    """The outcome named by a reply, if it is one of ours: nothing else of it is ever shown."""
    try:
        status = json.loads(reply)["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return status if status in OUTCOMES else ""


def _describe(error: Exception, target: Target) -> str:
    at = target.address
    told = {
        TimeoutError: f"{at} did not answer within {_TIMEOUT:.0f} seconds, which LicenseChain counts as failed",
        ConnectionRefusedError: f"nothing listens at {at} (connection refused)",
        RemoteDisconnected: f"{at} closed the connection without an answer",
        IncompleteRead: f"{at} broke its answer off",
        socket.gaierror: f"no address is known for {target.host}",
        UnicodeError: f"no address is known for {target.host}",
        OSError: f"no answer from {at}: {getattr(error, 'strerror', None) or type(error).__name__}",
        HTTPException: f"what {at} answers is not HTTP: {type(error).__name__}",
    }
    return next(text for kind, text in told.items() if isinstance(error, kind))
