"""Django's two views, through the suite that every adapter goes through."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import path

from licensechain_hooks import Receiver
from licensechain_hooks.testing.conformance import AdapterConformance, asgi_exchange, wsgi_exchange

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


@pytest.fixture(autouse=True)
def any_host() -> Iterator[None]:
    """The suite's requests are for "testserver"."""
    with override_settings(ALLOWED_HOSTS=["*"]):
        yield


class _Django(AdapterConformance):
    @pytest.fixture(autouse=True)
    def urls(self) -> Iterator[None]:
        """A URLconf of the test's own."""
        self.urlconf = ModuleType("conformance_urls")
        self.urlconf.urlpatterns = []
        with override_settings(ROOT_URLCONF=self.urlconf):
            yield

    def route(self, view: Any) -> None:
        self.urlconf.urlpatterns[:] = [path(self.path.removeprefix("/"), view)]


class TestDjangoSync(_Django):
    """The sync view under WSGI."""

    exchange = staticmethod(wsgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        from licensechain_hooks.contrib.django.views import webhook_view  # needs Django configured

        self.route(webhook_view(receiver))
        return WSGIHandler()


class TestDjangoAsync(_Django):
    """The async view under ASGI."""

    exchange = staticmethod(asgi_exchange)

    def make_app(self, receiver: Receiver) -> Any:
        from licensechain_hooks.contrib.django.views import async_webhook_view

        self.route(async_webhook_view(receiver))
        return ASGIHandler()
