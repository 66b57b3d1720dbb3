"""A recipe for aiohttp.

Copy this file, then::

    app = web.Application(handler_args={"auto_decompress": False})  # what is compressed, the receiver refuses
    add_webhook(app, "/webhooks/licensechain", receiver)

The receiver, and the worker of its inbox, start and stop with the application.
"""

from collections.abc import AsyncIterator

from aiohttp import web

from licensechain_hooks import HookRequest, Outcome, Receiver


def add_webhook(app: web.Application, path: str, receiver: Receiver) -> None:
    """Let an application answer deliveries at ``path``."""

    async def receive(request: web.Request) -> web.Response:
        return to_response(await receiver.areceive(to_hook_request(request)))

    async def live(_app: web.Application) -> AsyncIterator[None]:
        async with receiver.lifespan():
            yield

    app.router.add_route("*", path, receive)  # every method, so that the receiver answers 405 in its own words
    app.cleanup_ctx.append(live)


def to_hook_request(request: web.Request) -> HookRequest:
    """The `HookRequest` of an aiohttp request; the receiver reads the stream, and no more than it allows."""
    return HookRequest(request.content.iter_any(), request.raw_headers, method=request.method, path=request.path)


def to_response(outcome: Outcome) -> web.Response:
    """The response that tells the sender of an outcome."""
    reply = outcome.reply
    return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)
