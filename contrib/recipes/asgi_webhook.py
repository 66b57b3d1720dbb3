"""A recipe for bare ASGI, without a framework.

Copy this file, then::

    app = routed({"/webhooks/licensechain": receiver.asgi}, lifespan=receiver.asgi)

and serve it by ``uvicorn module:app``, or put it before an application of yours: ``routed({…}, otherwise=other_app)``.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

App = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]


async def not_found(scope: MutableMapping[str, Any], _receive: object, send: Callable[[Any], Awaitable[None]]) -> None:
    """An application that has nothing to show."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


def routed(routes: Mapping[str, App], *, lifespan: App, otherwise: App = not_found) -> App:
    """An application that leads each path to another one.

    Args:
        routes: by path, such as ``receiver.asgi``, which answers every method.
        lifespan: starts and stops with the server; ``receiver.asgi`` starts and stops its worker.
        otherwise: for all other paths.
    """

    async def app(
        scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        target = lifespan if scope["type"] == "lifespan" else routes.get(scope["path"], otherwise)
        await target(scope, receive, send)

    return app
