"""Starlette: a route that reads the stream itself.

The route's endpoint is an ASGI application, so that nothing stands between the server and the receiver.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

try:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
except ImportError as exc:
    msg = "this module needs Starlette: pip install 'licensechain-hooks[starlette]'"
    raise ImportError(msg) from exc

from licensechain_hooks import HookRequest, Outcome, Receiver, Reply, consumed_body

__all__ = ["health_routes", "hooks_lifespan", "to_hook_request", "to_starlette_response", "webhook_route"]


def webhook_route(path: str, receiver: Receiver, *, name: str = "licensechain_webhook") -> Route:
    """A route that answers deliveries at ``path``."""
    return Route(path, receiver.asgi, name=name)


def health_routes(path: str, receiver: Receiver, *, details: bool = False) -> list[Route]:
    """Routes for probes: at ``path`` whether deliveries can be accepted, at ``path/live`` whether this process works.

    Args:
        path: such as ``/healthz``.
        receiver: whose health.
        details: whether to tell everybody what the inbox holds, see `Health.reply`.
    """

    async def ready(_request: Request) -> Response:
        return _to_response(await receiver.aprobe("ready", details=details))

    async def live(_request: Request) -> Response:
        return _to_response(await receiver.aprobe("live"))

    return [
        Route(path, ready, name="licensechain_ready", include_in_schema=False),
        Route(f"{path.rstrip('/')}/live", live, name="licensechain_live", include_in_schema=False),
    ]


def hooks_lifespan(receiver: Receiver) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan for the application: the receiver starts and stops with the server, see `Receiver.lifespan`."""
    return lambda _app: receiver.lifespan()


def to_hook_request(request: Request) -> HookRequest:
    """The `HookRequest` of a Starlette request, for a route of your own."""
    body = getattr(request, "_body", None)  # what Request.body() keeps
    if body is None:
        body = consumed_body if getattr(request, "_stream_consumed", False) else request.stream()
    return HookRequest(
        body,
        request.scope["headers"],
        method=request.method,
        path=request.url.path,
    )


def to_starlette_response(outcome: Outcome) -> Response:
    """The response that tells the sender of an outcome."""
    return _to_response(outcome.reply)


def _to_response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))
