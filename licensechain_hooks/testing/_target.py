"""Where deliveries are sent: a URL taken apart, and what replies of strangers are read with."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPResponse, IncompleteRead
from urllib.parse import urlsplit

from licensechain_hooks._outcome import OUTCOMES

__all__ = ["Target", "deadline", "outcome_in", "read_reply", "split_url"]

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
        """Host and port, for messages and for the Host header."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def split_url(url: str) -> Target:
    """Take a URL apart.

    Raises:
        ValueError: it cannot be delivered to.
    """
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


@contextlib.contextmanager
def deadline(connected: socket.socket, expired: threading.Event, seconds: float) -> Iterator[None]:
    """Break the connection off when time is up; its own timeout is per read, and a trickle would outlive it."""

    def expire() -> None:
        expired.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def read_reply(response: HTTPResponse) -> bytes:
    """The body as far as anybody cares; unlike `HTTPResponse.read` it notices one that breaks off."""
    reply = response.read(_MAX_REPLY)
    if response.length and len(reply) < _MAX_REPLY:
        raise IncompleteRead(reply, response.length)
    return reply


def outcome_in(reply: bytes) -> str:
    """The outcome named by a reply, if it is one of ours: nothing else of it is ever shown."""
    try:
        status = json.loads(reply)["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return status if isinstance(status, str) and status in OUTCOMES else ""
