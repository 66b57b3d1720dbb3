"""What every request passes first: whom it is meant for, where it comes from, who sends it, how large it is."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.emulator._emulation import Emulation
from licensechain_hooks.emulator._errors import error_reply

__all__ = ["MAX_BODY", "Gate"]

MAX_BODY = 64 * 1024  # bytes
_DISCARDED = 1024 * 1024  # bytes of a body that is too large, so that its sender reads the answer
_API = "/v1"

_App = Callable[[Any, Any, Any], Awaitable[None]]


class Gate:
    """ASGI middleware.

    A browser may be led here by any page that is open in it: by a name that resolves to this machine, or by a form.
    So the host must be a name of this machine, and the origin, where there is one, this very server.

    Args:
        app: what is behind it.
        emulation: whose API key and faults count.
    """

    def __init__(self, app: _App, emulation: Emulation) -> None:
        self._app = app
        self._emulation = emulation

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        dated = _dated(send, self._emulation.now())
        body = await _read_body(receive)
        refusal = self._refusal(scope, Headers(scope=scope), is_too_large=body is None)
        if refusal is not None:
            await refusal(scope, receive, dated)
            return
        await self._app(scope, _replayed(body or b"", receive), dated)

    def _refusal(self, scope: Any, headers: Headers, *, is_too_large: bool) -> Response | None:
        shape = self._emulation.faults.error_shape
        foreign = _foreign(scope, headers)
        if foreign is not None:
            return error_reply(403, foreign, shape=shape)
        if scope["path"] == _API or scope["path"].startswith(f"{_API}/"):
            fault = self._fault()
            if fault is not None:
                return fault
            if not _is_authorized(headers.getlist("authorization"), self._emulation.settings.api_key):
                message = "the API key is missing or wrong: Authorization: Bearer API_KEY"
                return error_reply(401, message, shape=shape, headers={"WWW-Authenticate": "Bearer"})
        if is_too_large:
            return error_reply(413, f"a body has at most {MAX_BODY} bytes", shape=shape)
        return None

    def _fault(self) -> Response | None:
        """The answer to a call that is to fail; there is one less to come then."""
        faults = self._emulation.faults
        for name, status in (("fail_requests", 503), ("rate_limit_requests", 429)):
            left = getattr(faults, name)
            if left:
                self._emulation.set_faults(faults.model_copy(update={name: left - 1}))
                message = "this call fails on purpose (a fault of the emulator)"
                return error_reply(status, message, shape=faults.error_shape, headers={"Retry-After": "0"})
        return None


def _foreign(scope: Any, headers: Headers) -> str | None:
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not is_loopback(_without_port(hosts[0])):
        return "the Host header is no name of this machine"
    own = f"{scope['scheme']}://{hosts[0]}".lower()
    if any(origin.lower() != own for origin in headers.getlist("origin")):
        return "the request comes from another origin"
    return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]


def _is_authorized(values: list[str], api_key: str) -> bool:
    if len(values) != 1:
        return False
    scheme, _, key = values[0].partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(key.strip().encode(), api_key.encode())


async def _read_body(receive: Any) -> bytes | None:
    """The body; ``None`` where it is too large."""
    body = bytearray()
    seen = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # whoever asked is gone
        piece = message.get("body", b"")
        seen += len(piece)
        if seen <= MAX_BODY:
            body += piece
        if not message.get("more_body") or seen > _DISCARDED:
            return bytes(body) if seen <= MAX_BODY else None


def _replayed(body: bytes, receive: Any) -> Callable[[], Awaitable[Any]]:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return messages.pop() if messages else await receive()

    return replay


def _dated(send: Any, moment: datetime) -> Callable[[Mapping[str, Any]], Awaitable[None]]:
    """``send`` that tells the time of this LicenseChain, which may be wrong on purpose."""
    date = format_datetime(moment, usegmt=True).encode()

    async def send_dated(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
        await send(message)

    return send_dated
