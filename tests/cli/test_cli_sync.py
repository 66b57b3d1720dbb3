"""``licensechain-hooks webhooks sync``: a webhook has the events that the handlers listen for, no more and no less."""

import json
import os
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the emulator needs FastAPI")
pytest.importorskip("stamina", reason="the client needs httpx2 and stamina")

from licensechain_hooks import Endpoint, Hooks, Receiver, canonical_type
from licensechain_hooks.cli._sync import Difference
from licensechain_hooks.inbox.memory import MemoryInbox

URL = "http://127.0.0.1:9/webhooks/licensechain"
SPELLED = ["license.created", "license.revoked", "payment.succeeded", "payment.completed", "user.created", "shop.sold"]


def register(hooks, *patterns, **settings):
    """Register a handler for some patterns."""

    @hooks.on(*patterns, **settings)
    def handle(event):
        pass


@pytest.fixture
def hooks(monkeypatch):
    """Empty hooks, which ``--app shop_of_sync:hooks`` names, and a receiver and a worker of theirs."""
    hooks = Hooks()
    receiver = Receiver(Endpoint(secrets=["a-secret-for-this-test"], name="eu"), hooks, inbox=MemoryInbox())
    shop = SimpleNamespace(hooks=hooks, receiver=receiver, worker=receiver.worker, text="no hooks")
    monkeypatch.setitem(sys.modules, "shop_of_sync", shop)
    return hooks


@pytest.fixture
def sync(invoke, emulator, monkeypatch):
    """A function that runs ``sync`` for those hooks, on the emulator of the test."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", emulator.api_key)
    monkeypatch.setenv("LICENSECHAIN_BASE_URL", emulator.base_url)
    return lambda *arguments, app="shop_of_sync:hooks": invoke("webhooks", "sync", "--app", app, *arguments)


def events(emulator):
    """The events of each webhook that the emulator has."""
    return [set(webhook["events"]) for webhook in emulator.call("GET", "/v1/webhooks?limit=100")["data"]]


def test_check_finds_a_difference_that_sync_ends(sync, hooks, emulator):
    """``--check`` exits with 1 and changes nothing; after ``sync`` it exits with 0; a second run changes nothing."""
    webhook = emulator.webhook(URL, "license.created", "payment.failed")
    register(hooks, "license.created", "license.revoked")
    checked = sync("--url", URL, "--check")
    assert (checked.exit_code, events(emulator)) == (1, [{"license.created", "payment.failed"}])
    assert checked.stdout.splitlines()[1:] == ["+ license.revoked", "- payment.failed"]
    done = sync("--url", URL)
    assert (done.exit_code, events(emulator)) == (0, [{"license.created", "license.revoked"}])
    assert done.stdout.splitlines()[1:] == ["+ license.revoked", "- payment.failed"]
    before = emulator.call("GET", f"/v1/webhooks/{webhook['id']}")
    again = sync("--webhook", webhook["id"])
    assert (sync("--url", URL, "--check").exit_code, again.exit_code, len(again.stdout.splitlines())) == (0, 0, 1)
    assert emulator.call("GET", f"/v1/webhooks/{webhook['id']}") == before


def test_a_dry_run_changes_nothing(sync, hooks, emulator):
    """``--dry-run`` shows the same difference, changes nothing and exits with 0; with ``--check`` too, with 1."""
    emulator.webhook(URL, "license.created")
    register(hooks, "license.revoked")
    result = sync("--url", URL, "--dry-run")
    assert (result.exit_code, events(emulator)) == (0, [{"license.created"}])
    assert result.stdout.splitlines()[1:] == ["+ license.revoked", "- license.created"]
    assert sync("--url", URL, "--dry-run", "--check").exit_code == 1


def test_json(sync, hooks, emulator):
    """As JSON the difference says what is added, removed and kept, whether there was any, and what was done."""
    webhook = emulator.webhook(URL, "license.created", "payment.failed")
    register(hooks, "license.created", "license.revoked")
    facts = [
        json.loads(sync("--url", URL, "--format", form, *flags).stdout)
        for form, flags in [("json", ["--check"]), ("jsonl", []), ("json", [])]
    ]
    expected = {"action": "sync", "webhook": webhook["id"], "url": URL}
    changes = {"added": ["license.revoked"], "removed": ["payment.failed"], "kept": ["license.created"]}
    settled = {"added": [], "removed": [], "kept": ["license.created", "license.revoked"]}
    assert facts == [
        expected | changes | {"equal": False, "done": None},
        expected | changes | {"equal": False, "done": "updated"},
        expected | settled | {"equal": True, "done": None},
    ]


def test_a_webhook_that_is_not_there(sync, hooks, emulator, tmp_path):
    """Where none delivers to the URL it is created, its secret kept; the same command then finds it equal."""
    register(hooks, "license.revoked")
    arguments = ("--url", URL, "--secret-out", str(tmp_path / "secret"))
    checked = sync(*arguments, "--check")
    assert (checked.exit_code, checked.stdout.splitlines()[1:], list(tmp_path.iterdir())) == (
        *(1, ["+ license.revoked"], []),
    )
    codes = [sync(*arguments).exit_code, sync(*arguments).exit_code, sync(*arguments, "--check").exit_code]
    kept = (tmp_path / "secret").read_text().strip()
    assert (codes, events(emulator), len(kept) > 15) == ([0, 0, 0], [{"license.revoked"}], True)


def test_a_new_webhook_needs_a_place_for_its_secret(sync, hooks, emulator):
    """Without one, nothing is created, and it says which options there are."""
    register(hooks, "license.revoked")
    result = sync("--url", URL)
    assert (result.exit_code, "--secret-out" in result.stderr, events(emulator)) == (2, True, [])


def test_several_webhooks_of_one_url(sync, hooks, emulator):
    """Where several deliver to the URL it names their ids and changes none; ``--webhook`` chooses."""
    ids = [emulator.webhook(URL)["id"] for _ in range(2)]
    register(hooks, "license.revoked")
    result = sync("--url", URL)
    assert (result.exit_code, [webhook_id in result.stderr for webhook_id in ids]) == (1, [True, True])
    assert events(emulator) == [{"license.created"}] * 2
    assert sync("--webhook", ids[0]).exit_code == 0
    assert sorted(map(sorted, events(emulator))) == [["license.created"], ["license.revoked"]]


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("http://localhost:9/a", "HTTP://LOCALHOST:9/a"),
        ("http://localhost", "http://localhost:80/"),
        ("http://localhost:80/a?b=C", "http://localhost/a?b=C"),
    ],
)
def test_one_url_in_two_spellings(sync, hooks, emulator, there, asked):
    """The host's letter case and a port that goes without saying make no other URL."""
    emulator.webhook(there)
    register(hooks, "license.created")
    assert sync("--url", asked, "--check").exit_code == 0


@pytest.mark.parametrize("other", [f"{URL}/", f"{URL}?x=1", URL.upper(), "http://127.0.0.1:10/webhooks/licensechain"])
def test_another_url(sync, hooks, emulator, other):
    """Another path, query or port is another URL."""
    emulator.webhook(URL)
    register(hooks, "license.created")
    result = sync("--url", other, "--check")
    assert (result.exit_code, "there is no webhook" in result.stdout) == (1, True)


def test_spellings_of_a_type_are_no_difference(sync, hooks, emulator):
    """A webhook keeps LicenseChain's spelling of a type that a handler spells otherwise; new ones are canonical."""
    emulator.webhook(URL, "payment.completed", "app.created")
    register(hooks, "payment.succeeded", "application.created", "user.registered")
    result = sync("--url", URL)
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (0, ["+ user.created"])
    assert events(emulator) == [{"payment.completed", "app.created", "user.created"}]


def test_wildcards_are_the_types_that_are_known(sync, hooks, emulator):
    """``hardware.*`` asks for the known types of it, and stderr says what that means for types to come."""
    emulator.webhook(URL)
    register(hooks, "hardware.*")
    result = sync("--url", URL)
    assert (result.exit_code, events(emulator)) == (0, [{"hardware.bound", "hardware.unbound"}])
    assert "hardware.* stands for the 2 types" in result.stderr
    assert "LicenseChain knows no wildcards" in result.stderr


@pytest.mark.parametrize(("name", "expected"), [("hooks", 3), ("receiver", 2), ("worker", 2)])
def test_handlers_of_an_endpoint(sync, hooks, emulator, name, expected):
    """Of a receiver and of a worker those handlers count that listen at its endpoint; of hooks all."""
    register(hooks, "license.created")
    register(hooks, "license.revoked", endpoint="eu")
    register(hooks, "license.expired", endpoint="us")
    emulator.webhook(URL)
    assert sync("--url", URL, app=f"shop_of_sync:{name}").exit_code == 0
    assert len(events(emulator)[0]) == expected


def test_what_the_api_left_out(sync, hooks, answering, monkeypatch):
    """An API that answers with other events than it was given is a failure, not a difference for ever."""
    body = json.dumps({"id": "wh_1", "url": URL, "events": ["license.created"]}).encode()
    reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    register(hooks, "license.created", "shop.sold")
    result = sync("--webhook", "wh_1", "--base-url", answering(reply))
    assert (result.exit_code, "lacks shop.sold" in result.stderr) == (1, True)


def test_an_inactive_webhook(sync, hooks, answering):
    """A webhook that is switched off may have the right events, but stderr says that nothing is delivered."""
    body = json.dumps({"id": "wh_1", "url": URL, "events": ["license.created"], "active": False}).encode()
    reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    register(hooks, "license.created")
    result = sync("--webhook", "wh_1", "--check", "--base-url", answering(reply))
    assert (result.exit_code, "inactive" in result.stderr) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "app", "told"),
    [
        ([], "shop_of_sync:hooks", "which webhook"),
        (["--url", URL, "--webhook", "wh_1"], "shop_of_sync:hooks", "which webhook"),
        (["--url", "nonsense"], "shop_of_sync:hooks", "--url"),
        (["--webhook", ".."], "shop_of_sync:hooks", "no id"),
        (["--url", URL], "nonsense", "module:name"),
        (["--url", URL], "no_such_module:hooks", "no module"),
        (["--url", URL], "shop_of_sync:nothing", "nothing"),
        (["--url", URL], "shop_of_sync:text", "Receiver"),
        (["--url", URL, "--secret-file", "a", "--secret-out", "b"], "shop_of_sync:hooks", "give one"),
    ],
)
def test_bad_input(invoke, monkeypatch, hooks, arguments, app, told):
    """What cannot be meant is a usage error (2) that says why, before anything is asked of LicenseChain."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", "an-api-key-of-nobody")
    register(hooks, "license.created")
    result = invoke("webhooks", "sync", "--app", app, *arguments, "--base-url", "http://127.0.0.1:9/v1")
    assert (result.exit_code, told in result.stderr, "Traceback" in result.stderr) == (2, True, False)


@pytest.mark.parametrize("patterns", [[], ["nothing_known.*"]])
def test_no_handlers(sync, hooks, emulator, patterns):
    """Hooks that listen for nothing would end every subscription: probably their module is not imported."""
    if patterns:
        register(hooks, *patterns)
    emulator.webhook(URL)
    result = sync("--url", URL)
    assert (result.exit_code, "is the module imported" in result.stderr) == (2, True)
    assert events(emulator) == [{"license.created"}]


def test_an_unknown_webhook(sync, hooks, emulator):
    """An id that is not there is a failure (1)."""
    register(hooks, "license.created")
    result = sync("--webhook", "wh_unknown", "--check")
    assert (result.exit_code, "404" in result.stderr) == (1, True)


def test_an_application_in_its_folder(run, environ, emulator, tmp_path):
    """In a process of its own ``sync`` imports the application, here Django's, and syncs its handlers.

    That needs no signing secret: before the webhook is created, there is none.
    """
    pytest.importorskip("django", reason="this application is one of Django's")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/webhooks.py").write_text(
        "from licensechain_hooks import on\n@on('license.revoked')\ndef lock(event):\n    pass\n"
    )
    (tmp_path / "shop/settings.py").write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['licensechain_hooks.contrib.django', 'shop']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\nUSE_TZ = True\n"
    )
    (tmp_path / "shop/asgi.py").write_text(
        "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'\n"
        "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"
    )
    emulator.webhook(URL)
    path = os.pathsep.join([str(tmp_path), *filter(None, [environ.get("PYTHONPATH")])])
    given = {"PYTHONPATH": path, "LICENSECHAIN_API_KEY": emulator.api_key, "LICENSECHAIN_BASE_URL": emulator.base_url}
    without_secret = {name: value for name, value in environ.items() if not name.startswith("LICENSECHAIN_")}
    ran = run("webhooks", "sync", "--app", "shop.asgi:application", "--url", URL, environ=without_secret | given)
    assert (ran.returncode, events(emulator)) == (0, [{"license.revoked"}]), ran.stderr


@given(st.lists(st.sampled_from(SPELLED)), st.sets(st.sampled_from(SPELLED), min_size=1))
def test_a_difference_leads_to_what_is_wanted(there, wanted):
    """For any events there and any wanted, what a difference leads to is what is wanted, and differs no more."""
    types = {canonical_type(name) for name in wanted}
    difference = Difference.between(there, types)
    assert {canonical_type(name) for name in difference.events} == types
    assert not Difference.between(difference.events, types)
    assert bool(difference) == ({canonical_type(name) for name in there} != types)
