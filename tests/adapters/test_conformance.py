"""Every adapter we ship, through the suite that anyone's adapter can go through."""

from typing import Any

import pytest

from licensechain_hooks import Receiver
from licensechain_hooks.testing.conformance import AdapterConformance, asgi_exchange, wsgi_exchange


class TestASGI(AdapterConformance):
    """The bare ASGI application."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        return receiver.asgi


class TestWSGI(AdapterConformance):
    """The bare WSGI application."""

    exchange = staticmethod(wsgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        return receiver.wsgi


class TestStarlette(AdapterConformance):
    """Starlette's route."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        starlette = pytest.importorskip("starlette.applications", reason="Starlette is not installed")
        from licensechain_hooks.contrib.starlette import webhook_route

        return starlette.Starlette(routes=[webhook_route(self.path, receiver)])


class TestFastAPI(AdapterConformance):
    """FastAPI's router."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        fastapi = pytest.importorskip("fastapi", reason="FastAPI is not installed")
        from licensechain_hooks.contrib.fastapi import webhook_router

        app = fastapi.FastAPI()
        app.include_router(webhook_router(receiver, path=self.path))
        return app


class TestFlask(AdapterConformance):
    """Flask's blueprint."""

    exchange = staticmethod(wsgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        flask = pytest.importorskip("flask", reason="Flask is not installed")
        from licensechain_hooks.contrib.flask import webhook_blueprint

        app = flask.Flask("conformance")
        app.register_blueprint(webhook_blueprint(receiver, path=self.path))
        return app
