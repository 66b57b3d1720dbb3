"""HookRequest: raw bytes or how to read them, never something parsed."""

import asyncio
import io

import pytest

from licensechain_hooks import (
    BodyConsumedError,
    BodyTooLargeError,
    ClientDisconnectedError,
    Headers,
    HookRequest,
    IncompleteBodyError,
    LengthRequiredError,
    consumed_body,
)


def environ(body: bytes = b"", **changed):
    return {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body), **changed}


def asgi_receive(*messages):
    waiting = list(messages)

    async def receive():
        return waiting.pop(0)

    return receive, waiting


@pytest.mark.parametrize("body", [b"raw", bytearray(b"raw"), memoryview(b"raw")])
def test_bytes_of_any_kind(body):
    """Bytes-like bodies are taken, and copied to bytes so that nobody changes them."""
    request = HookRequest(body, {})
    assert request.body == b"raw"
    assert type(request.body) is bytes
    assert request.raw_body == b"raw"


@pytest.mark.parametrize("body", ['{"id": 1}', {"id": 1}, ["a"], None, 7, io.BytesIO(b"raw")])
def test_anything_parsed_is_refused(body):
    """A parsed or decoded body no longer has the bytes that were signed; the message says so."""
    with pytest.raises(TypeError, match=f"raw bytes as they arrived, not {type(body).__name__}"):
        HookRequest(body, {})


def test_a_body_to_be_read_is_not_there_yet():
    """``raw_body`` is empty until the receiver has read it."""
    assert HookRequest(io.BytesIO(b"raw").read, {}).raw_body == b""


def test_headers_are_made_once():
    """`Headers` are kept, anything else becomes them."""
    headers = Headers({"X-One": "a"})
    assert HookRequest(b"", headers).headers is headers
    assert HookRequest(b"", {"X-One": "a"}).headers.get(b"x-one") == b"a"


def test_a_request_does_not_show_itself():
    """Row 43: neither path nor headers nor body are in a repr."""
    request = HookRequest(b"body-value", {"X-One": "header-value"}, path="/tenants/acme")
    assert repr(request) == "<HookRequest POST>"


def test_from_wsgi():
    """Method, path and headers of an environ; the path includes where the application is mounted."""
    request = HookRequest.from_wsgi(
        environ(b"raw", CONTENT_LENGTH="3", SCRIPT_NAME="/app", PATH_INFO="/hooks", HTTP_X_ONE="a")
    )
    assert (request.method, request.path) == ("POST", "/app/hooks")
    assert request.headers.get(b"x-one") == b"a"
    assert request.body(100) == b"raw"


def test_from_wsgi_with_the_body_a_framework_kept():
    """What the framework has read is used, and the stream is left alone."""
    stream = io.BytesIO(b"stream")
    request = HookRequest.from_wsgi({"REQUEST_METHOD": "POST", "wsgi.input": stream}, b"kept")
    assert request.body == b"kept"
    assert stream.tell() == 0


def test_a_declared_length_is_not_read_past():
    """A WSGI stream without an end of its own must not be read beyond CONTENT_LENGTH (PEP 3333): it would block."""
    stream = io.BytesIO(b"first|the next request")
    read = HookRequest.from_wsgi({"REQUEST_METHOD": "POST", "wsgi.input": stream, "CONTENT_LENGTH": "5"}).body
    assert [read(3), read(3), read(3)] == [b"fir", b"st", b""]
    assert stream.tell() == 5


@pytest.mark.parametrize("declared", ["abc", "-1", "+5", "1e3", "5.0", " 5", "5 ", "\u0665", "9" * 19, "0x5"])
def test_a_length_that_is_no_number(declared):
    """Row 14: what is no number is refused when the body is asked for, and the stream is left alone."""
    stream = io.BytesIO(b"abcde")
    request = HookRequest.from_wsgi({"REQUEST_METHOD": "POST", "wsgi.input": stream, "CONTENT_LENGTH": declared})
    with pytest.raises(IncompleteBodyError, match="not a number"):
        request.body(10)
    assert stream.tell() == 0


def test_chunked_where_the_server_ends_the_stream():
    """Row 15: with wsgi.input_terminated the stream is read to its end."""
    request = HookRequest.from_wsgi(
        environ(b"raw", **{"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"})
    )
    assert request.body(100) == b"raw"


@pytest.mark.parametrize("length", [{}, {"CONTENT_LENGTH": ""}])
def test_chunked_where_it_does_not(length):
    """Row 15: a chunked body whose end nobody knows is refused with 411, not shown as empty."""
    request = HookRequest.from_wsgi(environ(b"raw", HTTP_TRANSFER_ENCODING="chunked", **length))
    with pytest.raises(LengthRequiredError):
        request.body(100)


def test_no_length_and_not_chunked():
    """Without either header there is no body, and the stream is left alone."""
    stream = io.BytesIO(b"the next request")
    assert HookRequest.from_wsgi({"REQUEST_METHOD": "GET", "wsgi.input": stream}).body(100) == b""
    assert stream.tell() == 0


def test_from_asgi():
    """Method, path and headers of a scope; nothing is received yet."""
    receive, waiting = asgi_receive({"type": "http.request", "body": b"raw"})
    scope = {"type": "http", "method": "POST", "path": "/hooks", "headers": [(b"x-one", b"a")]}
    request = HookRequest.from_asgi(scope, receive)
    assert (request.method, request.path, request.headers.get(b"x-one")) == ("POST", "/hooks", b"a")
    assert len(waiting) == 1
    assert asyncio.run(request.body.read(100)) == b"raw"


def test_an_asgi_body_in_pieces():
    """The body ends with the first message that announces no more; what follows is not ours."""
    receive, waiting = asgi_receive(
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
        {"type": "http.disconnect"},
    )
    request = HookRequest.from_asgi({"method": "POST", "path": "/", "headers": []}, receive)
    assert asyncio.run(request.body.read(100)) == b"ab"
    assert waiting == [{"type": "http.disconnect"}]


def test_an_asgi_body_that_grows_too_large():
    """Row 14: what is more than allowed is not received."""
    more = {"type": "http.request", "body": b"aa", "more_body": True}
    receive, waiting = asgi_receive(more, more, more)
    request = HookRequest.from_asgi({"method": "POST", "path": "/", "headers": []}, receive)
    with pytest.raises(BodyTooLargeError):
        asyncio.run(request.body.read(3))
    assert len(waiting) == 1


def test_an_asgi_disconnect():
    """Row 20: a sender that goes away while sending is no end of the body."""
    receive, _ = asgi_receive({"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"})
    request = HookRequest.from_asgi({"method": "POST", "path": "/", "headers": []}, receive)
    with pytest.raises(ClientDisconnectedError):
        asyncio.run(request.body.read(100))


def test_a_consumed_body_says_who_is_to_blame():
    """Row 42: a body that was read before us is an error that names the cause, never an empty body."""
    with pytest.raises(BodyConsumedError, match="middleware"):
        HookRequest(consumed_body, {}).body(1)


@pytest.mark.parametrize("path", ["/tenants/caf\u00e9", "/tenants/\u6771\u4eac"])
def test_a_path_is_the_same_text_under_wsgi_and_asgi(path):
    """Secrets may depend on the path: it is the decoded path in both worlds, not PEP 3333's latin-1 view of it."""
    wsgi = HookRequest.from_wsgi(environ(PATH_INFO=path.encode().decode("latin-1")))
    asgi = HookRequest.from_asgi({"method": "POST", "path": path, "headers": []}, asgi_receive()[0])
    assert asgi.path == wsgi.path
