"""A recipe for Litestar.

Copy this file, then::

    app = Litestar([webhook_handler("/webhooks/licensechain", receiver)], lifespan=[hooks_lifespan(receiver)])

The handler is an ASGI application, so Litestar parses nothing before the signature is verified.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from litestar import Litestar
from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import Receive, Scope, Send

from licensechain_hooks import Receiver


def webhook_handler(path: str, receiver: Receiver) -> ASGIRouteHandler:
    """A route handler that answers deliveries at ``path``."""

    @asgi(path, copy_scope=True)
    async def receive_delivery(scope: Scope, receive: Receive, send: Send) -> None:
        await receiver.asgi(scope, receive, send)

    return receive_delivery


def hooks_lifespan(receiver: Receiver) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """The receiver, and the worker of its inbox, start and stop with the application."""
    return lambda _app: receiver.lifespan()
