"""System checks: what would fail at the first delivery is told at the start."""

import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core import checks

from licensechain_hooks import Hooks, MemoryDeduplicator, UnknownEventTypeWarning
from licensechain_hooks.contrib.django.signals import event_signal, webhook_received

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


GOOD = ["s3cr3t-of-these-tests"]
WAL = {"init_command": "PRAGMA journal_mode=WAL;"}


def _handler(_event): ...


@pytest.fixture
def run_checks(settings, monkeypatch):
    """Sets ``LICENSECHAIN_HOOKS`` and gives the ids and hints of what the project's checks then say."""
    monkeypatch.delenv("LICENSECHAIN_WEBHOOK_SECRET", raising=False)
    monkeypatch.delenv("LICENSECHAIN_WEBHOOK_SECRET_FILE", raising=False)

    def run(*, deploy=False, **given):
        settings.LICENSECHAIN_HOOKS = given
        found = checks.run_checks(include_deployment_checks=deploy)
        messages = [message for message in found if message.id.startswith("licensechain_hooks.")]
        return [(message.id.removeprefix("licensechain_hooks."), message.level) for message in messages], messages

    return run


def _handled():
    hooks = Hooks()
    hooks.on("license.revoked")(lambda _event: None)
    return hooks


def test_nothing_to_say(run_checks):
    """A project with a secret and a handler passes."""
    assert run_checks(SECRETS=["s3cr3t-of-these-tests"], HOOKS=_handled()) == ([], [])


@pytest.mark.parametrize(
    ("given", "expected", "hint"),
    [
        ({}, "E002", "set LICENSECHAIN_WEBHOOK_SECRET"),
        ({"SECRETS": ["your-webhook-secret"]}, "E002", "placeholder"),
        ({"SECRETS": [""]}, "E002", "empty"),
        ({"ENDPOINTS": {"eu": {"SECRETS": GOOD}, "us": {}}}, "E002", "set LICENSECHAIN_WEBHOOK_SECRET_US"),
        (
            {"SECRETS": GOOD, "TOLERANCE": 300},
            "E001",
            "LICENSECHAIN_HOOKS['TOLERANCE'] must be a timedelta",
        ),
        ({"SECRETS": GOOD, "TOLERANCE": timedelta(0)}, "E001", "tolerance must be a positive"),
        ({"SECRETS": GOOD, "HOOK": "x"}, "E001", "did you mean 'HOOKS'"),
        ({"SECRETS": GOOD, "DATABASE": "nowhere"}, "E001", "configure DATABASES"),
        ({"SECRETS": GOOD, "PAYLOAD_RETENTION": timedelta(days=36)}, "E001", "payload_retention is longer"),
        ({"SECRETS": GOOD, "RETENTION": timedelta(days=30)}, "E003", "Set RETENTION to 30 days, 0:05:00 at least"),
        ({"SECRETS": GOOD, "MAX_EVENT_AGE": None}, "E003", "Set RETENTION to None"),
        (
            {"ENDPOINTS": {"eu": {"SECRETS": GOOD}, "us": {"SECRETS": GOOD, "MAX_EVENT_AGE": timedelta(days=40)}}},
            "E003",
            "of the endpoint 'us'",
        ),
    ],
)
def test_errors(run_checks, given, expected, hint):
    """E001 to E003: what answers every delivery 503 is told once, by its kind; the other checks keep quiet about it."""
    hooks = {} if "HOOK" in given else {"HOOKS": _handled()}
    ids, (message,) = run_checks(**given, **hooks)
    assert ids == [(expected, checks.ERROR)]
    assert hint in message.hint


def test_each_setting_that_cannot_work_has_its_message(run_checks):
    """E001: whoever repairs the settings sees all that is wrong with them at once."""
    ids, messages = run_checks(SECRETS=GOOD, TOLERANCE=3, HOOK=1, WORKER={"concurency": 3})
    assert ids == [("E001", checks.ERROR)] * 3
    assert [message.hint.partition(" ")[0] for message in messages] == [
        "LICENSECHAIN_HOOKS['TOLERANCE']",
        "LICENSECHAIN_HOOKS",
        "LICENSECHAIN_HOOKS['WORKER']",
    ]


def test_what_is_wrong_for_all_endpoints_is_told_once(run_checks):
    """E001: a database that is not there is one fault, however many endpoints need it."""
    endpoints = {"eu": {"SECRETS": GOOD}, "us": {"SECRETS": GOOD}}
    assert run_checks(DATABASE="nowhere", HOOKS=_handled(), ENDPOINTS=endpoints)[0] == [("E001", checks.ERROR)]


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (["s3cr3t-of-15-ch", "s3cr3t-of-these-tests"], [("W001", checks.WARNING)]),
        (["s3cr3t-of-16-chs"], []),
        (lambda _request: ["short"], []),
    ],
)
def test_w001_a_short_secret(run_checks, secrets, expected):
    """W001: one secret under 16 characters is enough to forge with; those of a callable are not asked for."""
    ids, messages = run_checks(SECRETS=secrets, HOOKS=_handled())
    assert ids == expected
    assert "s3cr3t" not in repr(messages)


def test_w002_nobody_listens(run_checks):
    """W002: without any handler or receiver every event would be ignored."""
    ids, (message,) = run_checks(SECRETS=["s3cr3t-of-these-tests"], HOOKS=Hooks())
    assert ids == [("W002", checks.WARNING)]
    assert "webhooks.py" in message.hint


@pytest.mark.parametrize("register", ["fallback", "on", "include"])
def test_w002_is_content_with_any_handler(run_checks, register):
    """A fallback listens as a handler does, and so do included hooks."""
    hooks = Hooks()
    if register == "fallback":
        hooks.fallback(lambda _event: None)
    elif register == "on":
        hooks.on("*")(lambda _event: None)
    else:
        hooks.include(_handled())
    assert run_checks(SECRETS=["s3cr3t-of-these-tests"], HOOKS=hooks) == ([], [])


@pytest.mark.parametrize("signal", [webhook_received, event_signal("license.revoked")])
def test_w002_is_content_with_a_receiver(run_checks, signal):
    """A project of signals alone listens."""

    def receive(**_):
        pass

    signal.connect(receive)
    try:
        assert run_checks(SECRETS=["s3cr3t-of-these-tests"], HOOKS=Hooks()) == ([], [])
    finally:
        signal.disconnect(receive)


def test_e001_a_handler_that_needs_an_inbox(run_checks):
    """E001: in inline mode a transactional handler could not keep its promise."""
    hooks = Hooks()
    hooks.on("*", transactional=True)(lambda _event: None)
    given = {"SECRETS": ["s3cr3t-of-these-tests"], "HOOKS": hooks}
    assert run_checks(**given, PROCESSING="inline")[0] == [("E001", checks.ERROR)]
    assert run_checks(**given) == ([], [])


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [("licence.revoked", "license.revoked"), ("licence.*", "license.*"), ("shop.opened", None), ("license.*", None)],
)
def test_w003_a_misspelt_type(run_checks, pattern, meant):
    """W003: a handler for an event that is almost called so is named, with the event that was meant."""
    hooks = _handled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownEventTypeWarning)
        hooks.on(pattern)(_handler)
    ids, messages = run_checks(SECRETS=GOOD, HOOKS=hooks)
    assert ids == ([("W003", checks.WARNING)] if meant else [])
    assert all("_handler listens for" in each.hint and repr(meant) in each.hint for each in messages)


def test_w003_a_misspelt_signal(run_checks, monkeypatch):
    """W003: nobody sends the signal of a type that there is not."""
    from licensechain_hooks.contrib.django import signals

    monkeypatch.setattr(signals, "_by_type", {})
    with pytest.warns(UnknownEventTypeWarning):
        event_signal("licence.revoked")
    ids, (message,) = run_checks(SECRETS=GOOD, HOOKS=_handled())
    assert (ids, message.hint) == (
        [("W003", checks.WARNING)],
        "event_signal listens for 'licence.revoked': did you mean 'license.revoked'?",
    )


@pytest.mark.parametrize(
    ("debug", "hosts", "expected"),
    [
        (True, ["example.com"], ["W004"]),
        (True, ["*"], ["W004"]),
        (True, [], []),
        (True, ["localhost", ".localhost", "shop.localhost", "127.0.0.1", "[::1]"], []),
        (False, ["example.com"], []),
    ],
)
def test_w004_debug_with_a_public_host(run_checks, settings, debug, hosts, expected):
    """W004: DEBUG is for a machine that nobody else reaches."""
    settings.DEBUG, settings.ALLOWED_HOSTS = debug, hosts
    ids, _ = run_checks(SECRETS=GOOD, HOOKS=_handled())
    assert [name for name, _ in ids] == expected


@pytest.fixture
def secure(settings):
    """A project that is reached over HTTPS only."""
    settings.SECURE_SSL_REDIRECT = True


def _deployed(run_checks, **given):
    """The ids of what ``check --deploy`` says."""
    return [name for name, _ in run_checks(deploy=True, **{"SECRETS": GOOD, "HOOKS": _handled()} | given)[0]]


def test_w005_inline(run_checks, secure):
    """W005: a memory of one process is none in production."""
    assert _deployed(run_checks, PROCESSING="inline") == ["W005"]
    shared = MemoryDeduplicator()  # in the place of a Redis: whatever the project has chosen
    assert _deployed(run_checks, PROCESSING="inline", DEDUPLICATOR=shared) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["W006"]),
        ({"SECURE_SSL_REDIRECT": True}, []),
        ({"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, []),
    ],
)
def test_w006_plain_http(run_checks, settings, monkeypatch, given, expected):
    """W006: nothing says that deliveries arrive over HTTPS."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "OPTIONS", WAL)
    for name, value in given.items():
        setattr(settings, name, value)
    assert _deployed(run_checks) == expected


@pytest.mark.parametrize(
    ("options", "given", "expected"),
    [
        ({}, {}, ["W007"]),
        (WAL, {}, []),
        ({"init_command": "pragma journal_mode = wal; PRAGMA cache_size = 2000"}, {}, []),
        ({"init_command": "PRAGMA cache_size = 2000"}, {}, ["W007"]),
        ({}, {"PROCESSING": "inline"}, ["W005"]),
        ({}, {"DATABASE": "nowhere"}, ["E001"]),
    ],
)
def test_w007_sqlite_without_a_write_ahead_log(run_checks, secure, monkeypatch, options, given, expected):
    """W007: before a SQLite file goes into production, its readers and deliveries should not wait for each other."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "OPTIONS", options)
    assert _deployed(run_checks, **given) == expected
    assert "W007" not in [name for name, _ in run_checks(SECRETS=GOOD, HOOKS=_handled(), **given)[0]]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WEB_CONCURRENCY", "4", ["W008"]),
        ("WEB_CONCURRENCY", "1", []),
        ("WEB_CONCURRENCY", "auto", []),
        ("GUNICORN_CMD_ARGS", "--bind :8000 --workers=3", ["W008"]),
        ("GUNICORN_CMD_ARGS", "-w 3", ["W008"]),
        ("GUNICORN_CMD_ARGS", "--threads 3 --worker-class gthread", []),
    ],
)
def test_w008_sqlite_with_several_processes(run_checks, secure, monkeypatch, name, value, expected):
    """W008: several web processes would wait for each other's writes."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "OPTIONS", WAL)
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    monkeypatch.setenv(name, value)
    assert _deployed(run_checks) == expected


@pytest.mark.parametrize(
    ("engine", "options", "expected"),
    [
        ("postgresql", {}, ["W009"]),
        ("postgresql", {"options": "-c search_path=shop"}, ["W009"]),
        ("postgresql", {"options": "-c lock_timeout=2s"}, []),
        ("postgresql", {"options": "-c statement_timeout=2000"}, []),
        ("postgresql", {"service": "shop"}, []),
        ("mysql", {}, ["W009"]),
        ("mysql", {"init_command": "SET innodb_lock_wait_timeout = 2, lock_wait_timeout = 2"}, []),
    ],
)
def test_w009_a_lock_without_an_end(secure, settings, monkeypatch, engine, options, expected):
    """W009: where nothing bounds the waiting for a lock, no answer comes within the budget. Nobody connects for it."""
    from django.db import connections
    from django_project.databases import settings_of

    from licensechain_hooks.contrib.django.checks import run

    url = {"postgresql": "postgresql://nowhere.invalid/x", "mysql": "mysql://nowhere.invalid/x"}[engine]
    every = {"default": connections.settings["default"], "server": settings_of(url, OPTIONS=options)}
    monkeypatch.setitem(connections.settings, "server", connections.configure_settings(every)["server"])
    settings.LICENSECHAIN_HOOKS = {"SECRETS": GOOD, "HOOKS": _handled(), "DATABASE": "server"}
    try:  # these alone: Django's own checks of models ask a MySQL server for its version
        assert [message.id.rpartition(".")[2] for message in run("deploy")] == expected
    finally:
        del connections["server"]


@pytest.fixture
def check_database(settings, django_db_blocker):
    """The ids and hints of what ``check --database`` says of a database."""

    def check(alias, **given):
        settings.DATABASE_ROUTERS = ["licensechain_hooks.contrib.django.routers.InboxRouter"]
        settings.LICENSECHAIN_HOOKS = {"SECRETS": GOOD, "HOOKS": _handled(), "DATABASE": alias} | given
        with django_db_blocker.unblock():
            found = checks.run_checks(databases=[alias])
        messages = [message for message in found if message.id.startswith("licensechain_hooks.")]
        return {message.id.removeprefix("licensechain_hooks."): message.hint for message in messages}

    return check


def test_w010_a_database_without_the_tables(check_database, tmp_path, monkeypatch):
    """W010: what is missing is named; `migrate`, which is about to make it, is not told."""
    from django_project.databases import database

    with database("bare", f"sqlite:///{tmp_path / 'bare.db'}", migrate=False):
        assert check_database("bare")["W010"].startswith("Run `manage.py migrate --database bare`: 0001_initial")
        assert check_database("bare", PROCESSING="inline") == {}
        monkeypatch.setattr(sys, "argv", ["manage.py", "migrate"])
        assert check_database("bare") == {}


def test_w010_of_another_database(check_database, tmp_path, settings):
    """W010: a database that is not the inbox's is none of ours."""
    from django_project.databases import database

    with database("other", f"sqlite:///{tmp_path / 'other.db'}", migrate=False):
        assert check_database("other", DATABASE="default") == {}


def test_w010_a_server_that_is_away(check_database):
    """W010: what cannot be asked is not told to migrate, and no check raises."""
    from django_project.databases import database

    with database("away", "postgresql+psycopg://nobody@127.0.0.1:1/x", migrate=False):
        assert check_database("away") == {}


@pytest.mark.parametrize(
    ("processing", "todo"),
    [
        ("worker", "licensechain_worker"),
        ("thread", "embedded thread"),
        ("django_project.queues.queue", "engine's workers"),
    ],
)
def test_w011_nobody_works(check_database, tmp_path, django_db_blocker, processing, todo):
    """W011: entries that have been due for a quarter of an hour have no worker; those of just now may have."""
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox
    from licensechain_hooks.testing import FrozenClock
    from licensechain_hooks.testing.inbox_conformance import new_entry

    with django_db_blocker.unblock(), database("idle", f"sqlite:///{tmp_path / 'idle.db'}"):
        DjangoInbox("idle").record_many([new_entry("evt_2")])
        assert check_database("idle", PROCESSING=processing) == {}
        past = FrozenClock(datetime.now(UTC) - timedelta(minutes=20))
        DjangoInbox("idle", clock=past).record_many([new_entry("evt_1")])
        hint = check_database("idle", PROCESSING=processing)["W011"]
    assert hint.startswith("2 wait, the first since ")
    assert todo in hint


@pytest.mark.parametrize("routed", [False, True])
def test_w012_a_database_of_its_own(run_checks, settings, tmp_path, routed):
    """W012: an inbox elsewhere needs a router, or the ORM does not find it."""
    from django_project.databases import database

    if routed:
        settings.DATABASE_ROUTERS = ["licensechain_hooks.contrib.django.routers.InboxRouter"]
    with database("hooks", f"sqlite:///{tmp_path / 'hooks.db'}", migrate=False):
        ids, messages = run_checks(SECRETS=GOOD, HOOKS=_handled(), DATABASE="hooks")
    assert ids == ([] if routed else [("W012", checks.WARNING)])
    assert all("migrate --database hooks" in message.hint for message in messages)


def test_the_table_of_checks():
    """`CHECKS` has all there is to say of each: its number once, its level, when it runs, what it tells and why."""
    from licensechain_hooks.contrib.django.checks import CHECKS

    ids = [check.id for check in CHECKS]
    assert ids == [
        f"licensechain_hooks.{name}" for name in ("E001", "E002", "E003", *(f"W{n:03}" for n in range(1, 13)))
    ]
    for check in CHECKS:
        assert (check.level == "error") == (check.id.rpartition(".")[2][0] == "E")
        assert (check.message[-1], check.about[-1], "\n" in check.message) == (".", ".", False)


def test_checks_are_silenced_by_their_ids(run_checks, settings):
    """``SILENCED_SYSTEM_CHECKS`` is Django's own way to say that one knows."""
    _, (message,) = run_checks(SECRETS=["s3cr3t-of-15-ch"], HOOKS=_handled())
    settings.SILENCED_SYSTEM_CHECKS = [message.id]
    assert message.is_silenced()
