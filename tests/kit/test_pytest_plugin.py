"""The pytest plugin in tiny projects of other people: what it costs, what it finds, what it says where it finds nothing."""

import subprocess
import sys

import pytest

from licensechain_hooks import pytest_plugin

pytest_plugins = ["pytester"]

# The oldest Starlette's test client takes a name of anyio's that is on its way out.
SETTINGS = """
[pytest]
pythonpath = .
filterwarnings =
    error
    ignore:The anyio:DeprecationWarning
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
HANDLERS = """
from licensechain_hooks import Hooks, LicenseRevoked

hooks = Hooks()
LOCKED = []
BUSY = []


@hooks.on("license.revoked")
def lock_seat(event: LicenseRevoked) -> None:
    if BUSY:
        raise BUSY.pop()
    LOCKED.append(event.data.id)
"""
FLASK = """
import os

from flask import Flask
from handlers import hooks
from licensechain_hooks.contrib.flask import LicenseChainHooks

app = Flask(__name__)
inbox = f"sqlite:///inbox-{os.getpid()}.db"  # as every database under xdist: else one process drains the other's
app.config.update(LICENSECHAIN_WEBHOOK_SECRET="the-secret-of-this-shop", LICENSECHAIN_INBOX=inbox)
LicenseChainHooks(hooks).init_app(app)
"""
ASGI = """
from handlers import hooks
from licensechain_hooks import Endpoint, Receiver
from licensechain_hooks.inbox.memory import MemoryInbox

receiver = Receiver(Endpoint(secrets=["the-secret-of-this-shop"]), hooks, inbox=MemoryInbox())
"""
STARLETTE = """
from receiving import receiver
from licensechain_hooks.contrib.starlette import hooks_lifespan, webhook_route
from starlette.applications import Starlette

app = Starlette(routes=[webhook_route("/webhooks/licensechain", receiver)], lifespan=hooks_lifespan(receiver))
"""
FASTAPI = """
from fastapi import FastAPI
from receiving import receiver
from licensechain_hooks.contrib.fastapi import webhook_router

app = FastAPI()
app.include_router(webhook_router(receiver, path="/licensechain"), prefix="/hooks")
"""
TEST = """
import pytest
from handlers import BUSY, LOCKED, lock_seat
from licensechain_hooks.testing import deliver, make_event
{imports}

@pytest.fixture
def client():
    {client}


@pytest.mark.parametrize("seed", range(4))
def test_lock(client, licensechain, seed):
    BUSY.append(ConnectionError("down"))
    event = licensechain.make_event("license.revoked", seed=seed)
    assert [deliver(client, event).status_code for _ in range(3)] == [200, 200, 200]
    assert deliver(client, event, tamper="body").status_code == 401
    assert [outcome.name for outcome in licensechain.outcomes] == ["accepted", "duplicate", "duplicate", "rejected"]
    assert event.data.id not in LOCKED
    assert licensechain.drain() == 2
    assert [type(run.error) for run in licensechain.runs_of(lock_seat)] == [ConnectionError, type(None)]
    assert LOCKED.count(event.data.id) == 1
    assert licensechain.deliver(client, event, path={path!r}).status_code == 200
"""
DJANGO = {
    "site_settings": """
SECRET_KEY = "for-the-sessions-of-this-shop"
ROOT_URLCONF = "site_urls"
USE_TZ = True
INSTALLED_APPS = ["licensechain_hooks.contrib.django", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db", "TEST": {"NAME": "test.db"}}}
LICENSECHAIN_HOOKS = {"SECRETS": ["the-secret-of-this-shop-in-django"]}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "site_urls": """
from django.urls import include, path

urlpatterns = [path("hooks/licensechain/", include("licensechain_hooks.contrib.django.urls"))]
""",
    "shop/__init__": "",
    "shop/models": """
from django.db import models


class Seat(models.Model):
    license = models.CharField(max_length=100)
    locked = models.BooleanField(default=False)
""",
    "shop/webhooks": """
from licensechain_hooks import on
from shop.models import Seat


@on("license.revoked", transactional=True)
def lock_seat(event):
    Seat.objects.filter(license=event.data.id).update(locked=True)


@on("license.deleted")
async def forget_seat(event):
    await Seat.objects.filter(license=event.data.id).adelete()
""",
    "test_shop": """
import pytest
from django.test import AsyncClient, TestCase
from rest_framework.test import APIClient
from licensechain_hooks.contrib.django.conf import get_receiver
from licensechain_hooks.testing import assert_idempotent, deliver, make_event, rehearse
from shop.models import Seat
from shop.webhooks import lock_seat


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["django", "drf"])
def test_lock(client, licensechain, kind):
    Seat.objects.create(license="lic_1")
    event = make_event("license.revoked")
    assert deliver(client if kind == "django" else APIClient(), event).status_code == 200
    assert licensechain.drain() == 1
    assert Seat.objects.get().locked
    assert [run.event for run in licensechain.runs_of(lock_seat)] == [event]
    assert deliver(client, event, tamper="signature").status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_on_a_loop(async_client, licensechain):
    response = await deliver(async_client, make_event("license.revoked"))
    assert response.status_code == 200
    with pytest.raises(LookupError, match="nothing receives deliveries at /elsewhere/"):
        await deliver(AsyncClient(), make_event(), path="/elsewhere/")


@pytest.mark.django_db
def test_idempotent():
    Seat.objects.create(license="lic_1")
    assert_idempotent(lock_seat, make_event("license.revoked"), snapshot=lambda: list(Seat.objects.values()))


class LockTest(TestCase):
    def test_lock(self):
        licensechain = self.enterContext(rehearse(get_receiver()))
        Seat.objects.create(license="lic_1")
        self.assertEqual(200, deliver(self.client, licensechain.make_event("license.revoked")).status_code)
        licensechain.receive(licensechain.make_event("license.deleted"))
        self.assertEqual(2, licensechain.drain())
        self.assertEqual([run.error for run in licensechain.runs], [None, None])
        self.assertFalse(Seat.objects.exists())
""",
}


@pytest.fixture(autouse=True)
def nobody_s_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of Django beside these leave the name of their settings, which every project here would take for its own."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)


def write(pytester: pytest.Pytester, **files: str) -> None:
    """Write a project's modules, and pytest's settings."""
    pytester.makefile(".ini", pytest=files.pop("settings", SETTINGS))
    for name, text in files.items():
        path = pytester.path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


PROJECTS = {
    "flask": ({"app": FLASK}, "from app import app", "return app.test_client()", "/webhooks/licensechain", "app:app"),
    "starlette": (
        {"receiving": ASGI, "app": STARLETTE},
        "from app import app\nfrom starlette.testclient import TestClient",
        "with TestClient(app) as client:\n        yield client",
        "/webhooks/licensechain",
        "receiving:receiver",
    ),
    "fastapi": (
        {"receiving": ASGI, "app": FASTAPI},
        "from app import app\nfrom fastapi.testclient import TestClient",
        "return TestClient(app)",
        "/hooks/licensechain",
        "app:app",
    ),
}


@pytest.mark.parametrize(("framework", "arguments"), [("flask", ("-n", "2")), ("starlette", ()), ("fastapi", ())])
def test_a_project_in_durable_mode(framework: str, arguments: tuple[str, ...], pytester: pytest.Pytester) -> None:
    """Delivered through its client, run to the end, watched: with one line of settings, and under xdist as well."""
    modules, imports, client, path, spec = PROJECTS[framework]
    test = TEST.format(imports=imports, client=client, path=path)
    settings = f"{SETTINGS}licensechain_receiver = {spec}\n"
    write(pytester, handlers=HANDLERS, test_lock=test, settings=settings, **modules)
    ran = pytester.runpytest_subprocess(*arguments)
    ran.assert_outcomes(passed=4)


def test_a_django_project(pytester: pytest.Pytester) -> None:
    """Nothing to set: its receiver, its path and its secret are known; for pytest, for TestCase, and for an event loop."""
    write(pytester, settings=f"{SETTINGS}DJANGO_SETTINGS_MODULE = site_settings\n", **DJANGO)
    ran = pytester.runpytest_subprocess()
    ran.assert_outcomes(passed=5)


def test_django_s_own_runner(pytester: pytest.Pytester) -> None:
    """The same ``TestCase`` without pytest's running of it."""
    write(pytester, **DJANGO)
    command = [sys.executable, "-W", "error", "-m", "django", "test", "test_shop", "--settings", "site_settings"]
    ran = pytester.run(*command, "--pythonpath", ".")
    ran.stderr.fnmatch_lines(["Ran 1 test in *", "OK"])
    assert ran.ret == 0


def test_handlers_alone(pytester: pytest.Pytester) -> None:
    """A library of handlers under the module-level ``on`` needs no application: a receiver is made for the test."""
    write(
        pytester,
        test_alone="""
from licensechain_hooks import on
from licensechain_hooks.testing import make_event

SEEN = []
on("license.*")(SEEN.append)


def test_alone(licensechain):
    assert licensechain.receive(make_event("license.revoked")).name == "accepted"
    assert (licensechain.drain(), len(SEEN)) == (1, 1)
""",
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_nobody_s_handlers(pytester: pytest.Pytester) -> None:
    """Where no receiver is named and no handler is registered, the error says what to write where."""
    write(pytester, handlers=HANDLERS, test_it="import handlers\n\ndef test_it(licensechain):\n    pass\n")
    ran = pytester.runpytest_subprocess()
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*whose handlers? No module registered any * set licensechain_receiver = module:name*"])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("json", "json is not module:name"),
        (":receiver", ":receiver is not module:name"),
        ("json.nowhere:receiver", r"leads nowhere \(No module named 'json.nowhere'.*pythonpath"),
        ("json:receiver", r"leads nowhere \(module 'json' has no attribute 'receiver'\)"),
        ("string:digits", "is of the type str, and no Receiver is found in it"),
    ],
)
def test_a_name_that_leads_nowhere(spec: str, said: str) -> None:
    """Whatever is wrong with the setting, the error says so in its words."""
    with pytest.raises(pytest.UsageError, match=f"licensechain_receiver = .*{said}"):
        pytest_plugin._named(spec)


def test_the_fixture_is_overridden(pytester: pytest.Pytester) -> None:
    """An application that is made by a function gives its receiver by a fixture of the project's."""
    conftest = """
import pytest
from receiving import receiver


@pytest.fixture
def licensechain_receiver():
    return receiver
"""
    test = "def test_it(licensechain):\n    assert licensechain.secret == 'the-secret-of-this-shop'\n"
    write(pytester, handlers=HANDLERS, receiving=ASGI, conftest=conftest, test_it=test)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


LOADED = """
import sys
before = set(sys.modules)
from importlib.metadata import entry_points
(plugin,) = [found for found in entry_points(group="pytest11") if found.name == "licensechain_hooks"]
import pytest
before |= set(sys.modules)
plugin.load()
print(*sorted(set(sys.modules) - before))
"""


def test_an_unused_plugin_loads_nothing() -> None:
    """Who does not ask for the fixture pays for two small modules and nothing else: neither pydantic nor the core."""
    command = [sys.executable, "-c", LOADED]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == ["licensechain_hooks", "licensechain_hooks.pytest_plugin"]


def test_an_unused_plugin_stays_so(pytester: pytest.Pytester) -> None:
    """Not even a whole run of tests loads more, and its names are its own."""
    test = """
import sys


def test_it(request):
    assert [name for name in sys.modules if name.startswith(("licensechain_hooks.", "pydantic"))] == [
        "licensechain_hooks.pytest_plugin"
    ]
"""
    write(pytester, test_it=test)
    ran = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:schemathesis")
    ran.assert_outcomes(passed=1)
    assert all(name.startswith("licensechain") for name in pytest_plugin.__all__ if name != "pytest_addoption")
