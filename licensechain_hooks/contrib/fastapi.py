"""FastAPI: a router documented in OpenAPI, and a dependency for a route of your own."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

try:
    from fastapi import APIRouter, Header, HTTPException, Request
    from fastapi.routing import APIRoute
    from pydantic import BaseModel, Field, RootModel
    from starlette.routing import Match
except ImportError as exc:
    msg = "this module needs FastAPI: pip install 'licensechain-hooks[fastapi]'"
    raise ImportError(msg) from exc

from licensechain_hooks import (
    EVENT_CLASSES,
    Endpoint,
    Event,
    KnownEvent,
    LicenseChainHooksError,
    Outcome,
    OutcomeName,
    Receiver,
    log_outcome,
)
from licensechain_hooks.contrib.starlette import health_routes, hooks_lifespan, to_hook_request

__all__ = ["event_webhooks", "health_router", "verified_event", "webhook_router"]

_Signature = Annotated[str, Header(description="Hex of HMAC-SHA256 over the raw body.")]
_Timestamp = Annotated[str, Header(description="Unix time in seconds at which the delivery was sent.")]


class WebhookReply(BaseModel):
    """What LicenseChain is told of a delivery."""

    status: OutcomeName


class LicenseChainEvent(RootModel[Annotated[KnownEvent, Field(discriminator="raw_type")]]):
    """Any event LicenseChain is known to send. An event of another type is accepted as well."""


_REPLIES: dict[int | str, dict[str, Any]] = {
    400: {"model": WebhookReply, "description": "Signed, but not an event."},
    401: {"model": WebhookReply, "description": "The signature or the time does not hold."},
    413: {"model": WebhookReply, "description": "The body is larger than allowed."},
    500: {"model": WebhookReply, "description": "A handler failed."},
    503: {"model": WebhookReply, "description": "Come back later."},
}


class _Receiving:
    """Receive an event from LicenseChain. Only requests signed with the webhook's secret are accepted."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    async def __call__(
        self, event: LicenseChainEvent, x_webhook_signature: _Signature, x_webhook_timestamp: _Timestamp
    ) -> None:
        """Say in OpenAPI what the endpoint takes. It is never called: `_WebhookRoute` goes straight to the receiver."""


class _WebhookRoute(APIRoute):
    """A route that FastAPI documents, and that answers every method by itself."""

    def __init__(self, path: str, endpoint: _Receiving, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = endpoint.receiver.asgi

    def matches(self, scope: Any) -> tuple[Match, Any]:
        match, child_scope = super().matches(scope)
        return (Match.FULL if match is Match.PARTIAL else match), child_scope

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def webhook_router(receiver: Receiver, *, path: str = "/webhooks/licensechain") -> APIRouter:
    """A router that answers deliveries at ``path``: ``app.include_router(webhook_router(receiver))``.

    Deliveries go straight to the receiver, past FastAPI's reading and validating, and past its dependencies: the
    signature is what admits them. The OpenAPI document has the events as the request's body.
    """
    router = APIRouter(lifespan=hooks_lifespan(receiver))
    router.routes.append(
        _WebhookRoute(
            path,
            _Receiving(receiver),
            methods=["POST"],
            name="licensechain_webhook",
            response_model=WebhookReply,
            responses=_REPLIES,
        )
    )
    return router


def health_router(receiver: Receiver, *, path: str = "/healthz", details: bool = False) -> APIRouter:
    """A router for probes, which OpenAPI does not mention; see `licensechain_hooks.contrib.starlette.health_routes`."""
    router = APIRouter()
    router.routes.extend(health_routes(path, receiver, details=details))
    return router


def event_webhooks(*event_types: str) -> APIRouter:
    """The events as OpenAPI ``webhooks``: ``app.webhooks.include_router(event_webhooks())``.

    Args:
        event_types: which of them, such as ``hooks.event_types()``; by default all.
    """
    router = APIRouter()
    for event_type in event_types or EVENT_CLASSES:
        if event_type in EVENT_CLASSES:
            _describe(router, event_type)
    return router


def verified_event(endpoint: Endpoint) -> Callable[[Request], Awaitable[Event]]:
    """A dependency that gives a route of your own the verified event: ``Depends(verified_event(endpoint))``.

    It verifies and parses; that an event runs once is then the route's own business.

    Raises:
        HTTPException: with the status and the outcome's name, where the receiver would refuse.
    """

    async def dependency(request: Request) -> Event:
        try:
            return await endpoint.aopen_request(to_hook_request(request))
        except LicenseChainHooksError as error:
            outcome = Outcome.refused(error)
            log_outcome(outcome, endpoint=endpoint.name)
            raise HTTPException(outcome.status, outcome.name, dict(outcome.reply.headers[2:])) from None

    return dependency


def _describe(router: APIRouter, event_type: str) -> None:
    event_class = EVENT_CLASSES[event_type]

    async def webhook() -> None:
        pass

    router.add_api_route(
        event_type,
        webhook,
        methods=["POST"],
        name=event_type,
        description=event_class.__doc__ or "",
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": _json_schema(event_class)}}}},
    )


def _json_schema(event_class: type[Event]) -> dict[str, Any]:
    """The schema of an event with that of its data in place, so that it refers to nothing outside itself."""
    schema = event_class.model_json_schema()
    (data,) = schema.pop("$defs").values()
    schema["properties"]["data"] = data
    return schema
