"""Every recipe of contrib/recipes, with its framework, through the suite that anyone's adapter can go through."""

import ast
import base64
import importlib.util
import socket
import sys
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loop_server import LoopServer, exchange

import licensechain_hooks
from licensechain_hooks import Event, Hooks, Receiver
from licensechain_hooks.testing._delivery import read_answer
from licensechain_hooks.testing.conformance import (
    AdapterConformance,
    Answer,
    Forge,
    RawDelivery,
    asgi_exchange,
    wsgi_exchange,
)

NUMBERS = count()  # no two applications of Sanic may have one name
RECIPES = Path(__file__).resolve().parents[2] / "contrib" / "recipes"


def recipe(name: str) -> ModuleType:
    """A recipe, as a module of one's own project."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def test_they_are_short_and_plain():
    """A recipe fits a screen or two, uses public names only, and has its test here."""
    tested = Path(__file__).read_text()
    for path in sorted(RECIPES.glob("*.py")):
        source = path.read_text()
        assert len(source.splitlines()) <= 60, path.name
        assert f'recipe("{path.stem}")' in tested
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("licensechain_hooks"):
                names = {alias.name for alias in node.names}
                assert (node.module, names - set(licensechain_hooks.__all__)) == ("licensechain_hooks", set())


class _Served(AdapterConformance):
    """Of a framework that has a server of its own: deliveries arrive over sockets."""

    exchange = staticmethod(exchange)

    @pytest.fixture(autouse=True)
    def servers(self):
        """Stops what a test has started."""
        with ExitStack() as self.stack:
            yield

    def make_app(self, receiver: Receiver) -> Any:
        self.made = self.stack.enter_context(LoopServer(lambda begin, stop: self.serve(receiver, begin, stop)))
        return self.made

    def test_a_body_shorter_than_declared(self, forge: Forge, hooks: Hooks, deliver: Any) -> None:
        """Row 14: fewer bytes than Content-Length says are no delivery; the server ends them, and serves on."""
        runs: list[Event] = []
        hooks.on("*")(runs.append)
        assert deliver(forge.delivery()).outcome == "processed"
        wire = replace(forge.delivery(), declared=len(forge.body()) + 100).wire(self.path)
        with socket.create_connection(self.made.address, timeout=60) as connection:
            connection.sendall(wire)
            connection.shutdown(socket.SHUT_WR)
            answer = read_answer(connection)
        assert answer is None or answer.status == 400
        assert deliver(forge.delivery()).outcome == "processed"
        assert len(runs) == 2


class TestAiohttp(_Served):
    """aiohttp."""

    async def serve(self, receiver, begin, stop):
        from aiohttp import web

        app = web.Application(handler_args={"auto_decompress": False})
        recipe("aiohttp_webhook").add_webhook(app, self.path, receiver)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        begin(runner.addresses[0])
        await stop.wait()
        await runner.cleanup()


class TestTornado(_Served):
    """Tornado."""

    async def serve(self, receiver, begin, stop):
        from tornado.httpserver import HTTPServer
        from tornado.netutil import bind_sockets
        from tornado.web import Application

        handler = recipe("tornado_webhook").WebhookHandler
        server = HTTPServer(Application([(self.path, handler, {"receiver": receiver})]))
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        begin(sockets[0].getsockname())
        await stop.wait()
        server.stop()
        await server.close_all_connections()


class TestSanic(_Served):
    """Sanic."""

    async def serve(self, receiver, begin, stop):
        from sanic import Sanic

        Sanic.test_mode = True
        app = Sanic(f"app{next(NUMBERS)}", configure_logging=False)
        recipe("sanic_webhook").add_webhook(app, self.path, receiver)
        listening = socket.create_server(("127.0.0.1", 0), backlog=128)  # Sanic takes port 0 for its usual one
        server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
        await server.startup()
        await server.before_start()
        await server.start_serving()
        begin(listening.getsockname())
        await stop.wait()
        server.close()
        await server.wait_closed()
        await server.after_stop()


class TestLitestar(AdapterConformance):
    """Litestar."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        from litestar import Litestar

        module = recipe("litestar_webhook")
        return Litestar([module.webhook_handler(self.path, receiver)], lifespan=[module.hooks_lifespan(receiver)])


class TestQuart(AdapterConformance):
    """Quart."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        from quart import Quart

        app = Quart("conformance")
        recipe("quart_webhook").add_webhook(app, self.path, receiver)
        return app


class TestASGI(AdapterConformance):
    """Bare ASGI."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        return recipe("asgi_webhook").routed({self.path: receiver.asgi}, lifespan=receiver.asgi)


class TestWSGI(AdapterConformance):
    """Bare WSGI."""

    exchange = staticmethod(wsgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        return recipe("wsgi_webhook").routed({self.path: receiver.wsgi})


def _body_of(delivery: RawDelivery) -> dict[str, Any]:
    """The body as Lambda hands it over: text where it is some, else in base64."""
    try:
        return {"body": delivery.body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(delivery.body).decode(), "isBase64Encoded": True}


def _headers_of(delivery: RawDelivery) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in delivery.framed_headers():
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return found


def version_1(delivery: RawDelivery, path: str) -> dict[str, Any]:
    """The event of an API Gateway's REST API, or of an HTTP API with payloads of version 1.0."""
    repeated = _headers_of(delivery)
    return _body_of(delivery) | {
        "resource": path,
        "path": path,
        "httpMethod": delivery.method,
        "headers": {name: values[-1] for name, values in repeated.items()},
        "multiValueHeaders": repeated,
        "requestContext": {"httpMethod": delivery.method, "path": path, "stage": "prod"},
    }


def version_2(delivery: RawDelivery, path: str) -> dict[str, Any]:
    """The event of a function URL, or of an API Gateway's HTTP API with payloads of version 2.0."""
    event = _body_of(delivery) | {
        "version": "2.0",
        "rawPath": path,
        "headers": {name.lower(): ",".join(values) for name, values in _headers_of(delivery).items()},
        "requestContext": {"http": {"method": delivery.method, "path": path, "protocol": "HTTP/1.1"}},
    }
    if not delivery.body:
        del event["body"]  # as of a GET
    return event


def in_base64(delivery: RawDelivery, path: str) -> dict[str, Any]:
    """The same, of a function that gets every body in base64."""
    return version_2(delivery, path) | {
        "body": base64.b64encode(delivery.body).decode(),
        "isBase64Encoded": True,
    }


@pytest.mark.parametrize("make_event", [version_1, version_2, in_base64], scope="class")
class TestAWSLambda(AdapterConformance):
    """AWS Lambda, with the events of its gateways."""

    @pytest.fixture(autouse=True)
    def gateway(self, make_event):
        """What stands before the function."""

        def hand_over(handler, delivery: RawDelivery, path: str) -> Answer:
            said = handler(make_event(delivery, path), None)
            body = b"" if delivery.method == "HEAD" else said["body"].encode()
            return Answer(status=said["statusCode"], headers=said["headers"], body=body)

        self.exchange = hand_over

    def make_app(self, receiver: Receiver) -> Any:
        return recipe("aws_lambda_webhook").lambda_handler(receiver)
