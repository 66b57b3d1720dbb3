"""What a server hands to the receiver: raw bytes and headers that may repeat, in any letter case."""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

from licensechain_hooks.exceptions import (
    BodyConsumedError,
    BodyTooLargeError,
    ClientDisconnectedError,
    IncompleteBodyError,
    LengthRequiredError,
)

__all__ = ["ASGIBody", "Body", "Headers", "HookRequest", "SyncRead", "consumed_body"]

SyncRead = Callable[[int], bytes]
HeaderSource = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]


class ASGIBody:
    """The body of an ASGI request, in the messages it arrives in."""

    __slots__ = ("_receive",)

    def __init__(self, receive: Callable[[], Any]) -> None:
        self._receive = receive

    async def read(self, max_body: int) -> bytes:
        """All of it.

        Raises:
            BodyTooLargeError: more than ``max_body`` bytes; the rest is not received.
            ClientDisconnectedError: the sender went away.
        """
        message = await self._receive()
        body: bytes = _checked_message(message).get("body", b"")
        if not message.get("more_body", False) and len(body) <= max_body:
            return body  # what nearly every delivery is
        chunks, left = [body], max_body - len(body)
        while left >= 0 and message.get("more_body", False):
            message = await self._receive()
            chunks.append(_checked_message(message).get("body", b""))
            left -= len(chunks[-1])
        if left < 0:
            raise BodyTooLargeError(max_body)
        return b"".join(chunks)


Body = bytes | SyncRead | AsyncIterable[bytes] | ASGIBody


class Headers:
    """Request headers: case-insensitive, values as the bytes that were sent, repeated ones joined by a comma.

    Joining is what RFC 9110, section 5.3 allows and what WSGI servers do: so no second value can hide behind a first.

    Args:
        source: a mapping, an object with ``multi_items()`` (Starlette, httpx), or pairs of ``str`` or ``bytes``.
    """

    __slots__ = ("get",)

    get: Callable[[bytes], bytes | None]
    """``get(name)``: the value of the header ``name`` (lower case), ``None`` where it was not sent."""

    def __init__(self, source: HeaderSource = ()) -> None:
        self.get = _joined((_latin1(name).lower(), _latin1(value)) for name, value in _pairs(source)).get

    @classmethod
    def from_asgi(cls, pairs: Iterable[tuple[bytes, bytes]]) -> "Headers":
        """Headers of an ASGI scope, whose names are lower case by specification."""
        headers = cls.__new__(cls)
        sent = pairs if isinstance(pairs, list) else list(pairs)
        index = dict(sent)
        headers.get = (index if len(index) == len(sent) else _joined(sent)).get
        return headers

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any]) -> "Headers":
        """Headers of a WSGI environ (PEP 3333)."""
        headers = cls.__new__(cls)
        headers.get = partial(_from_environ, environ)
        return headers

    def __repr__(self) -> str:
        return "<Headers>"  # values may be signatures


class HookRequest:
    """One delivery as it arrived.

    Args:
        body: the raw body. ``bytes``, or where it is still to be read a ``read(size) -> bytes`` function (a WSGI
            stream's ``read``) or an asynchronous iterable of chunks; the receiver reads no more than it allows.
            Parsed JSON is refused: once re-serialised, a body no longer has the bytes that were signed.
        headers: see `Headers`.
        method: the HTTP method.
        path: the path of the URL, for secrets that depend on the tenant.
    """

    __slots__ = ("body", "headers", "method", "path")

    def __init__(self, body: Body, headers: "Headers | HeaderSource", *, method: str = "POST", path: str = "") -> None:
        if body.__class__ is not bytes:
            body = _checked_body(body)
        self.body: Body = body
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.method = method
        self.path = path

    @classmethod
    def from_asgi(cls, scope: Mapping[str, Any], receive: Callable[[], Any]) -> "HookRequest":
        """The request of an ASGI ``http`` scope; the body is read from ``receive`` when the receiver asks for it."""
        request = cls.__new__(cls)  # nothing that a server says of itself needs a check
        request.body = ASGIBody(receive)
        request.headers = Headers.from_asgi(scope["headers"])
        request.method = scope["method"]
        request.path = scope["path"]
        return request

    @classmethod
    def from_wsgi(cls, environ: Mapping[str, Any], body: bytes | SyncRead | None = None) -> "HookRequest":
        """The request of a WSGI environ.

        Args:
            environ: the environ of PEP 3333.
            body: the raw body, where the framework has kept it; else it is read from ``wsgi.input``.
        """
        return cls(
            _wsgi_body(environ) if body is None else body,
            Headers.from_environ(environ),
            method=environ["REQUEST_METHOD"],
            path=_wsgi_text(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")),
        )

    @property
    def raw_body(self) -> bytes:
        """The body, once it has been read; empty before."""
        return self.body if isinstance(self.body, bytes) else b""

    def __repr__(self) -> str:
        return f"<HookRequest {self.method}>"  # the path may hold a tenant's name, the body a license key


def _checked_message(message: Any) -> Any:
    if message["type"] != "http.request":
        raise ClientDisconnectedError
    return message


def _wsgi_body(environ: Mapping[str, Any]) -> SyncRead:
    """How to read the body: PEP 3333 gives no end but CONTENT_LENGTH, unless the server promises one."""
    read: SyncRead = environ["wsgi.input"].read
    if environ.get("CONTENT_LENGTH", "") != "":
        return _until_declared(read, environ["CONTENT_LENGTH"])
    if environ.get("wsgi.input_terminated"):
        return read
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return _length_required
    return _empty


def _wsgi_text(text: str) -> str:
    """Text that WSGI hands over as UTF-8 read as Latin-1 (PEP 3333, "Unicode Issues")."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


def _until_declared(read: SyncRead, declared: str) -> SyncRead:
    if not (declared.isascii() and declared.isdigit() and len(declared) <= 18):
        return _length_malformed
    left = int(declared)

    def bounded(size: int) -> bytes:
        nonlocal left
        chunk = read(min(size, left))
        left -= len(chunk)
        return chunk

    return bounded


def consumed_body(_size: int) -> bytes:
    """The body of a request that something in this process has read already.

    Raises:
        BodyConsumedError: always; so the sender gets a 500 and the log names the cause.
    """
    raise BodyConsumedError


def _length_required(_size: int) -> bytes:
    raise LengthRequiredError


def _length_malformed(_size: int) -> bytes:
    msg = "Content-Length is not a number"
    raise IncompleteBodyError(msg)


def _empty(_size: int) -> bytes:
    return b""


def _checked_body(body: object) -> Any:
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    if isinstance(body, bytes | AsyncIterable) or callable(body):
        return body
    msg = (
        f"body must be the raw bytes as they arrived, not {type(body).__name__}: "
        "a parsed and re-serialised body no longer has the bytes that were signed"
    )
    raise TypeError(msg)


def _pairs(source: Any) -> Iterable[tuple[str | bytes, str | bytes]]:
    multi_items = getattr(source, "multi_items", None)
    if callable(multi_items):  # of Sanic's headers any attribute is there, and is a header's text
        return multi_items()  # type: ignore[no-any-return]
    return source.items() if isinstance(source, Mapping) else source


def _joined(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    repeated: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        repeated.setdefault(name, []).append(value)
    return {name: b",".join(values) for name, values in repeated.items()}


def _latin1(text: str | bytes) -> bytes:
    """HTTP's bytes; what could not have been a header byte becomes ``?``, which no check accepts."""
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def _from_environ(environ: Mapping[str, Any], name: bytes) -> bytes | None:
    text = environ.get(_environ_key(name))
    return None if text is None else _latin1(text)


def _environ_key(name: bytes) -> str:
    key = _ENVIRON_KEYS.get(name)
    if key is None:
        key = name.decode("ascii").upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
    return key


_ENVIRON_KEYS = {
    b"content-length": "CONTENT_LENGTH",
    b"content-encoding": "HTTP_CONTENT_ENCODING",
    b"x-webhook-signature": "HTTP_X_WEBHOOK_SIGNATURE",
    b"x-webhook-timestamp": "HTTP_X_WEBHOOK_TIMESTAMP",
}
