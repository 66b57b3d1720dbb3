"""Django's two views, through the suite that every adapter goes through; in durable mode through its catalogue."""

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

from licensechain_hooks import Endpoint, Event, Hooks, Receiver, WorkerSettings
from licensechain_hooks.testing.conformance import (
    CATALOGUE,
    AdapterConformance,
    Case,
    Forge,
    asgi_exchange,
    wsgi_exchange,
)

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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("case", CATALOGUE, ids=str)
@pytest.mark.parametrize("host", [TestDjangoSync, TestDjangoAsync], ids=["sync", "async"])
def test_the_catalogue_in_durable_mode(host: type[_Django], case: Case) -> None:
    """The same answers, but that nothing has run yet; what is accepted is stored, and of the rest nothing."""
    from licensechain_hooks.contrib.django.inbox import DjangoInbox
    from licensechain_hooks.contrib.django.models import Entry

    forge, hooks, runs = Forge(secret="the-secret-of-the-conformance-suite"), Hooks(), list[Event]()
    hooks.on("*")(runs.append)
    endpoint = Endpoint(secrets=["the-secret-of-the-conformance-suite"], max_body=forge.max_body)
    receiver = Receiver(endpoint, hooks, inbox=DjangoInbox(), worker=WorkerSettings(embedded=False))
    django, delivery = host(), case.make(forge)
    django.urlconf = ModuleType("conformance_urls")
    django.urlconf.urlpatterns = []
    with override_settings(ROOT_URLCONF=django.urlconf):
        answer = django.exchange(django.make_app(receiver), delivery, django.path)
    accepted = int(case.status == 200)
    outcome = {"processed": "accepted"}.get(case.outcome, case.outcome)
    assert (answer.status, answer.outcome) == (case.status, "" if delivery.method == "HEAD" else outcome)
    assert [bytes(entry.raw_body) for entry in Entry.objects.all()] == [delivery.body] * accepted
    assert (receiver.worker.drain(), len(runs)) == (accepted, accepted)
