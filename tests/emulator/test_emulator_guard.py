"""Who gets in: this machine's own name as the host, and no other origin."""

import json
from http.client import HTTPConnection

import pytest

CONTROL = "/emulator/faults"


def ask(emulator, headers, method="GET", path=CONTROL, body=None):
    """The status of a request with these headers and no others."""
    host, port = emulator.url.removeprefix("http://").split(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.format(port=port))
        if body is not None:
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read() or b"null")
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:{port}", "127.9.9.9"])
def test_names_of_this_machine(host, shared):
    """Every loopback name is this machine's."""
    assert ask(shared, [("Host", host)])[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.0.2.1",
        "",
        "[::2]",
    ],
)
@pytest.mark.parametrize("path", [CONTROL, "/v1/webhooks", "/", "/openapi.json"])
def test_other_names(host, path, shared):
    """A name that somebody else's DNS leads here is answered with 403, everywhere."""
    status, content = ask(shared, [("Host", host)], path=path)
    assert (status, content["error"]["code"]) == (403, "forbidden")


def test_the_own_origin(shared):
    """The page's own calls get in."""
    headers = [("Host", "localhost:{port}"), ("Origin", "http://localhost:{port}")]
    assert ask(shared, headers, "PUT", body=b'{"duplicate": 1}')[0] == 200
    assert shared.call("GET", CONTROL)["duplicate"] == 1
    shared.call("PUT", CONTROL, {})


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:1", "https://localhost:{port}", "http://127.0.0.1:{port}", ""],
)
def test_other_origins(origin, shared):
    """What another page sends is answered with 403, and does nothing."""
    headers = [("Host", "localhost:{port}"), ("Origin", origin)]
    assert ask(shared, headers, "PUT", body=b'{"duplicate": 1}')[0] == 403
    assert shared.call("GET", CONTROL)["duplicate"] == 0


def test_two_hosts(shared):
    """A request has one host."""
    headers = [("Host", "localhost"), ("Origin", "http://localhost"), ("Origin", "http://evil.example")]
    assert ask(shared, headers)[0] == 403
