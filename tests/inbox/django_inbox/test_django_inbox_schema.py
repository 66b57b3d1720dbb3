"""The tables that ``manage.py migrate`` makes: those of `SqlInbox`, to the column."""

import re
from io import StringIO

import pytest
import sqlalchemy
from django.core.management import call_command

from licensechain_hooks._entries import LedgerRow, Settlement
from licensechain_hooks.inbox.sql import SqlInbox

pytest_plugins = ["django_project.support"]

TABLES = ("licensechain_hooks_entry", "licensechain_hooks_handler_run", "licensechain_hooks_newest")
NAMES_OF_TYPES = {"BIGINT": "INTEGER"}  # a row number of SQLite's is INTEGER, and Django refers to it by BIGINT


def structure(url):
    """Columns, keys and indexes of the inbox's tables; the indexes without their names."""
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    tables = {table: told(inspector, table) for table in TABLES}
    engine.dispose()
    return tables


def told(inspector, table):
    """What a database says of a table."""
    return {
        "columns": {
            column["name"]: (
                type_name(column["type"]),
                getattr(column["type"], "timezone", None),
                getattr(column["type"], "collation", None),
                column["nullable"],
            )
            for column in inspector.get_columns(table)
        },
        "key": inspector.get_pk_constraint(table)["constrained_columns"],
        "references": [
            (key["constrained_columns"], key["referred_table"], key["referred_columns"])
            for key in inspector.get_foreign_keys(table)
        ],
        "unique": [tuple(found["column_names"]) for found in inspector.get_unique_constraints(table)],
        "indexes": sorted(
            (tuple(index["column_names"]), where(index))
            for index in inspector.get_indexes(table)
            if "duplicates_constraint" not in index and not index["unique"]
        ),
    }


def type_name(column_type):
    """Its name as SQL writes it, without what is compared on its own."""
    return NAMES_OF_TYPES.get(str(column_type), str(column_type).partition(" COLLATE")[0])


def where(index):
    """The rows that a partial index has, in few words."""
    options = index.get("dialect_options", {})
    condition = str(next((options[name] for name in options if name.endswith("_where")), ""))
    words = re.findall(r"[a-z_]+", condition.replace("::text", "").lower())
    return tuple(sorted({*words} - {"and", "any", "array", "character", "in", "varying", "text"}))


@pytest.fixture(params=["sqlite", "postgres"])
def two_urls(request, tmp_path):
    """Two databases without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'django.db'}", f"sqlite:///{tmp_path / 'sql.db'}"
        return
    from databases import fresh_database

    server = request.getfixturevalue("postgres_url")
    with fresh_database(server) as one, fresh_database(server) as other:
        yield one, other


@pytest.mark.parametrize("condition", ["WHERE", ""])
def test_the_index_reader_tells_conditions_apart(tmp_path, condition):
    """What compares the schemas sees a difference where there is one."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER NOT NULL, b VARCHAR(3))")
        connection.exec_driver_sql(f"CREATE INDEX i ON t (b, a) {condition and 'WHERE b IS NOT NULL'}")
    expected = ("b", "is", "not", "null") if condition else ()
    assert told(sqlalchemy.inspect(engine), "t")["indexes"] == [(("b", "a"), expected)]
    engine.dispose()


def test_migrations_make_the_same_tables(two_urls, unblocked):
    """Columns, types, what may be NULL, keys, and indexes with their conditions."""
    from django_project.databases import database

    migrated, created = two_urls
    inbox = SqlInbox(created)
    inbox.create_schema()
    inbox.close()
    with database("schema", migrated):
        assert structure(migrated) == structure(created)


def test_mysql_compares_to_the_letter(mysql_url, unblocked):
    """In a database for Latin letters, too, texts are UTF-8, and "A" is not "a"."""
    from databases import fresh_database
    from django_project.databases import database

    with fresh_database(mysql_url) as url, database("schema", url):
        collations = {
            (table, column): given[2]
            for table, told_of in structure(url).items()
            for column, given in told_of["columns"].items()
            if given[2] is not None
        }
    assert set(collations.values()) == {"utf8mb4_bin"}
    assert len(collations) == 16


def test_the_models_have_no_changes_without_a_migration():
    """``makemigrations --check`` is content."""
    output = StringIO()
    call_command("makemigrations", "licensechain_hooks", check=True, dry_run=True, stdout=output)
    assert output.getvalue() == "No changes detected in app 'licensechain_hooks'\n"


@pytest.mark.django_db(transaction=True)
def test_sqlmigrate():
    """Who applies migrations by hand can read them as SQL."""
    output = StringIO()
    call_command("sqlmigrate", "licensechain_hooks", "0001", stdout=output)
    assert output.getvalue().count("CREATE TABLE") == 3
    assert "CANNOT BE WRITTEN AS SQL" not in output.getvalue()


@pytest.mark.django_db
def test_the_orm_reads_what_the_inbox_has_written():
    """An entry, its ledger by its composite key, and what was newest: all there for the project's own queries."""
    from datetime import UTC, datetime, timedelta

    from licensechain_hooks.contrib.django.inbox import DjangoInbox
    from licensechain_hooks.contrib.django.models import Entry, HandlerRun, Newest
    from licensechain_hooks.testing import FrozenClock
    from licensechain_hooks.testing.inbox_conformance import new_entry

    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    inbox = DjangoInbox(clock=FrozenClock(now))
    inbox.record_many([new_entry("evt_1", license_id="lic_1")])
    (claim,) = inbox.claim_many(["default"], limit=1, lease=timedelta(seconds=60))
    row = LedgerRow(handler="shop.lock", state="done", latest_only=True)
    inbox.settle_many([Settlement(claim=claim, state="processed", runs=(row,))])
    entry = Entry.objects.get(event_id="evt_1")
    run = HandlerRun.objects.select_related("entry").get(pk=(entry.id, "shop.lock"))
    assert (entry.received_at, entry.state, entry.get_state_display(), str(entry)) == (
        now,
        Entry.State.PROCESSED,
        "processed",
        "license.created evt_1",
    )
    assert (run.entry, run.done_at, str(run), list(entry.runs.all())) == (entry, now, "shop.lock: done", [run])
    assert [str(newest) for newest in Newest.objects.filter(license_id="lic_1")] == ["lic_1, shop.lock"]


@pytest.mark.django_db
def test_the_orm_deletes_an_entry_with_its_ledger():
    """Whoever deletes an entry by the ORM is not stopped by its ledger."""
    from django.utils import timezone

    from licensechain_hooks.contrib.django.inbox import DjangoInbox
    from licensechain_hooks.contrib.django.models import Entry, HandlerRun
    from licensechain_hooks.testing.inbox_conformance import new_entry

    DjangoInbox().record_many([new_entry("evt_1")])
    entry = Entry.objects.get()
    HandlerRun.objects.create(entry=entry, handler="shop.lock", state="done", attempts=1, done_at=timezone.now())
    entry.delete()
    assert not HandlerRun.objects.exists()
