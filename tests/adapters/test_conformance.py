"""Every adapter we ship, through the suite that anyone's adapter can go through."""

from typing import Any

import fastapi
import flask
from starlette.applications import Starlette

from licensechain_hooks import Receiver
from licensechain_hooks.contrib.fastapi import webhook_router
from licensechain_hooks.contrib.flask import webhook_blueprint
from licensechain_hooks.contrib.starlette import webhook_route
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
        return Starlette(routes=[webhook_route(self.path, receiver)])


class TestFastAPI(AdapterConformance):
    """FastAPI's router."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        app = fastapi.FastAPI()
        app.include_router(webhook_router(receiver, path=self.path))
        return app


class TestFlask(AdapterConformance):
    """Flask's blueprint."""

    exchange = staticmethod(wsgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        app = flask.Flask("conformance")
        app.register_blueprint(webhook_blueprint(receiver, path=self.path))
        return app
