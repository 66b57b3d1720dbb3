"""The receiver as an ASGI application, driven by raw scopes and messages."""

import asyncio
import json
from datetime import timedelta

import pytest

from licensechain_hooks import Receiver


class Server:
    """One HTTP request as an ASGI server would drive it."""

    def __init__(self, *messages, method="POST", headers=(), path="/hooks"):
        self.waiting = list(messages)
        self.sent = []
        pairs = headers.items() if isinstance(headers, dict) else headers
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
        }

    async def receive(self):
        """The next message; none ever, where there is none left."""
        if not self.waiting:
            await asyncio.Event().wait()
        return self.waiting.pop(0)

    async def send(self, message):
        """Take a message."""
        self.sent.append(message)

    def run(self, app) -> tuple[int, bytes]:
        """Status and body of the answer."""
        asyncio.run(app(self.scope, self.receive, self.send))
        start, body = self.sent
        assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
        assert not body.get("more_body", False)
        return start["status"], body["body"]

    def header(self, name: bytes) -> list[bytes]:
        """The values of a header of the answer."""
        return [value for key, value in self.sent[0]["headers"] if key == name]


def piece(body: bytes, *, more: bool = False) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.fixture
def seen(hooks):
    """The events that a handler saw."""
    events = []
    hooks.on("*")(events.append)
    return events


def test_a_delivery(receiver, make_body, signed, seen):
    """A whole delivery in one message."""
    body = make_body()
    server = Server(piece(body), headers=signed(body))
    assert server.run(receiver.asgi) == (200, b'{"status": "processed"}')
    assert server.header(b"content-length") == [b"23"]
    assert server.header(b"content-type") == [b"application/json"]
    assert len(seen) == 1


def test_a_body_in_pieces(receiver, make_body, signed, seen):
    """Row 15: chunked bodies arrive in any pieces, empty ones included."""
    body = make_body()
    pieces = [piece(body[index : index + 10], more=True) for index in range(0, len(body), 10)]
    server = Server(*pieces, piece(b"", more=True), piece(b""), headers=signed(body))
    assert server.run(receiver.asgi)[0] == 200
    assert len(seen) == 1


def test_a_body_that_is_waited_for(receiver, make_body, signed, seen):
    """Row 15: pieces arrive when they arrive; the loop is free meanwhile."""
    body = make_body()
    server = Server(piece(body[:50], more=True), piece(body[50:], more=True), piece(b""), headers=signed(body))

    async def receive():
        await asyncio.sleep(0.001)
        return await server.receive()

    asyncio.run(receiver.asgi(server.scope, receive, server.send))
    assert (server.sent[0]["status"], len(seen)) == (200, 1)


def test_a_declared_size_is_refused_before_reading(make_endpoint, hooks):
    """Row 14: nothing is received for a body that says it is too large."""
    server = Server(piece(b"x"), headers={"content-length": "101"})
    assert server.run(Receiver(make_endpoint(max_body=100), hooks).asgi)[0] == 413
    assert len(server.waiting) == 1


def test_an_undeclared_size_is_refused_while_reading(make_endpoint, hooks, seen):
    """Row 14: reading stops at the piece that crosses the limit; the rest stays with the server."""
    pieces = [piece(b"x" * 40, more=True) for _ in range(1000)]
    server = Server(*pieces)
    assert server.run(Receiver(make_endpoint(max_body=100), hooks).asgi) == (413, b'{"status": "rejected"}')
    assert len(server.waiting) == 997
    assert seen == []


def test_a_lying_content_length(receiver, make_body, signed):
    """Row 14: less than declared is 400, even where the body that arrived is signed."""
    body = make_body()
    server = Server(piece(body), headers={**signed(body), "content-length": str(len(body) + 1)})
    assert server.run(receiver.asgi)[0] == 400


def test_a_slow_body(make_endpoint, hooks, make_body, signed, seen):
    """Row 19: a body that does not arrive in time is 408."""
    body = make_body()
    server = Server(piece(body[:20], more=True), headers=signed(body))
    slow = Receiver(make_endpoint(read_timeout=timedelta(milliseconds=20)), hooks)
    assert server.run(slow.asgi) == (408, b'{"status": "rejected"}')
    assert seen == []


def test_a_disconnect(receiver, make_body, signed, seen, caplog):
    """Row 20: the sender goes away while sending: nothing is stored, nothing is sent, no traceback is logged."""
    body = make_body()
    server = Server(piece(body[:20], more=True), {"type": "http.disconnect"}, headers=signed(body))
    asyncio.run(receiver.asgi(server.scope, server.receive, server.send))
    assert (server.sent, seen, len(receiver.deduplicator)) == ([], [], 0)
    assert [record.exc_info for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods(receiver, method):
    """Row 21: 405 with Allow, and the body is not read."""
    server = Server(piece(b"x"), method=method)
    assert server.run(receiver.asgi) == (405, b'{"status": "rejected"}')
    assert server.header(b"allow") == [b"POST"]
    assert len(server.waiting) == 1


def test_head(receiver):
    """Row 21: the answer to HEAD has headers and no body."""
    server = Server(method="HEAD")
    assert server.run(receiver.asgi) == (405, b"")
    assert server.header(b"allow") == [b"POST"]


def test_repeated_headers(receiver, make_body, signed, seen):
    """Row 6: a second signature header is seen."""
    body = make_body()
    pairs = [*signed(body).items(), ("X-Webhook-Signature", "0" * 64)]
    assert Server(piece(body), headers=pairs).run(receiver.asgi)[0] == 401
    assert seen == []


def test_underscores_in_header_names(receiver, make_body, signed):
    """Row 7: X_Webhook_Signature is another header."""
    body = make_body()
    renamed = {
        name.replace("X-Webhook-Signature", "X_Webhook_Signature"): value for name, value in signed(body).items()
    }
    assert Server(piece(body), headers=renamed).run(receiver.asgi)[0] == 401


def test_compressed(receiver, make_body, signed):
    """Row 16: 415."""
    body = make_body()
    assert Server(piece(body), headers={**signed(body), "content-encoding": "br"}).run(receiver.asgi)[0] == 415


def test_retry_after(receiver, make_body, signed, hooks):
    """What an outcome asks for is in the headers."""
    hooks.on("*")(lambda _event: 1 / 0)
    receiver.deduplicator.reserve("default", "evt_1", make_body())
    body = make_body()
    server = Server(piece(body), headers=signed(body))
    assert server.run(receiver.asgi) == (409, b'{"status": "in_flight"}')
    assert server.header(b"retry-after") == [b"5"]


def test_a_middleware_that_adds_headers(receiver):
    """Middleware may change the messages it passes on; the next answer is not changed with them."""

    async def middleware(scope, receive, send):
        async def send_more(message):
            if message["type"] == "http.response.start":
                message["headers"].append((b"set-cookie", b"session=1"))
            message["seen"] = message.get("seen", 0) + 1
            await send(message)

        await receiver.asgi(scope, receive, send_more)

    for _ in range(3):
        server = Server(method="GET")
        server.run(middleware)
        assert server.header(b"set-cookie") == [b"session=1"]
        assert [message["seen"] for message in server.sent] == [1, 1]


def lifespan(app, *messages) -> list[str]:
    """What an application answers in a server's lifespan."""
    server = Server(*({"type": f"lifespan.{name}"} for name in messages))
    asyncio.run(app({"type": "lifespan", "asgi": {"version": "3.0"}}, server.receive, server.send))
    return [message["type"] for message in server.sent]


def test_the_lifespan(receiver, caplog, hooks):
    """The application starts and stops with its server, and says in the log what it listens for."""
    hooks.on("license.revoked")(print)
    with caplog.at_level("INFO", "licensechain_hooks"):
        answers = lifespan(receiver.asgi, "startup", "shutdown")
    assert answers == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert [record.message for record in caplog.records] == ["receiver.ready endpoint=default profile=guide handlers=1"]


def test_a_receiver_without_handlers_warns(receiver, caplog):
    """A receiver that listens for nothing was wired by mistake."""
    lifespan(receiver.asgi, "startup", "shutdown")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_websocket(receiver):
    """A WebSocket is refused."""
    server = Server({"type": "websocket.connect"})
    asyncio.run(receiver.asgi({"type": "websocket", "path": "/"}, server.receive, server.send))
    assert server.sent == [{"type": "websocket.close", "code": 1003}]


def test_one_application_per_receiver(receiver):
    """It is the same object each time, with a name for routes."""
    assert receiver.asgi is receiver.asgi
    assert receiver.asgi.receiver is receiver
    assert receiver.asgi.__name__ == "licensechain_webhook"


def test_many_requests_share_one_loop(receiver, make_body, signed, seen):
    """Requests that overlap on one loop do not mix."""
    bodies = [make_body(id=f"evt_{number}") for number in range(10)]

    async def all_of_them():
        servers = [Server(piece(body[:9], more=True), piece(body[9:]), headers=signed(body)) for body in bodies]
        await asyncio.gather(*(receiver.asgi(server.scope, server.receive, server.send) for server in servers))
        return [json.loads(server.sent[1]["body"])["status"] for server in servers]

    assert asyncio.run(all_of_them()) == ["processed"] * 10
    assert sorted(event.id for event in seen) == sorted(f"evt_{number}" for number in range(10))
