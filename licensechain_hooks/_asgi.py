"""The receiver as an ASGI application: for mounting, for any ASGI framework, and as the endpoint of a route."""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from licensechain_hooks._outcome import Reply
from licensechain_hooks._request import HookRequest
from licensechain_hooks.exceptions import ClientDisconnectedError

if TYPE_CHECKING:
    from licensechain_hooks._receiver import Receiver

__all__ = ["ASGIReceiver", "asgi_messages"]

Message = MutableMapping[str, Any]


class ASGIReceiver:
    """An ASGI 3 application that answers deliveries at whatever path it is reached."""

    __name__ = "licensechain_webhook"  # what frameworks call a route after

    def __init__(self, receiver: "Receiver") -> None:
        self.receiver = receiver

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request, or take part in the server's lifespan."""
        if scope["type"] == "http":
            outcome = await self.receiver.areceive(HookRequest.from_asgi(scope, receive))
            if not isinstance(outcome.error, ClientDisconnectedError):
                for message in asgi_messages(outcome.reply, scope["method"]):
                    await send(message)
        elif scope["type"] == "lifespan":
            await _live(self.receiver, receive, send)
        else:  # a WebSocket
            await receive()
            await send({"type": "websocket.close", "code": 1003})


def asgi_messages(reply: Reply, method: str) -> tuple[Message, Message]:
    """The two messages of a reply; new ones each time, for middleware adds headers to them."""
    return (
        {"type": "http.response.start", "status": reply.status, "headers": list(_asgi_headers(reply))},
        {"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body},
    )


@lru_cache(maxsize=256)
def _asgi_headers(reply: Reply) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in reply.headers)


async def _live(
    receiver: "Receiver", receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    await receive()  # lifespan.startup
    async with receiver.lifespan():
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
    await send({"type": "lifespan.shutdown.complete"})
