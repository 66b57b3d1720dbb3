"""What a network does to calls: refusals, broken replies, trickles, redirects, proxies, TLS."""

import json
import logging
import socket
import ssl
import threading
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks import ConfigurationError
from licensechain_hooks.client import ApiError, ConnectionFailedError, RateLimitedError, _replies

WEBHOOK = json.dumps({"id": "c1", "url": "https://a.example/hook", "events": ["license.revoked"]}).encode()
API_KEY = "lc_test_5f0c1d"  # of the fixture `connect`
BRIEF = timedelta(milliseconds=300)


def test_a_get_is_sent_as_the_guide_says(connect, server, reply):
    """The key travels in the Authorization header; no encoding and no cookie."""
    server.replies = [reply(200, WEBHOOK, Set_Cookie="a=b"), reply(200, WEBHOOK)]
    client = connect(server.base_url)
    client.webhooks.get("c1")
    client.webhooks.get("c1")
    head = server.requests[0].decode().lower()
    assert head.startswith("get /v1/webhooks/c1 http/1.1\r\n")
    assert "\r\nauthorization: bearer lc_test_5f0c1d\r\n" in head
    assert "\r\naccept-encoding: identity\r\n" in head


@pytest.mark.parametrize(
    "junk", [b"", b"\x00\xff" * 50, b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", b"SSH-2.0\r\n\r\n"]
)
def test_a_broken_reply_to_a_get_is_asked_for_again(connect, server, reply, junk):
    """Nothing was done, so the next attempt may do it."""
    server.replies = [junk, reply(200, WEBHOOK)]
    assert connect(server.base_url).webhooks.get("c1").id == "c1"


@pytest.mark.parametrize(
    "junk", [b"", b"\x00\xff" * 50, b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", b"SSH-2.0\r\n\r\n"]
)
def test_a_create_is_never_sent_twice_after_a_broken_reply(connect, server, reply, junk):
    """The first one may have made a webhook."""
    server.replies = [junk, reply(201, WEBHOOK)]
    with pytest.raises(ConnectionFailedError, match="ended early, or what came is not HTTP"):
        connect(server.base_url).webhooks.create(url="https://a.example", events=["license.revoked"])
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_changes_are_not_repeated_after_a_fault_of_the_service(connect, server, reply, status):
    """A 5xx does not say what was done."""
    client = connect(server.base_url)
    for change in (
        lambda: client.webhooks.create(url="https://a.example", events=["license.revoked"]),
        lambda: client.webhooks.update("c1", url="https://b.example"),
        lambda: client.webhooks.delete("c1"),
        lambda: client.webhooks.test("c1"),
    ):
        server.replies = [reply(status)]
        with pytest.raises(ApiError) as caught:
            change()
        assert status == caught.value.status
    assert len(server.requests) == 4


def test_a_get_is_repeated_as_often_as_said_and_then_fails(connect, server, reply):
    """The last error is what comes out."""
    server.replies = [reply(503), b"", reply(500), reply(200, WEBHOOK)]
    with pytest.raises(ApiError) as caught:
        connect(server.base_url).webhooks.get("c1")
    assert (caught.value.status, len(server.requests)) == (500, 3)


def test_one_attempt_is_one_request(connect, server, reply):
    """``attempts=1`` repeats nothing."""
    server.replies = [reply(503), reply(200, WEBHOOK)]
    with pytest.raises(ApiError):
        connect(server.base_url, attempts=1).webhooks.get("c1")
    assert len(server.requests) == 1


def test_every_call_refused_for_its_rate_is_repeated(connect, server, reply):
    """A 429 says that nothing was done."""
    server.replies = [reply(429, Retry_After="0"), reply(201, WEBHOOK), reply(429), reply(204)]
    client = connect(server.base_url)
    assert client.webhooks.create(url="https://a.example", events=["license.revoked"]).id == "c1"
    client.webhooks.delete("c1")
    assert len(server.requests) == 4


def test_a_service_that_knows_no_pages_is_read_once(connect, server, reply):
    """It gives the same list for every page: each webhook comes once, and the reading ends."""
    full = b"[%s, %s]" % (WEBHOOK, WEBHOOK.replace(b"c1", b"c2"))
    server.replies = [reply(200, full)] * 5
    assert [webhook.id for webhook in connect(server.base_url).webhooks.iter(limit=2)] == ["c1", "c2"]
    assert len(server.requests) == 2


def test_what_moves_to_the_next_page_while_we_read_comes_once(connect, server, reply):
    """A new delivery pushes the last one we saw to the next page."""

    def page(total, *ids):
        return reply(200, json.dumps({"data": [{"id": name} for name in ids], "total": total}).encode())

    server.replies = [page(3, "l3", "l2"), page(4, "l2", "l1")]
    assert [log.id for log in connect(server.base_url).webhooks.iter_logs("c1", limit=2)] == ["l3", "l2", "l1"]


def test_a_long_wait_is_the_callers_to_make(connect, server, reply):
    """Neither waited for nor asked sooner: the error says when to come back."""
    server.replies = [reply(429, Retry_After="3600"), reply(200, WEBHOOK)]
    with pytest.raises(RateLimitedError) as caught:
        connect(server.base_url).webhooks.get("c1")
    assert (timedelta(hours=1), 1) == (caught.value.retry_after, len(server.requests))


def test_a_retry_after_is_waited_for(connect, server, reply):
    """What the service says comes before our own pace."""
    import stamina

    waits = []
    stamina.instrumentation.set_on_retry_hooks([lambda details: waits.append(details.wait_for)])
    stamina.set_testing(False)
    try:
        server.replies = [reply(503, Retry_After="0"), reply(429, Retry_After="0"), reply(200, WEBHOOK)]
        connect(server.base_url).webhooks.get("c1")
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
    assert waits == [0.0, 0.0]


def test_nobody_listens(connect):
    """The error names the host and what the system says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ConnectionFailedError, match=f"no reply from {address}: cannot connect"):
        connect(f"http://{address}/v1").webhooks.get("c1")


@pytest.mark.parametrize(
    ("opening", "drop"),
    [
        (b"", b""),
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "one-byte", "headers", "body", "chunks", "continue"],
)
def test_a_reply_that_trickles_is_given_up(connect, server, opening, drop):
    """The time limit is of the whole reply, not of the wait for the next byte."""
    given_up = threading.Event()

    def trickle(connection):
        connection.sendall(opening)
        try:
            while drop and not server.ended.wait(0.05):
                connection.sendall(drop)
            while not drop and connection.recv(1):
                pass
        finally:
            given_up.set()

    server.replies = [trickle]
    with pytest.raises(ConnectionFailedError, match=r"no whole reply from 127.0.0.1:\d+ within 0.3 seconds"):
        connect(server.base_url, timeout=BRIEF, attempts=1).webhooks.get("c1")
    assert given_up.wait(20)
    assert not server.ended.is_set()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(connect, server, reply, status):
    """The API key goes where it was meant to go, and nowhere else."""
    server.replies = [reply(status, Location=f"http://{server.address}/elsewhere"), reply(200, WEBHOOK)]
    with pytest.raises(ApiError, match=f"answered {status}, a redirect") as caught:
        connect(server.base_url).webhooks.get("c1")
    assert (status, 1) == (caught.value.status, len(server.requests))


def test_a_reply_has_a_largest_size(connect, server, monkeypatch):
    """A reply without an end is cut off, not kept."""

    def flood(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        while not server.ended.is_set():
            connection.sendall(b'"xxxxxxxxxxxxxxxx",' * 4000)

    server.replies = [flood]
    with pytest.raises(ApiError, match=f"more than {_replies.MAX_REPLY} bytes"):
        connect(server.base_url).webhooks.list()


def test_an_encoded_reply_is_not_decoded(connect, server, reply):
    """A small reply cannot become a large one."""
    server.replies = [reply(200, WEBHOOK, Content_Encoding="gzip")]
    with pytest.raises(ApiError, match="an encoding that was not asked for"):
        connect(server.base_url).webhooks.get("c1")


def test_the_error_of_a_create_does_not_repeat_what_was_sent(connect, server, reply, caplog):
    """Key and secret stand in no message, repr, log or traceback, though the service sends them back."""
    caplog.set_level(logging.DEBUG)
    key, secret = "lc_key_of_this_test", "whsec_of_this_test"
    told = json.dumps({"error": {"code": f"bad_{secret}", "message": f"{secret} of {key} is weak"}}).encode()
    client = connect(server.base_url, api_key=key)
    shown = [repr(client), repr(client.webhooks)]
    for answer in (reply(400, told), reply(200, told), reply(429, told), b""):
        server.replies = [answer] * 3
        with pytest.raises((ApiError, ConnectionFailedError)) as caught:
            client.webhooks.create(url="https://a.example", events=["license.revoked"], secret=secret)
        shown += [repr(caught.value), str(caught.value), repr(vars(caught.value))]
        shown.append("".join(traceback.format_exception(caught.value)))
    assert server.requests
    shown += [record.getMessage() + repr(vars(record)) for record in caplog.records]
    for text in shown:
        assert key not in text
        assert secret not in text


def test_a_reply_that_is_not_http_is_not_repeated_in_the_traceback(connect, server):
    """What a server says instead of HTTP may be anything, and so may be a secret."""
    server.replies = [f"HTTP/1.1 {API_KEY}\r\n\r\n".encode()]
    with pytest.raises(ConnectionFailedError) as caught:
        connect(server.base_url, attempts=1).webhooks.get("c1")
    assert API_KEY not in "".join(traceback.format_exception(caught.value))


def test_connections_are_kept(connect, server):
    """The second call does not connect again."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(WEBHOOK), WEBHOOK)

    def answer_twice(connection):
        connection.sendall(answer)
        connection.recv(65536)
        connection.sendall(answer)

    server.replies = [answer_twice]
    client = connect(server.base_url)
    assert [client.webhooks.get("c1").id, client.webhooks.get("c1").id] == ["c1", "c1"]


def test_a_connection_that_was_closed_meanwhile_is_not_used(connect, server, reply):
    """A create goes out once, on a connection that lives."""
    closed = threading.Event()

    def answer_and_close(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(WEBHOOK), WEBHOOK))
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    server.replies = [answer_and_close, reply(201, WEBHOOK)]
    client = connect(server.base_url)
    client.webhooks.get("c1")
    assert closed.wait(20)
    assert client.webhooks.create(url="https://a.example", events=["license.revoked"]).id == "c1"
    assert len(server.requests) == 2


def test_a_proxy_of_the_environment_carries_what_it_cannot_read(connect, server, reply, monkeypatch):
    """https goes through HTTPS_PROXY by CONNECT; the proxy sees its own credentials, not the API key."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass@{server.address}")
    server.replies = [reply(407)]
    with pytest.raises(ConnectionFailedError, match=r"no reply from api\.example: the proxy does not let us through"):
        connect("https://api.example/v1", attempts=1).webhooks.get("c1")
    assert server.lines == ["CONNECT api.example:443 HTTP/1.1"]
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in server.requests[0]
    assert b"lc_test" not in server.requests[0]


def test_nothing_for_this_machine_goes_through_a_proxy(connect, server, reply, monkeypatch):
    """An emulator's key is nobody else's business either."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.replies = [reply(200, WEBHOOK)]
    assert connect(server.base_url).webhooks.get("c1").id == "c1"


@pytest.mark.parametrize(
    "proxy", ["socks5://me:pass@127.0.0.1:9", "http://", "http://me:pass@a:b", "gopher://me:pass@a"]
)
def test_a_proxy_that_cannot_be_used_is_not_left_out(connect, monkeypatch, proxy):
    """Whoever names a proxy does not want to go without; its password is not repeated."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigurationError, match=r"HTTPS_PROXY") as caught:
        connect("https://api.example/v1")
    assert "pass" not in "".join(traceback.format_exception(caught.value))


def test_no_proxy_is_an_exception(connect, monkeypatch):
    """NO_PROXY names hosts to reach without."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert "api.example" in repr(connect("https://api.example/v1"))


CERTIFICATE = Path(__file__).parents[1] / "support" / "localhost.pem"  # with its key; nobody but itself signed it


@pytest.fixture
def tls_url(server) -> str:
    """The server speaks TLS, by the name its certificate has."""
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.tls.load_cert_chain(CERTIFICATE)
    return f"https://{server.address}/v1"


def test_a_certificate_that_nobody_signed_is_refused(connect, server, tls_url):
    """The key is not sent to who cannot prove its name."""
    with pytest.raises(ConnectionFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        connect(tls_url, attempts=1).webhooks.get("c1")
    assert server.requests == []


def test_certificates_of_the_environment_are_trusted(connect, server, reply, tls_url, monkeypatch):
    """SSL_CERT_FILE names a company's own authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    server.replies = [reply(200, WEBHOOK)]
    assert connect(tls_url).webhooks.get("c1").id == "c1"


def test_a_handshake_that_never_ends_is_given_up(connect, server):
    """The time limit holds from connecting on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = connect(f"https://127.0.0.1:{listener.getsockname()[1]}/v1", timeout=BRIEF, attempts=1)
        with pytest.raises(ConnectionFailedError, match=r"within 0\.3 seconds"):
            client.webhooks.get("c1")
