"""Where deliveries are sent, and how: one POST each, no redirect, no proxy, five seconds."""

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead, RemoteDisconnected
from time import perf_counter

from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.testing._target import Target, deadline, outcome_in, read_reply, split_url

__all__ = ["Answer", "Target", "TargetError", "parse_target", "post"]

_TIMEOUT = 5.0  # seconds: LicenseChain's help page asks for an answer within them


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


class TargetError(ValueError):
    """A URL that cannot be delivered to, or not without being told that it may; the text says why."""


def parse_target(url: str, *, allow_remote: bool, name: str = "--to") -> Target:
    """Take the URL of an option or argument apart.

    Raises:
        TargetError: it cannot be delivered to, or not without ``--allow-remote``.
    """
    try:
        target = split_url(url)
    except ValueError as exc:
        msg = f"{name}: {exc}; it looks like http://127.0.0.1:8000/webhooks/licensechain"
        raise TargetError(msg) from exc
    if not allow_remote and not is_loopback(target.host):
        msg = f"{name}: {target.host} is not this machine; add --allow-remote if you mean it"
        raise TargetError(msg)
    return target


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Deliver a body and wait for the answer."""
    connect = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = connect(target.host, target.port, timeout=_TIMEOUT)
    expired = threading.Event()
    started = perf_counter()
    try:
        connection.connect()
        with deadline(connection.sock, expired, _TIMEOUT):
            connection.request("POST", target.path, body, dict(headers))
            response = connection.getresponse()
            reply = read_reply(response)
            if expired.is_set():
                raise TimeoutError  # a body without a length ends where it breaks off
    except (OSError, HTTPException, UnicodeError) as exc:  # UnicodeError: a host no resolver takes
        return Answer(status=None, error=_describe(TimeoutError() if expired.is_set() else exc, target))
    finally:
        connection.close()
    return Answer(status=response.status, outcome=outcome_in(reply), milliseconds=(perf_counter() - started) * 1000)


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
