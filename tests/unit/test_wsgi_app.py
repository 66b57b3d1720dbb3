"""The receiver as a WSGI application, driven by raw environs."""

import io
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from licensechain_hooks import Receiver


class Stream(io.BytesIO):
    """A socket's stream: reading beyond what was sent would block, so it is an error here."""

    def __init__(self, body: bytes, *, limit: int | None = None):
        super().__init__(body)
        self.limit = limit

    def read(self, size=-1):
        """No unbounded reads (PEP 3333), and none beyond the body."""
        assert size >= 0
        if self.limit is not None:
            assert self.tell() + size <= self.limit, "this read would block"
        return super().read(size)


def call(
    app, body: bytes = b"", *, method="POST", headers=None, length=True, **environ
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to one request."""
    given = {"REQUEST_METHOD": method, "PATH_INFO": "/hooks", "QUERY_STRING": "", **environ}
    given.setdefault("wsgi.input", Stream(body, limit=len(body) if length else None))
    setup_testing_defaults(given)
    if length:
        given["CONTENT_LENGTH"] = str(len(body))
    given |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
    started = []
    pieces = app(given, lambda status, pairs, *_: started.append((status, pairs)))
    answer = b"".join(pieces)
    if hasattr(pieces, "close"):
        pieces.close()
    ((status, pairs),) = started
    assert len(pairs) == len(dict(pairs))
    return int(status[:3]), dict(pairs), answer


@pytest.fixture
def seen(hooks):
    """The events that a handler saw."""
    events = []
    hooks.on("*")(events.append)
    return events


@pytest.fixture
def app(receiver):
    """The application."""
    return receiver.wsgi


def test_a_delivery(app, make_body, signed, seen):
    """A whole delivery; no more is read than was declared."""
    body = make_body()
    status, headers, answer = call(app, body, headers=signed(body))
    assert (status, answer) == (200, b'{"status": "processed"}')
    assert headers == {"content-type": "application/json", "content-length": "23"}
    assert len(seen) == 1


def test_pep_3333(receiver, make_body, signed, seen):
    """The standard library's validator finds nothing to complain about."""
    body = make_body()
    environ = {}
    setup_testing_defaults(environ)
    environ |= {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "QUERY_STRING": "",
    }
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body).items()}
    started = []

    def start_response(status, headers, exc_info=None):
        started.append(status)
        return lambda data: None

    pieces = validator(receiver.wsgi)(environ, start_response)
    assert list(pieces) == [b'{"status": "processed"}']
    pieces.close()
    assert started == ["200 OK"]


@pytest.mark.parametrize(("status", "line"), [(405, "405 Method Not Allowed"), (401, "401 Unauthorized")])
def test_status_lines(app, status, line):
    """A status line has the standard's phrase."""
    started = []
    environ = {"REQUEST_METHOD": "POST" if status == 401 else "GET", "wsgi.input": io.BytesIO()}
    app(environ, lambda text, headers: started.append(text))
    assert started == [line]


def test_chunked_where_the_server_ends_the_stream(app, make_body, signed, seen):
    """Row 15: with wsgi.input_terminated a chunked body is read to its end."""
    body = make_body()
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert call(app, body, headers=signed(body), length=False, **chunked)[0] == 200
    assert len(seen) == 1


def test_chunked_where_it_does_not(app, make_body, signed, seen):
    """Row 15: else 411; never an empty body, never a read that might block."""
    body = make_body()
    status, _, answer = call(app, body, headers=signed(body), length=False, HTTP_TRANSFER_ENCODING="chunked")
    assert (status, answer, seen) == (411, b'{"status": "rejected"}', [])


def test_no_body(app, signed):
    """Row 18: no body is an empty one: 400 when it is signed."""
    assert call(app, length=False, headers=signed(b""))[0] == 400
    assert call(app, length=False)[0] == 401


def test_a_large_body(make_endpoint, hooks, seen):
    """Row 14: declared or chunked, larger than the limit is 413, and no more is read than needed to know."""
    small = Receiver(make_endpoint(max_body=100), hooks).wsgi
    declared = Stream(b"x" * 101)
    assert call(small, b"x" * 101, **{"wsgi.input": declared})[0] == 413
    assert declared.tell() == 0
    chunked = Stream(b"x" * 1_000_000)
    assert call(small, length=False, **{"wsgi.input": chunked, "wsgi.input_terminated": True})[0] == 413
    assert chunked.tell() == 101


def test_a_lying_content_length(app, make_body, signed):
    """Row 14: a body shorter than declared is 400."""
    body = make_body()
    short = {"wsgi.input": Stream(body), "CONTENT_LENGTH": str(len(body) + 1)}
    assert call(app, length=False, headers=signed(body), **short)[0] == 400


@pytest.mark.parametrize("length", ["abc", "-5", "1e3", "9" * 30])
def test_a_malformed_content_length(app, length):
    """Row 14: 400, and nothing is read."""
    stream = Stream(b"body")
    assert call(app, length=False, CONTENT_LENGTH=length, **{"wsgi.input": stream})[0] == 400
    assert stream.tell() == 0


def test_a_stream_that_breaks(app, signed):
    """Row 20: a sender that is gone is 400, not a traceback."""

    class Broken(Stream):
        def read(self, size=-1):
            raise ConnectionResetError

    assert call(app, headers=signed(b""), length=False, CONTENT_LENGTH="5", **{"wsgi.input": Broken(b"")})[0] == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods(app, method):
    """Row 21: 405 with Allow, for HEAD without a body."""
    status, headers, answer = call(app, method=method)
    assert (status, headers["allow"]) == (405, "POST")
    assert answer == (b"" if method == "HEAD" else b'{"status": "rejected"}')


def test_header_bytes(app, make_body, signed):
    """Row 2: bytes outside ASCII come as latin-1 text and are 401."""
    body = make_body()
    for name in ("X-Webhook-Signature", "X-Webhook-Timestamp"):
        assert call(app, body, headers={**signed(body), name: "\xe9\xff"})[0] == 401


def test_joined_headers(app, make_body, signed, seen):
    """Row 6: servers join repeated headers by a comma; different values are 401, equal ones are one."""
    body = make_body()
    signature = signed(body)["X-Webhook-Signature"]
    assert call(app, body, headers={**signed(body), "X-Webhook-Signature": f"{signature},{'0' * 64}"})[0] == 401
    assert call(app, body, headers={**signed(body), "X-Webhook-Signature": f"{signature}, {signature}"})[0] == 200


def test_one_application_per_receiver(receiver):
    """It is the same object each time."""
    assert receiver.wsgi is receiver.wsgi
    assert receiver.wsgi.receiver is receiver
