"""A recipe for Quart.

Copy this file, then::

    app = Quart(__name__)
    add_webhook(app, "/webhooks/licensechain", receiver)

The receiver, and the worker of its inbox, start and stop with the application.
"""

from collections.abc import AsyncIterator

from quart import Quart, Request, Response, request

from licensechain_hooks import HookRequest, Outcome, Receiver

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def add_webhook(app: Quart, path: str, receiver: Receiver) -> None:
    """Let an application answer deliveries at ``path``."""

    async def receive() -> Response:
        response = to_response(await receiver.areceive(to_hook_request(request)))
        if request.method == "HEAD":
            response.set_data(b"")
        return response

    async def live() -> AsyncIterator[None]:
        async with receiver.lifespan():
            yield

    # Every method reaches the receiver, so that it answers 405 in its own words; Quart would answer OPTIONS with 200.
    app.add_url_rule(path, "licensechain_webhook", receive, methods=METHODS, provide_automatic_options=False)
    app.while_serving(live)


def to_hook_request(quart_request: Request) -> HookRequest:
    """The `HookRequest` of a Quart request; the receiver reads the stream, and no more than it allows."""
    headers = quart_request.scope["headers"]
    return HookRequest(quart_request.body, headers, method=quart_request.method, path=quart_request.path)


def to_response(outcome: Outcome) -> Response:
    """The response that tells the sender of an outcome."""
    reply = outcome.reply
    return Response(reply.body, reply.status, dict(reply.headers))
