"""Reading a body: no more than allowed, no longer than allowed, no less than declared."""

import asyncio
import io
from datetime import timedelta

import pytest

from licensechain_hooks import (
    BodyTooLargeError,
    ContentEncodingError,
    HookRequest,
    IncompleteBodyError,
    MethodNotAllowedError,
    ReadTimeoutError,
)
from licensechain_hooks._reading import aread_body, read_body, screen

SECOND = timedelta(seconds=1)


def chunks_of(*chunks: bytes):
    async def stream():
        for chunk in chunks:
            yield chunk

    return stream()


def read(request: HookRequest, max_body: int, declared: int | None = None) -> bytes:
    return read_body(request, max_body, declared)


def aread(request: HookRequest, max_body: int, declared: int | None = None, deadline: timedelta = SECOND) -> bytes:
    return asyncio.run(aread_body(request, max_body, declared, deadline))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "", "TRACE"])
def test_only_post(method):
    """Row 21: deliveries arrive by POST."""
    with pytest.raises(MethodNotAllowedError) as caught:
        screen(HookRequest(b"", {}, method=method), 10)
    assert method == caught.value.method


def test_the_method_decides_before_the_size():
    """Order of checks: 405 wins over 413, 413 over 415."""
    headers = {"Content-Length": "11", "Content-Encoding": "gzip"}
    with pytest.raises(MethodNotAllowedError):
        screen(HookRequest(b"", headers, method="PUT"), 10)
    with pytest.raises(BodyTooLargeError):
        screen(HookRequest(b"", headers), 10)
    with pytest.raises(ContentEncodingError):
        screen(HookRequest(b"", headers), 11)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "GZIP", "identity, gzip", "x", "gzip,"])
def test_compressed_bodies(encoding):
    """Row 16: a Content-Encoding is refused, never decoded."""
    with pytest.raises(ContentEncodingError):
        screen(HookRequest(b"", {"Content-Encoding": encoding}), 10)


@pytest.mark.parametrize("encoding", ["", " ", "identity", " Identity "])
def test_identity_is_no_encoding(encoding):
    """``identity`` says that there is none."""
    assert screen(HookRequest(b"", {"Content-Encoding": encoding}), 10) is None


@pytest.mark.parametrize(
    ("declared", "expected"), [({}, None), ({"Content-Length": ""}, None), ({"Content-Length": "7"}, 7)]
)
def test_the_declared_length(declared, expected):
    """What is declared is checked against what arrives."""
    assert expected == screen(HookRequest(b"", declared), 10)


@pytest.mark.parametrize("declared", ["x", "-1", "1.5", " 5", "5, 6", "9" * 19, b"\xb2"])
def test_a_declared_length_that_is_no_number(declared):
    """Row 14: a length that is no number is refused; so are two different ones, which smuggle requests."""
    with pytest.raises(IncompleteBodyError, match="not a number"):
        screen(HookRequest(b"", {"Content-Length": declared}), 10)


@pytest.mark.parametrize("body", [b"", b"a", b"a" * 10])
def test_bodies_up_to_the_limit(body):
    """The limit is inclusive, for bytes, streams and asynchronous streams alike."""
    assert body == read(HookRequest(body, {}), 10)
    assert body == read(HookRequest(io.BytesIO(body).read, {}), 10)
    assert body == aread(HookRequest(body, {}), 10)
    assert body == aread(HookRequest(io.BytesIO(body).read, {}), 10)
    assert body == aread(HookRequest(chunks_of(body[:4], body[4:]), {}), 10)


def test_one_byte_more():
    """Row 14: larger than the limit is refused, whatever was declared."""
    for declared in (None, 5):
        for body in (b"a" * 11, io.BytesIO(b"a" * 11).read):
            with pytest.raises(BodyTooLargeError) as caught:
                read(HookRequest(body, {}), 10, declared)
            assert caught.value.limit == 10
        with pytest.raises(BodyTooLargeError):
            aread(HookRequest(chunks_of(b"a" * 6, b"a" * 5), {}), 10, declared)


def test_a_large_stream_is_not_read_to_its_end():
    """Row 14: no more is buffered than the limit and one byte."""
    stream = io.BytesIO(b"a" * 1_000_000)
    with pytest.raises(BodyTooLargeError):
        read(HookRequest(stream.read, {}), 1000)
    assert stream.tell() == 1001


def test_a_large_asynchronous_stream_is_not_read_to_its_end():
    """Row 14: reading stops at the chunk that crosses the limit."""
    taken = []

    async def stream():
        for number in range(1000):
            taken.append(number)
            yield b"a" * 100

    with pytest.raises(BodyTooLargeError):
        aread(HookRequest(stream(), {}), 250)
    assert taken == [0, 1, 2]


def test_a_stream_in_small_pieces():
    """A stream may give less than asked for; it ends where it gives nothing."""
    pieces = [b"a", b"bc", b"d", b""]
    assert read(HookRequest(lambda _size: pieces.pop(0), {}), 10) == b"abcd"


def test_a_stream_is_read_in_bounded_pieces():
    """A large limit does not become one large read."""
    sizes = []

    def stream(size: int) -> bytes:
        sizes.append(size)
        return b"a" * size if len(sizes) < 3 else b""

    read(HookRequest(stream, {}), 1_000_000)
    assert sizes == [65536] * 3


def test_less_than_declared():
    """Row 14: a body that breaks off is refused; more than declared is what the server lets through."""
    for body in (b"abc", io.BytesIO(b"abc").read):
        with pytest.raises(IncompleteBodyError, match="says 4 bytes, 3 arrived"):
            read(HookRequest(body, {}), 10, 4)
    with pytest.raises(IncompleteBodyError):
        aread(HookRequest(chunks_of(b"abc"), {}), 10, 4)
    assert read(HookRequest(b"abc", {}), 10, 2) == b"abc"


@pytest.mark.parametrize("error", [OSError, ConnectionResetError, TimeoutError])
def test_a_stream_that_breaks(error):
    """Row 20: servers raise their own kinds of OSError where a chunk is malformed or the sender is gone."""

    def broken(_size: int) -> bytes:
        raise error("gone")

    with pytest.raises(IncompleteBodyError) as caught:
        read(HookRequest(broken, {}), 10)
    assert isinstance(caught.value.__cause__, error)


@pytest.mark.parametrize("error", [OSError, ConnectionResetError, RuntimeError])
def test_an_asynchronous_stream_that_breaks(error):
    """Row 20: frameworks raise errors of their own where the sender is gone, such as Starlette's ClientDisconnect."""

    async def broken():
        yield b"a"
        raise error("gone")

    with pytest.raises(IncompleteBodyError) as caught:
        aread(HookRequest(broken(), {}), 10)
    assert isinstance(caught.value.__cause__, error)


def test_an_asynchronous_body_in_a_synchronous_host():
    """The mistake is named; nothing is read."""
    with pytest.raises(TypeError, match="areceive"):
        read(HookRequest(chunks_of(b"a"), {}), 10)


def test_a_slow_body():
    """Row 19: what does not arrive in time is refused, and the host is free again."""

    async def drip():
        while True:
            yield b"a"
            await asyncio.sleep(0.01)

    with pytest.raises(ReadTimeoutError):
        aread(HookRequest(drip(), {}), 10_000, deadline=timedelta(milliseconds=30))


def test_a_body_that_never_comes():
    """Row 19: not a single byte, not a single message."""

    async def silent():
        await asyncio.Event().wait()
        yield b""

    with pytest.raises(ReadTimeoutError):
        aread(HookRequest(silent(), {}), 10, deadline=timedelta(milliseconds=10))
