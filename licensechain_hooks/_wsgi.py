"""The receiver as a WSGI application (PEP 3333): for mounting and for any WSGI framework."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from licensechain_hooks._request import HookRequest

if TYPE_CHECKING:
    from licensechain_hooks._receiver import Receiver

__all__ = ["WSGIReceiver"]


class WSGIReceiver:
    """A WSGI application that answers deliveries at whatever path it is reached."""

    def __init__(self, receiver: "Receiver") -> None:
        self.receiver = receiver

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        reply = self.receiver.receive(HookRequest.from_wsgi(environ)).reply
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(reply.headers))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]
