"""Reading a body: no more than allowed, no longer than allowed, no less than declared."""

from collections.abc import AsyncIterable, Callable
from datetime import timedelta

from licensechain_hooks._request import Headers, HookRequest
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
        if isinstance(body, AsyncIterable):
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
    if not isinstance(body, AsyncIterable):
        return read_body(request, max_body, declared)
    import asyncio  # noqa: PLC0415 - the host has it

    try:
        async with asyncio.timeout(deadline.total_seconds()):
            whole = await _aread_all(body, max_body)
    except LicenseChainHooksError:
        raise
    except TimeoutError:
        raise ReadTimeoutError from None
    except Exception as exc:
        raise _broken_off() from exc
    return _checked_length(whole, max_body, declared)


async def _aread_all(body: AsyncIterable[bytes], max_body: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > max_body:
            raise BodyTooLargeError(max_body)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


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
