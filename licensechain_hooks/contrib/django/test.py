"""Tests of a project's own handlers: signed events come in, the inbox is run to its end, and what became of it is seen.

With Django's test cases::

    from django.test import TestCase
    from licensechain_hooks.contrib.django.test import WebhookTestMixin
    from licensechain_hooks.testing import make_event
    from shop.models import Lock

    class LockTests(WebhookTestMixin, TestCase):
        def test_a_revoked_license_is_locked(self):
            event = make_event("license.revoked", data={"id": "lic_1"})
            response = self.webhooks.send(event)
            self.assertEqual(response.status_code, 200)
            self.webhooks.drain()
            self.assertProcessed(event)
            self.assertTrue(Lock.objects.filter(license="lic_1").exists())

With pytest and pytest-django the fixture ``webhooks`` is a `WebhookClient`, once ``conftest.py`` says
``pytest_plugins = ["licensechain_hooks.contrib.django.pytest_fixtures"]``::

    from licensechain_hooks.testing import make_event
    from shop.models import Lock

    def test_a_revoked_license_is_locked(webhooks):
        event = make_event("license.revoked", data={"id": "lic_2"})
        assert webhooks.send(event).status_code == 200
        assert webhooks.drain() == 1
        assert webhooks.entry(event).state == "processed"
        assert Lock.objects.filter(license="lic_2").exists()

All of it happens in the thread and in the transaction of the test, and is undone with it. What a handler leaves to
``transaction.on_commit`` does not run there, as nothing does in a ``TestCase``: run it by
``with self.captureOnCommitCallbacks(execute=True): self.webhooks.drain()``, or with pytest by the fixture
``django_capture_on_commit_callbacks``.

An asynchronous test has `WebhookClient.asend` and `WebhookClient.adrain`. It belongs into a ``TestCase``, or is marked
``django_db(transaction=True)``: elsewhere its queries are in another thread, and so in no transaction of the test.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.test import AsyncClient, Client, SimpleTestCase, override_settings
from django.urls import reverse

from licensechain_hooks import ConfigurationError, Event
from licensechain_hooks.contrib.django._entries import now_in, stored
from licensechain_hooks.contrib.django._host import tests_thread
from licensechain_hooks.contrib.django._values import SETTING
from licensechain_hooks.contrib.django.conf import get_receiver, get_receivers, get_settings
from licensechain_hooks.contrib.django.models import Entry, HandlerRun
from licensechain_hooks.testing import Tamper, deliver, make_event

__all__ = ["WebhookClient", "WebhookTestMixin", "webhook_settings"]


class WebhookClient:
    """Delivers events to the project as LicenseChain would, runs its handlers, and looks what became of them.

    Args:
        endpoint: its name, where the settings have several.
        path: where deliveries arrive; by default what the project's URLs include.
        secret: what signs; by default the endpoint's newest one.
        client, async_client: Django's test clients that deliver.
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        path: str | None = None,
        secret: str | None = None,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.client = client or Client()
        self.async_client = async_client or AsyncClient()
        self._path = path
        self._secret = secret

    def send(self, event: Event | str, *, tamper: Tamper | None = None, **fields: Any) -> HttpResponse:
        """Deliver an event; the project's answer.

        Args:
            event: what `make_event` gives; or a type, of which it then makes one.
            tamper: what is wrong with the delivery, see `licensechain_hooks.testing.make_delivery`.
            fields: for `make_event`.

        Raises:
            ConfigurationError: the settings cannot work, or the secret depends on the tenant and has to be given.
            LookupError: nothing receives deliveries at the path.
            NoReverseMatch: the project's URLs do not include ours.
        """
        response: HttpResponse = self._deliver(self.client, event, tamper, fields)
        return response

    async def asend(self, event: Event | str, *, tamper: Tamper | None = None, **fields: Any) -> HttpResponse:
        """`send` through the asynchronous client."""
        response: HttpResponse = await self._deliver(self.async_client, event, tamper, fields)
        return response

    def drain(self, *, retries: int = 0) -> int:
        """Run the handlers of all deliveries that are due, here and now; how many attempts that were.

        Args:
            retries: how often what has failed is tried again at once, without waiting until it is due.
        """
        if get_settings().processing == "inline":
            return 0
        worker = get_receivers().worker
        attempts = worker.drain()
        for _ in range(retries):
            failed = stored().filter(state=Entry.State.FAILED)
            if not failed.update(next_attempt_at=now_in(failed) - timedelta(minutes=1)):
                break
            attempts += worker.drain()
        return attempts

    async def adrain(self, *, retries: int = 0) -> int:
        """`drain`, for an asynchronous test."""
        return await sync_to_async(self.drain)(retries=retries)

    def entry(self, event: Event | str) -> Entry:
        """What the inbox has of an event.

        Args:
            event: it, or its id.

        Raises:
            Entry.DoesNotExist: nothing; it was refused, or is handled inline.
        """
        return self._entries(event).get(variant="")

    def handlers(self, event: Event | str) -> dict[str, str]:
        """What became of each handler that ran for an event: ``done``, ``skipped``, ``discarded`` or ``failed``."""
        runs = HandlerRun.objects.using(stored().db).filter(entry=self.entry(event))
        return dict(runs.order_by("handler").values_list("handler", "state"))

    @property
    def path(self) -> str:
        """Where deliveries arrive."""
        if self._path is not None:
            return self._path
        if self.endpoint is None:
            return reverse("licensechain_hooks:webhook")
        return reverse("licensechain_hooks:endpoint", args=[self.endpoint])

    def _deliver(self, client: Any, event: Event | str, tamper: Tamper | None, fields: Mapping[str, Any]) -> Any:
        event = event if isinstance(event, Event) else make_event(event, **fields)
        return deliver(client, event, path=self.path, secret=self._newest_secret(), tamper=tamper)

    def _newest_secret(self) -> str:
        if self._secret is not None:
            return self._secret
        known: Any = get_receiver(self.endpoint).endpoint.secrets
        if callable(known):
            msg = "which secret signs depends on the tenant here: WebhookClient(secret=…)"
            raise ConfigurationError(msg)
        return str(known[0].get_secret_value())

    def _entries(self, event: Event | str) -> QuerySet[Entry]:
        entries = stored().filter(event_id=event.id if isinstance(event, Event) else event)
        return entries if self.endpoint is None else entries.filter(endpoint=self.endpoint)


@contextmanager
def webhook_settings() -> Iterator[None]:
    """The project's ``LICENSECHAIN_HOOKS`` as a test needs it, for the length of a ``with``.

    No thread, no other process and no queue runs handlers, but whoever drains; a project that has its one signing
    secret from the environment has one that is made up. ``PROCESSING: "inline"`` stays, for there nothing is drained.
    """
    given = dict(getattr(settings, SETTING, {}))
    if given.get("PROCESSING") != "inline":
        given["PROCESSING"] = "worker"
    if not {"SECRETS", "ENDPOINTS"} & given.keys():
        given["SECRETS"] = [secrets.token_hex(32)]
    with override_settings(**{SETTING: given}), tests_thread():
        yield


if TYPE_CHECKING:
    _TestCase = SimpleTestCase
else:
    _TestCase = object


class WebhookTestMixin(_TestCase):
    """For a ``TestCase`` or a ``TransactionTestCase``, before it in the list of bases; see the module.

    Attributes:
        webhook_endpoint: the endpoint that events are delivered to, where the settings have several.
        webhooks: a `WebhookClient`, with the test case's own clients.
    """

    webhook_endpoint: str | None = None
    webhooks: WebhookClient

    def setUp(self) -> None:
        """Prepare the settings and the client."""
        super().setUp()
        self.enterContext(webhook_settings())
        self.webhooks = WebhookClient(
            endpoint=self.webhook_endpoint, client=self.client, async_client=self.async_client
        )

    def assertEntryState(self, event: Event | str, state: str) -> None:  # noqa: N802 - as unittest spells it
        """Fail unless the entry of an event is in this state; the message has its last error."""
        entry = self.webhooks.entry(event)
        self.assertEqual(str(state), entry.state, f"attempts: {entry.attempts}; last error: {entry.error or 'none'}")  # noqa: PT009

    def assertProcessed(self, event: Event | str) -> None:  # noqa: N802 - as unittest spells it
        """Fail unless all handlers of an event have succeeded."""
        self.assertEntryState(event, Entry.State.PROCESSED)

    def assertHandlers(self, event: Event | str, **states: str) -> None:  # noqa: N802 - as unittest spells it
        """Fail unless these handlers, and no others, ran for an event, and ended so: ``lock_seat="done"``.

        Args:
            event: it, or its id.
            states: by the name of the function.
        """
        ran = {name.rpartition(".")[2]: state for name, state in self.webhooks.handlers(event).items()}
        self.assertEqual(states, ran)  # noqa: PT009
