"""A recipe for Sanic.

Copy this file, then::

    app = Sanic("shop")
    add_webhook(app, "/webhooks/licensechain", receiver)

The receiver, and the worker of its inbox, start and stop with each of Sanic's processes.
"""

import asyncio
from collections.abc import AsyncIterator

from sanic import HTTPResponse, Request, Sanic

from licensechain_hooks import HookRequest, Outcome, Receiver

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def add_webhook(app: Sanic, path: str, receiver: Receiver) -> None:
    """Let an application answer deliveries at ``path``."""

    async def receive(request: Request) -> HTTPResponse:
        return to_response(await receiver.areceive(to_hook_request(request)))

    async def start(_app: Sanic) -> None:
        receiver.start(asyncio.get_running_loop())

    async def stop(_app: Sanic) -> None:
        await asyncio.to_thread(receiver.stop)  # coroutines that still run need the loop

    # Every method reaches the receiver, so that it answers 405 in its own words.
    app.add_route(receive, path, methods=METHODS, name="licensechain_webhook", stream=True)
    app.register_listener(start, "before_server_start")
    app.register_listener(stop, "after_server_stop")


def to_hook_request(request: Request) -> HookRequest:
    """The `HookRequest` of a Sanic request; the receiver reads the stream, and no more than it allows."""
    return HookRequest(chunks(request), request.headers, method=request.method, path=request.path)


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives."""
    while chunk := await request.stream.read():
        yield chunk


def to_response(outcome: Outcome) -> HTTPResponse:
    """The response that tells the sender of an outcome."""
    reply = outcome.reply
    return HTTPResponse(reply.body, reply.status, dict(reply.headers))
