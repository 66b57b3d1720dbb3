"""One request over one connection, and whatever comes back: total, bounded in bytes and in time."""

import select
import socket
import ssl
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from time import perf_counter

from licensechain_hooks.testing._target import Target, deadline, outcome_in, read_reply

__all__ = ["Reply", "UnreachableError", "exchange"]

_PIECE = 16 * 1024  # bytes


class UnreachableError(Exception):
    """No connection could be made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back.

    Attributes:
        status: the HTTP status; ``None`` where there was none, and ``trouble`` says why.
        outcome: the outcome the reply names, where it is one of this package's receivers.
        milliseconds: from connecting to the end of the answer.
        trouble: why there is no status.
        is_late: whether that is because time was up.
    """

    status: int | None
    outcome: str = ""
    milliseconds: float = 0.0
    trouble: str = ""
    is_late: bool = False

    @property
    def words(self) -> str:
        """Status and outcome, or the trouble."""
        return self.trouble if self.status is None else f"{self.status} {self.outcome}".rstrip()


def exchange(target: Target, request: bytes, *, method: str = "POST", seconds: float, hang_up: bool = False) -> Reply:
    """Send a request and wait for the answer. A redirect is an answer like any other, and is not followed.

    Args:
        target: where to.
        request: all of it, or as much as is to be sent.
        method: that of the request: an answer to HEAD has no body.
        seconds: for all of it.
        hang_up: whether to close the connection once all is sent, in place of waiting.

    Raises:
        UnreachableError: there is no connection.
    """
    started = perf_counter()
    expired = threading.Event()
    with _connected(target, seconds) as connection, deadline(connection, expired, seconds):
        try:
            _send(connection, request)
            if hang_up:
                return Reply(status=None, trouble="not waited for")
            with closing(HTTPResponse(connection, method=method)) as response:
                response.begin()
                outcome = outcome_in(read_reply(response))
        except (OSError, HTTPException) as error:
            return _without_answer(error, seconds=seconds, is_late=expired.is_set() or isinstance(error, TimeoutError))
    spent = (perf_counter() - started) * 1000
    return Reply(status=response.status, outcome=outcome, milliseconds=spent)


def _connected(target: Target, seconds: float) -> socket.socket:
    try:
        connection = socket.create_connection((target.host, target.port), timeout=seconds)
        if target.scheme == "http":
            return connection
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return ssl.create_default_context().wrap_socket(connection, server_hostname=target.host)
        except BaseException:
            connection.close()
            raise
    except (OSError, UnicodeError) as error:  # UnicodeError: a host no resolver takes
        raise UnreachableError(_why_unreachable(error, target)) from error


def _why_unreachable(error: Exception, target: Target) -> str:
    at = target.address
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens at {at} (connection refused)"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {at} does not verify; SSL_CERT_FILE can name one that is to be trusted"
    if isinstance(error, ssl.SSLError):
        return f"{at} does not speak TLS: is it http:// ?"
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"no address is known for {target.host}"
    if isinstance(error, TimeoutError):
        return f"{at} takes no connection in time"
    return f"no connection to {at}: {getattr(error, 'strerror', None) or type(error).__name__}"


def _send(connection: socket.socket, request: bytes) -> None:
    """Send until there is an answer: who refuses a body early may not be read for long, and its answer gets lost."""
    watched = not isinstance(connection, ssl.SSLSocket)  # TLS has messages of its own, which are no answer
    with suppress(BrokenPipeError, ConnectionResetError):
        for start in range(0, len(request), _PIECE):
            if watched and start and select.select([connection], [], [], 0)[0]:
                return
            connection.sendall(request[start : start + _PIECE])


def _without_answer(error: Exception, *, seconds: float, is_late: bool) -> Reply:
    if is_late:
        return Reply(status=None, trouble=f"no answer in {seconds:g} s", is_late=True)
    if isinstance(error, ConnectionError):  # http.client's RemoteDisconnected is one
        return Reply(status=None, trouble="closed, no answer")
    if isinstance(error, HTTPException):
        return Reply(status=None, trouble="no HTTP")
    return Reply(status=None, trouble="broken off")
