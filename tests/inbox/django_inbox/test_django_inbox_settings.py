"""What `DjangoInbox` is told about a project's databases."""

from datetime import timedelta

import pytest
from django_project.inboxes import states

from licensechain_hooks import ConfigurationError, StoreUnavailableError

pytest_plugins = ["django_project.support"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"using": "nowhere"}, "none that is called 'nowhere': configure DATABASES, or set PROCESSING to 'inline'"),
        ({"payload_retention": timedelta(days=40)}, "payload_retention is longer than retention"),
    ],
)
def test_what_cannot_work_fails_at_once(given, message):
    """A database that is not configured, and retentions that contradict each other, are refused where they are set."""
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    with pytest.raises(ConfigurationError, match=message):
        DjangoInbox(**given)


def test_a_project_without_databases(unblocked):
    """``DATABASES = {}`` is Django's default, and no database."""
    from django.db import connections

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    connections.settings["dummy"] = connections.configure_settings({"default": {}, "dummy": {}})["dummy"]
    try:
        with pytest.raises(ConfigurationError, match="configure DATABASES"):
            DjangoInbox("dummy")
    finally:
        del connections["dummy"], connections.settings["dummy"]


def test_a_database_of_another_kind(monkeypatch, sqlite):
    """What has no SQL of its own here is refused by its name."""
    from django.db import connections

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    monkeypatch.setattr(connections[sqlite], "vendor", "oracle", raising=False)
    with pytest.raises(ConfigurationError, match="not in oracle"):
        DjangoInbox(sqlite)


def test_a_database_without_the_tables(tmp_path, unblocked):
    """Whoever has not migrated is told to."""
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    with database("bare", f"sqlite:///{tmp_path / 'bare.db'}", migrate=False):
        for call in (lambda: states(DjangoInbox("bare"), "evt_1"), DjangoInbox("bare").stats):
            with pytest.raises(ConfigurationError, match=r"'bare' lacks .* run `manage\.py migrate`"):
                call()


def test_a_server_without_the_tables(postgres_url, unblocked):
    """The same of a server, which says it in its own words."""
    from databases import fresh_database
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    told = pytest.raises(ConfigurationError, match=r"run `manage\.py migrate`")
    with fresh_database(postgres_url) as url, database("bare", url, migrate=False), told:
        states(DjangoInbox("bare"), "evt_1")


def test_a_server_that_is_away(unblocked):
    """A server that does not answer is unavailable, and its password in no message."""
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    with database("away", "postgresql+psycopg://somebody:hunter2hunter2@127.0.0.1:1/x", migrate=False):
        inbox = DjangoInbox("away")
        with pytest.raises(StoreUnavailableError) as raised:
            inbox.stats()
    assert "hunter2hunter2" not in repr(inbox) + str(raised.value)
