"""The test kit for Django projects: its examples are run, and what it promises of transactions holds."""

import re
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import pytest

from licensechain_hooks import Discard, Retry
from licensechain_hooks.testing import make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support", "licensechain_hooks.contrib.django.pytest_fixtures"]


@pytest.fixture
def shop_hooks(django_hooks, settings, monkeypatch):
    """Handlers as a shop has them; its settings say that a thread runs them."""
    import django_project.shop.models

    monkeypatch.setitem(sys.modules, "shop.models", django_project.shop.models)

    @django_hooks.on("license.revoked", transactional=True)
    def lock(event):
        django_project.shop.models.Lock.objects.create(license=event.data.id)

    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "thread"}
    return django_hooks


def example(number):
    """What an example in the module's docstring defines."""
    from licensechain_hooks.contrib.django import test

    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", test.__doc__)
    defined = {}
    exec(compile(textwrap.dedent(blocks[number]), f"example {number}", "exec"), defined)
    return defined


def run(case, name):
    """Run one test of a test case, as a test runner of Django's would; what went wrong."""
    result = unittest.TestResult()
    suite = unittest.TestSuite([case(name)])
    suite.run(result)
    assert result.testsRun == 1
    return "".join(text for _, text in (*result.errors, *result.failures))


def test_the_example_of_a_test_case(shop_hooks, transactional_db):
    """It is run as it stands in the docstring, and leaves nothing behind."""
    from django_project.shop.models import Lock

    from licensechain_hooks.contrib.django.models import Entry

    assert run(example(0)["LockTests"], "test_a_revoked_license_is_locked") == ""
    assert (Lock.objects.count(), Entry.objects.count()) == (0, 0)


def test_the_example_for_pytest(shop_hooks, webhooks):
    """It is run as it stands in the docstring."""
    example(1)["test_a_revoked_license_is_locked"](webhooks)


def test_a_failure_says_why(shop_hooks, transactional_db):
    """An assertion that fails shows the handler's own error."""
    from django.test import TestCase

    from licensechain_hooks.contrib.django.test import WebhookTestMixin

    class Case(WebhookTestMixin, TestCase):
        def test(self):
            self.webhooks.send("license.revoked", data={"id": "lic_1"}, event_id="evt_1")
            self.webhooks.drain()
            self.assertHandlers("evt_1", fail="failed", lock="done")
            self.assertProcessed("evt_1")

    @shop_hooks.on("license.revoked")
    def fail(event):
        raise LookupError("no such seat")

    said = run(Case, "test")
    assert "'processed' != 'failed'" in said
    assert "attempts: 1; last error:" in said
    assert "no such seat" in said


def test_no_thread_is_started(shop_hooks, webhooks):
    """Whatever the settings say, handlers run when the test says so, in its own thread."""
    import threading

    ran = []
    shop_hooks.on("user.login")(lambda event: ran.append(threading.current_thread()))
    webhooks.send("user.login")
    assert ran == []
    assert (webhooks.drain(), ran) == (1, [threading.current_thread()])


def test_the_secret_need_not_be_known(settings, webhooks, monkeypatch):
    """A project whose secret is in the environment of its servers is tested where there is none."""
    from licensechain_hooks.contrib.django.test import webhook_settings

    monkeypatch.delenv("LICENSECHAIN_WEBHOOK_SECRET", raising=False)
    settings.LICENSECHAIN_HOOKS = {"PROCESSING": "worker"}
    with webhook_settings():
        assert webhooks.send("user.login").json() == {"status": "ignored"}


def test_retries(shop_hooks, webhooks):
    """What fails is tried again at once, as often as the test likes, until it is over."""
    outcomes = [Retry, ValueError, None]

    @shop_hooks.on("user.login")
    def moody(event):
        if (raised := outcomes.pop(0)) is not None:
            raise raised

    event = make_event("user.login")
    webhooks.send(event)
    states = [(webhooks.drain(retries=count), webhooks.entry(event).state) for count in (0, 0, 1, 5)]
    assert states == [(1, "failed"), (0, "failed"), (1, "failed"), (1, "processed")]
    assert (outcomes, webhooks.handlers(event)) == ([], {next(iter(webhooks.handlers(event))): "done"})


def test_a_dead_letter(shop_hooks, webhooks):
    """What a handler gives up is dead, and says so."""

    @shop_hooks.on("user.login")
    def give_up(event):
        raise Discard("not here")

    event = make_event("user.login")
    webhooks.send(event)
    webhooks.drain()
    entry = webhooks.entry(event)
    assert (entry.state, entry.error.endswith("not here"), list(webhooks.handlers(event).values())) == (
        "dead",
        True,
        ["discarded"],
    )


def test_on_commit(shop_hooks, webhooks, django_capture_on_commit_callbacks):
    """What a handler leaves to on_commit runs where the test asks for it, as in any TestCase."""
    from django.db import transaction

    committed = []

    @shop_hooks.on("user.login", transactional=True)
    def later(event):
        transaction.on_commit(lambda: committed.append(event.id))

    event = make_event("user.login")
    webhooks.send(event)
    with django_capture_on_commit_callbacks(execute=True):
        webhooks.drain()
        before = list(committed)
    assert (before, committed) == ([], [event.id])


def test_a_handler_that_fails_undoes_its_own_writes_only(shop_hooks, webhooks):
    """A transactional handler is a savepoint of the test's transaction."""
    from django_project.shop.models import Lock

    Lock.objects.create(license="of the test")

    @shop_hooks.on("license.revoked", transactional=True)
    def fail(event):
        Lock.objects.create(license="of the handler that fails")
        raise ValueError

    webhooks.send("license.revoked", data={"id": "lic_1"})
    webhooks.drain()
    assert set(Lock.objects.values_list("license", flat=True)) == {"of the test", "lic_1"}


def test_inline(django_hooks, settings, webhooks):
    """Where handlers run while the sender waits there is nothing to drain."""
    from licensechain_hooks.contrib.django.models import Entry
    from licensechain_hooks.contrib.django.test import webhook_settings

    ran = []
    django_hooks.on("user.login")(ran.append)
    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "inline"}
    with webhook_settings():
        assert webhooks.send("user.login", event_id="evt_1").json() == {"status": "processed"}
        assert (len(ran), webhooks.drain()) == (1, 0)
        with pytest.raises(Entry.DoesNotExist):
            webhooks.entry("evt_1")


def test_several_endpoints(django_hooks, settings, db):
    """A client of each signs with its secret, delivers to its address and looks at its entries."""
    from licensechain_hooks.contrib.django.test import WebhookClient, webhook_settings

    django_hooks.on("user.login")(lambda event: None)
    secrets = {"eu": {"SECRETS": ["e" * 32]}, "us": {"SECRETS": ["u" * 32, "old" * 12]}}
    settings.LICENSECHAIN_HOOKS = {"HOOKS": django_hooks, "ENDPOINTS": secrets}
    with webhook_settings():
        eu, us = WebhookClient(endpoint="eu"), WebhookClient(endpoint="us")
        eu.send("user.login", event_id="evt_1")
        us.send("user.login", event_id="evt_1")
        assert (eu.drain(), eu.entry("evt_1").endpoint, us.entry("evt_1").endpoint) == (2, "eu", "us")
        assert WebhookClient(path=eu.path, endpoint="us").send("user.login").status_code == 401


def test_tenants_say_which_secret(django_hooks, settings, db):
    """Where the secret depends on the delivery the client has to be given one."""
    from licensechain_hooks import ConfigurationError
    from licensechain_hooks.contrib.django.test import WebhookClient, webhook_settings

    settings.LICENSECHAIN_HOOKS |= {"SECRETS": lambda request: ["t" * 32]}
    with webhook_settings():
        with pytest.raises(ConfigurationError, match=r"WebhookClient\(secret="):
            WebhookClient().send("user.login")
        assert WebhookClient(secret="t" * 32).send("user.login").status_code == 200


def test_asynchronous(shop_hooks, transactional_db):
    """The same through Django's asynchronous client, in an asynchronous test of a test case."""
    from django.test import TestCase
    from django_project.shop.models import Lock

    from licensechain_hooks.contrib.django.test import WebhookClient, WebhookTestMixin

    class Case(WebhookTestMixin, TestCase):
        async def test(self):
            event = make_event("license.revoked", data={"id": "lic_1"})
            response = await self.webhooks.asend(event)
            assert (response.status_code, await self.webhooks.adrain()) == (200, 1)
            asynchronous = WebhookClient(path="/async/")
            assert (await asynchronous.asend(event)).json() == {"status": "duplicate"}
            assert await Lock.objects.acount() == 1

    assert run(Case, "test") == ""
    assert Lock.objects.count() == 0


def test_an_asynchronous_view_in_a_test_of_threads(shop_hooks, webhooks):
    """Its delivery is recorded in the test's own transaction, too."""
    event = make_event("license.revoked", data={"id": "lic_1"})
    assert type(webhooks)(path="/async/").send(event).json() == {"status": "accepted"}
    assert (webhooks.drain(), webhooks.entry(event).state) == (1, "processed")


def test_a_path_that_is_none_is_said(shop_hooks, webhooks):
    """Who mistypes the path is told so, and does not look for the fault in the handlers."""
    with pytest.raises(LookupError, match="nothing receives deliveries at /nowhere/"):
        type(webhooks)(path="/nowhere/").send("user.login")


def test_forgeries_are_refused(shop_hooks, webhooks):
    """A delivery can be sent with something wrong about it."""
    assert webhooks.send("license.revoked", tamper="signature").status_code == 401
    assert webhooks.drain() == 0


def test_it_needs_no_admin():
    """A project without the admin, and without users, can be tested, too."""
    code = (
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['licensechain_hooks.contrib.django'])\n"
        "django.setup()\n"
        "import sys, licensechain_hooks.contrib.django.test\n"
        "print([name for name in sys.modules if name.startswith(('django.contrib.admin', 'django.contrib.auth.models'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
