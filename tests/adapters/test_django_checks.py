"""System checks: what would fail at the first delivery is told at the start."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import checks

from licensechain_hooks import Hooks
from licensechain_hooks.contrib.django.signals import event_signal, webhook_received

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


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
    ("given", "hint"),
    [
        ({}, "LICENSECHAIN_WEBHOOK_SECRET"),
        ({"SECRETS": ["your-webhook-secret"]}, "placeholder"),
        (
            {"SECRETS": ["s3cr3t-of-these-tests"], "TOLERANCE": 300},
            "LICENSECHAIN_HOOKS['TOLERANCE'] must be a timedelta",
        ),
        ({"SECRETS": ["s3cr3t-of-these-tests"], "HOOK": "x"}, "did you mean 'HOOKS'"),
        ({"SECRETS": ["s3cr3t-of-these-tests"], "DATABASE": "nowhere"}, "configure DATABASES"),
        ({"SECRETS": ["s3cr3t-of-these-tests"], "RETENTION": timedelta(days=30)}, "raise its retention"),
    ],
)
def test_e001_settings_that_cannot_work(run_checks, given, hint):
    """E001: the error of the settings is the hint; the other checks keep quiet about what they cannot know."""
    hooks = {} if "HOOK" in given else {"HOOKS": _handled()}
    ids, (message,) = run_checks(**given, **hooks)
    assert ids == [("E001", checks.ERROR)]
    assert hint in message.hint


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
    ("options", "given", "expected"),
    [
        ({}, {}, [("W003", checks.WARNING)]),
        ({"init_command": "PRAGMA journal_mode=WAL;"}, {}, []),
        ({"init_command": "pragma journal_mode = wal; PRAGMA cache_size = 2000"}, {}, []),
        ({"init_command": "PRAGMA cache_size = 2000"}, {}, [("W003", checks.WARNING)]),
        ({}, {"PROCESSING": "inline"}, []),
        ({}, {"DATABASE": "nowhere"}, [("E001", checks.ERROR)]),
    ],
)
def test_w003_sqlite_without_a_write_ahead_log(run_checks, monkeypatch, options, given, expected):
    """W003: before a SQLite file goes into production, its readers and deliveries should not wait for each other."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "OPTIONS", options)
    given = {"SECRETS": ["s3cr3t-of-these-tests"], "HOOKS": _handled()} | given
    ids, _ = run_checks(deploy=True, **given)
    assert ids == expected
    assert "W003" not in [name for name, _ in run_checks(**given)[0]]
