"""The app among the rest of a project: several databases, a user model of its own, time zones, upgrades, transactions."""

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import TestCase, override_settings
from django.utils import timezone

from licensechain_hooks._entries import EntryFilter, LedgerRow, Settlement
from licensechain_hooks.testing import event_body, make_event, sign_request
from licensechain_hooks.testing.inbox_conformance import new_entry

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

ROUTER = "licensechain_hooks.contrib.django.routers.InboxRouter"
TABLES = {"licensechain_hooks_entry", "licensechain_hooks_handler_run", "licensechain_hooks_newest"}
SECRET = "the-signing-secret-of-the-project"


def tables(alias):
    """The app's tables in a database."""
    from django.db import connections

    return TABLES & set(connections[alias].introspection.table_names())


@pytest.fixture
def apart(tmp_path, settings, django_hooks, django_db_blocker):
    """A project with the inbox in a database of its own, "hooks", beside one for the rest, "rest"."""
    from django_project.databases import database

    from licensechain_hooks.contrib.django.conf import get_receivers

    settings.DATABASE_ROUTERS = [ROUTER]
    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "worker", "DATABASE": "hooks"}
    settings.LICENSECHAIN_HOOKS = {**settings.LICENSECHAIN_HOOKS}
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("hooks", "rest")]
    with django_db_blocker.unblock(), database("hooks", urls[0]), database("rest", urls[1]):
        yield django_hooks
        get_receivers().stop()


def test_the_tables_are_in_one_database(apart):
    """With the router ``migrate`` makes the app's tables in the inbox's database, and in no other."""
    assert (tables("hooks"), tables("rest")) == (TABLES, set())


def test_the_orm_finds_the_inbox(apart, sync_site):
    """Queries that name no database go to the inbox's: reading, writing, following keys, deleting."""
    from django_project.support import Stored

    from licensechain_hooks.contrib.django.models import Entry, HandlerRun, Newest

    apart.on("license.revoked", latest_only=True)(lambda _event: None)
    assert sync_site.deliver(make_event("license.revoked", event_id="evt_1")).json() == {"status": "accepted"}
    Stored("hooks").drain()
    entry = Entry.objects.get()
    (run,) = entry.runs.all()
    assert (entry._state.db, entry.state, run.state, run.entry) == ("hooks", "processed", "done", entry)
    assert Newest.objects.count() == 1
    assert HandlerRun.objects.create(entry=entry, handler="x", state="done", attempts=1)._state.db == "hooks"
    entry.delete()
    assert (Entry.objects.count(), HandlerRun.objects.count()) == (0, 0)


def test_a_transaction_is_in_the_inboxs_database(apart, sync_site):
    """A transactional handler is in a transaction of that database, and of no other."""
    from django.db import connections
    from django_project.support import Stored

    seen = []

    @apart.on("*", transactional=True)
    def look(event):
        seen.append([connections[alias].in_atomic_block for alias in ("hooks", "rest")])

    sync_site.deliver(make_event())
    Stored("hooks").drain()
    assert seen == [[True, False]]


def test_other_apps_are_left_to_other_routers(apart):
    """The router has no opinion of what is not the app's."""
    from django_project.shop.models import Lock

    from licensechain_hooks.contrib.django.models import Entry, HandlerRun
    from licensechain_hooks.contrib.django.routers import InboxRouter

    router = InboxRouter()
    assert [router.db_for_read(Lock), router.db_for_write(Lock), router.allow_migrate("rest", "shop")] == [None] * 3
    assert router.allow_relation(Lock(), Entry()) is None
    assert router.allow_relation(HandlerRun(), Entry()) is True


def test_a_router_without_settings(settings):
    """Settings that cannot be read are told by a check, not by every query."""
    from licensechain_hooks.contrib.django.models import Entry
    from licensechain_hooks.contrib.django.routers import InboxRouter

    settings.LICENSECHAIN_HOOKS = {"TOLERANCE": 3}
    router = InboxRouter()
    assert (router.db_for_read(Entry), router.allow_migrate("default", "licensechain_hooks")) == (None, None)


_PERSON = """
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

class Person(AbstractBaseUser):
    email = models.EmailField(primary_key=True)
    objects = BaseUserManager()
    USERNAME_FIELD = "email"
"""
_SETTINGS = f"""
SECRET_KEY = "of-a-test"
INSTALLED_APPS = ["django.contrib.contenttypes", "people", "licensechain_hooks.contrib.django"]
AUTH_USER_MODEL = "people.Person"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "people.sqlite3"}}}}
LICENSECHAIN_HOOKS = {{"SECRETS": ["{SECRET}"], "PROCESSING": "worker"}}
ALLOWED_HOSTS = []
"""
_WEBHOOKS = """
from licensechain_hooks import on

@on("license.revoked", transactional=True)
def lock(event):
    print("locked", event.data.id)
"""


def test_a_user_model_of_its_own_is_left_alone(tmp_path):
    """A project without Django's users has the app, its tables and its commands; nothing refers to a user."""
    people = tmp_path / "people"
    (people / "migrations").mkdir(parents=True)
    for name, text in (
        ("people/__init__.py", ""),
        ("people/migrations/__init__.py", ""),
        ("people/models.py", _PERSON),
        ("people/webhooks.py", _WEBHOOKS),
        ("people_settings.py", _SETTINGS),
    ):
        (tmp_path / name).write_text(text)
    paths = os.pathsep.join(path for path in (str(tmp_path), *sys.path) if path)

    def manage(*arguments):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "django", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "people_settings"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage("makemigrations", "people")
    manage("makemigrations", "--check")
    manage("migrate", "-v0")
    manage("check", "--database", "default")
    assert manage("licensechain_trigger", "license.revoked", "--data", "id=lic_7", "--yes", "--run").splitlines()[
        -2:
    ] == ["locked lic_7", "processed 1"]


def test_no_model_refers_to_another_app():
    """So a project can delete, replace or move its own models as if this app were not there."""
    from django.apps import apps

    for model in apps.get_app_config("licensechain_hooks").get_models(include_auto_created=True):
        referred = {field.related_model._meta.app_label for field in model._meta.get_fields() if field.is_relation}
        assert referred <= {"licensechain_hooks"}


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Apia"])
def test_time_zones(no_worker, sync_site, stored, use_tz, zone):
    """With and without USE_TZ, and wherever the project is, times are right: to the inbox, the ORM and handlers."""
    from licensechain_hooks.contrib.django.conf import get_receivers
    from licensechain_hooks.contrib.django.models import Entry

    received = []
    no_worker.on("*")(lambda _event, context: received.append(context.received_at))
    happened = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # an hour before Berlin's clocks go forward
    with override_settings(USE_TZ=use_tz, TIME_ZONE=zone, LICENSECHAIN_HOOKS=_ageless(no_worker)):
        before = timezone.now()
        sync_site.deliver(make_event(event_id="evt_1", timestamp=happened))
        stored.drain()
        entry = Entry.objects.get()
        (seen,) = get_receivers().inbox.entries(EntryFilter())
        assert timezone.is_aware(entry.received_at) == use_tz
        assert before - timedelta(seconds=2) <= entry.received_at <= timezone.now() + timedelta(seconds=2)
        assert Entry.objects.filter(received_at__gte=before - timedelta(seconds=2)).count() == 1
    assert (seen.event_timestamp, seen.event_timestamp.tzinfo is not None) == (happened, True)
    assert abs(received[0] - datetime.now(UTC)) < timedelta(seconds=60)


def _ageless(hooks):
    return {
        "SECRETS": [SECRET],
        "HOOKS": hooks,
        "PROCESSING": "worker",
        "MAX_EVENT_AGE": None,
        "RETENTION": None,
        "PAYLOAD_RETENTION": None,
    }


@contextmanager
def _fresh(kind, request, tmp_path):
    from databases import fresh_database

    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'upgraded.db'}"
    else:
        with fresh_database(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_from_the_first_migration_with_data(request, tmp_path, django_db_blocker, kind):
    """Whoever installed the first version and has entries in every state keeps them all through every migration."""
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox
    from licensechain_hooks.contrib.django.models import Entry

    with (
        django_db_blocker.unblock(),
        _fresh(kind, request, tmp_path) as url,
        database("upgraded", url, migrate=False),
    ):
        connection = connections["upgraded"]
        executor = MigrationExecutor(connection)
        first, *others = sorted(
            name for label, name in executor.loader.disk_migrations if label == "licensechain_hooks"
        )
        state = executor.migrate([("licensechain_hooks", first)])
        _fill(state.apps)
        before = _rows(connection)
        for name in others:
            executor = MigrationExecutor(connection)
            executor.migrate([("licensechain_hooks", name)])
            assert _rows(connection) == before
        assert len(before["licensechain_hooks_entry"]) == len(Entry.State.values)
        inbox = DjangoInbox("upgraded")
        assert set(inbox.stats().states.values()) == {1}
        claims = inbox.claim_many(["default"], limit=10, lease=timedelta(seconds=60))
        assert [claim.event_id for claim in claims] == ["evt_received", "evt_processing", "evt_failed"]
        assert dict(claims[2].runs)["shop.lock"].state == "failed"
        row = LedgerRow(handler="shop.lock", state="done")
        assert inbox.settle_many([Settlement(claim=claim, state="processed", runs=(row,)) for claim in claims]) == [
            True,
            True,
            True,
        ]
        assert inbox.record_many([new_entry("evt_dead")])[0].state == "duplicate"
        MigrationExecutor(connection).migrate([("licensechain_hooks", None)])
        assert tables("upgraded") == set()


def _fill(apps):
    """An entry in each state, by the models of that time, the ledger and what was newest."""
    entry_model, run_model, newest_model = (
        apps.get_model("licensechain_hooks", name) for name in ("Entry", "HandlerRun", "Newest")
    )
    past = timezone.now() - timedelta(hours=1)
    for state in ("received", "processing", "processed", "failed", "dead", "ignored", "conflict"):
        is_due = state in {"received", "processing", "failed"}
        entry = entry_model(
            endpoint="default",
            event_id=f"evt_{state}",
            variant="0" * 64 if state == "conflict" else "",
            event_type="license.created",
            event_timestamp=past,
            received_at=past,
            state=state,
            attempts=0 if state == "received" else 1,
            next_attempt_at=past if is_due else None,
            lease_token="0" * 16 if state == "processing" else None,
            license_id="lic_1",
            headers='{"user-agent": "LicenseChain"}',
            raw_body=new_entry(f"evt_{state}").raw_body,
            error_code="LookupError" if state in {"failed", "dead"} else "",
            error="",
            done_at=None if is_due else past,
        )
        entry.save(using="upgraded")
        if state in {"processed", "failed"}:
            done = "done" if state == "processed" else "failed"
            run_model(entry=entry, handler="shop.lock", state=done, attempts=1, done_at=past).save(
                using="upgraded", force_insert=True
            )
    newest_model(endpoint="default", license_id="lic_1", handler="shop.lock", event_timestamp=past).save(
        using="upgraded", force_insert=True
    )


def _rows(connection):
    """Every row of the app, by table."""
    found = {}
    for table in sorted(TABLES):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
            names = [column[0] for column in cursor.description]
            found[table] = [
                {
                    name: bytes(value) if isinstance(value, memoryview) else value
                    for name, value in zip(names, row, strict=True)
                }
                for row in cursor.fetchall()
            ]
    return found


class TransactionTests(TestCase):
    """In a ``TestCase`` of a project: callbacks of ``on_commit`` in handlers, as Django's own tests treat them.

    A handler that sends something once its writes are committed registers that by ``transaction.on_commit``. A
    ``TestCase`` commits nothing, so ``captureOnCommitCallbacks(execute=True)`` runs what was registered.
    """

    def setUp(self):
        from licensechain_hooks import Hooks

        self.hooks, self.mails = Hooks(), []
        given = {"SECRETS": [SECRET], "HOOKS": self.hooks, "PROCESSING": "worker"}
        changed = override_settings(LICENSECHAIN_HOOKS=given)
        changed.enable()
        self.addCleanup(changed.disable)

        @self.hooks.on("license.revoked", transactional=True)
        def lock(event, context):
            from django.db import transaction
            from django_project.shop.models import Lock

            Lock.objects.create(license=event.data.id)
            transaction.on_commit(lambda: self.mails.append(event.data.id))
            if event.data.id == "lic_2":
                raise LookupError

    def deliver(self, license_id):
        """Deliver an event and run its handlers."""
        from licensechain_hooks.contrib.django.conf import get_receivers

        body = event_body(make_event("license.revoked", data={"id": license_id}))
        headers = sign_request(body, SECRET)
        response = self.client.post("/sync/", body, content_type=headers.pop("Content-Type"), headers=headers)
        assert response.json() == {"status": "accepted"}
        get_receivers().worker.drain()

    def test_callbacks_are_captured(self):
        """What a transactional handler registers is captured, and run when that is asked for."""
        from django_project.shop.models import Lock

        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            self.deliver("lic_1")
        assert (len(callbacks), self.mails, Lock.objects.count()) == (1, ["lic_1"], 1)

    def test_callbacks_of_a_handler_that_failed(self):
        """What was rolled back sends nothing."""
        from django_project.shop.models import Lock

        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            self.deliver("lic_2")
        assert (len(callbacks), self.mails, Lock.objects.count()) == (0, [], 0)


def test_on_commit_in_production(no_worker, sync_site, stored):
    """Outside of tests the callback runs after the commit of the handler's writes with its ledger row."""
    from django.db import connection, transaction

    from licensechain_hooks.contrib.django.models import HandlerRun

    seen = []

    @no_worker.on("*", transactional=True)
    def lock(event):
        transaction.on_commit(lambda: seen.append((connection.in_atomic_block, HandlerRun.objects.get().state)))

    sync_site.deliver(make_event())
    stored.drain()
    assert seen == [(False, "done")]
