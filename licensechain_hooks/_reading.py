"""Reading a body: no more than allowed, no longer than allowed, no less than declared."""

from collections.abc import AsyncIterable, Callable, Coroutine, Generator
from datetime import timedelta
from types import coroutine
from typing import Any

from licensechain_hooks._request import ASGIBody, Headers, HookRequest
from licensechain_hooks.exceptions import (
    BodyTooLargeError,
    ContentEncodingError,
    IncompleteBodyError,
    LicenseChainHooksError,
    MethodNotAllowedError,
    ReadTimeoutError,
)

__all__ = ["aread_body", "read_body", "screen"]

_CHUNK = 64 * 1024  # bytes


def screen(request: HookRequest, max_body: int) -> int | None:
    """Refuse what can be refused before the body is read; the declared length otherwise.

    Raises:
        MethodNotAllowedError, BodyTooLargeError, ContentEncodingError, IncompleteBodyError: in this order.
    """
    if request.method != "POST":
        raise MethodNotAllowedError(request.method)
    declared = _declared_length(request.headers)
    if declared is not None and declared > max_body:
        raise BodyTooLargeError(max_body)
    encoding = request.headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in {b"", b"identity"}:
        raise ContentEncodingError
    return declared


def read_body(request: HookRequest, max_body: int, declared: int | None) -> bytes:
    """The body, for a synchronous host.

    Raises:
        BodyTooLargeError, IncompleteBodyError: more than allowed, less than declared.
    """
    body = request.body
    if not isinstance(body, bytes):
        if isinstance(body, ASGIBody | AsyncIterable):
            msg = "this request's body is asynchronous: await receiver.areceive(request)"
            raise TypeError(msg)
        body = _read_all(body, max_body)
    return _checked_length(body, max_body, declared)


async def aread_body(request: HookRequest, max_body: int, declared: int | None, deadline: timedelta) -> bytes:
    """The body, for an asynchronous host.

    Raises:
        BodyTooLargeError, IncompleteBodyError, ReadTimeoutError: also when it does not arrive within ``deadline``.
    """
    body = request.body
    if isinstance(body, ASGIBody):
        reading = body.read(max_body)
    elif isinstance(body, AsyncIterable):
        reading = _aread_all(body, max_body)
    else:
        return read_body(request, max_body, declared)
    try:
        whole = await _within(reading, deadline)
    except LicenseChainHooksError:
        raise
    except TimeoutError:
        raise ReadTimeoutError from None
    except Exception as exc:
        raise _broken_off() from exc
    return _checked_length(whole, max_body, declared)


async def _aread_all(body: AsyncIterable[bytes], max_body: int) -> bytes:
    chunks: list[bytes] = []
    left = max_body
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            raise BodyTooLargeError(max_body)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _within(reading: Coroutine[Any, Any, bytes], deadline: timedelta) -> bytes:
    """Await ``reading`` for so long; without a timer, which costs more than the rest, where all has arrived already."""
    try:
        suspended_on = reading.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    import asyncio  # noqa: PLC0415 - the host has it

    async with asyncio.timeout(deadline.total_seconds()):
        return await _go_on(reading, suspended_on)


@coroutine
def _go_on(reading: Coroutine[Any, Any, bytes], suspended_on: Any) -> Generator[Any, Any, bytes]:
    """Await a coroutine that was started by hand (PEP 380, as ``yield from`` would from its first suspension on)."""
    while True:
        try:
            try:
                result = yield suspended_on
            except BaseException as error:  # noqa: BLE001
                suspended_on = reading.throw(error)
            else:
                suspended_on = reading.send(result)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def _read_all(read: Callable[[int], bytes], max_body: int) -> bytes:
    chunks: list[bytes] = []
    left = max_body + 1
    try:
        while left > 0 and (chunk := read(min(left, _CHUNK))):
            chunks.append(chunk)
            left -= len(chunk)
    except LicenseChainHooksError:
        raise
    except Exception as exc:  # a broken chunk, a reset connection: each server has errors of its own
        raise _broken_off() from exc
    return b"".join(chunks)


def _broken_off() -> IncompleteBodyError:
    return IncompleteBodyError("the body broke off")


def _checked_length(body: bytes, max_body: int, declared: int | None) -> bytes:
    if len(body) > max_body:
        raise BodyTooLargeError(max_body)
    if declared is not None and len(body) < declared:
        msg = f"Content-Length says {declared} bytes, {len(body)} arrived"
        raise IncompleteBodyError(msg)
    return body


def _declared_length(headers: Headers) -> int | None:
    declared = headers.get(b"content-length")
    if not declared:
        return None
    if not declared.isdigit() or len(declared) > 18:
        msg = "Content-Length is not a number"
        raise IncompleteBodyError(msg)
    return int(declared)
