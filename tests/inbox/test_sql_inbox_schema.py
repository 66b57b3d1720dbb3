"""The tables of `SqlInbox`: how they are made, brought up to date, and told to people."""

import importlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

from licensechain_hooks._entries import EntryFilter, NewEntry
from licensechain_hooks.exceptions import ConfigurationError
from licensechain_hooks.inbox import _schema
from licensechain_hooks.inbox.sql import SqlInbox

EXPORTED = Path(__file__).resolve().parents[2] / "contrib" / "deploy" / "sql"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'inbox.db'}"
        return
    server = sqlalchemy.make_url(request.getfixturevalue("postgres_url"))
    name = f"licensechain_schema_{tmp_path.name}".lower().replace("-", "_")[:60]
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def inboxes():
    """Closes the inboxes that are put in."""
    opened = []
    yield opened
    for inbox in opened:
        inbox.close()


def opened(inboxes, url):
    inboxes.append(SqlInbox(url))
    return inboxes[-1]


def structure(inbox):
    """Columns, keys and indexes of every table."""
    inspector = sqlalchemy.inspect(inbox.engine)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted((index["name"], tuple(index["column_names"])) for index in inspector.get_indexes(table)),
            sorted(tuple(constraint["column_names"]) for constraint in inspector.get_unique_constraints(table)),
        )
        for table in sorted(inspector.get_table_names())
    }


def an_entry(event_id):
    return NewEntry(
        endpoint="default",
        event_id=event_id,
        event_type="license.revoked",
        event_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        raw_body=b'{"id":"1","type":"license.revoked","timestamp":"2026-01-01T00:00:00Z","data":{"id":"lic_1"}}',
    )


def create_version(inbox, version):
    """The tables as an earlier version of this package made them."""
    with inbox.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {_schema.VERSION_TABLE} (version INTEGER NOT NULL)")
        connection.exec_driver_sql(f"INSERT INTO {_schema.VERSION_TABLE} (version) VALUES ({version})")
        for number, statements in _schema.migrations(inbox.engine.dialect):
            for statement in statements if number <= version else ():
                connection.exec_driver_sql(statement)


def test_every_version_has_a_migration():
    """The version that the code wants is the one that the migrations lead to."""
    assert len(_schema._MIGRATIONS) == _schema.VERSION


def test_creating_the_schema_twice_changes_nothing(url, inboxes):
    """`create_schema` says from which version to which it went, and may be called at every start."""
    inbox = opened(inboxes, url)
    assert inbox.create_schema() == (0, _schema.VERSION)
    before = structure(inbox)
    assert inbox.create_schema() == (_schema.VERSION, _schema.VERSION)
    assert structure(inbox) == before


@pytest.mark.parametrize("version", range(1, _schema.VERSION))
def test_every_earlier_version_leads_to_this_one(url, inboxes, version, tmp_path):
    """An inbox of any earlier version keeps its entries and ends with the tables of a new one."""
    old = opened(inboxes, url)
    create_version(old, version)
    row = old._row(an_entry("kept"))
    with old.engine.begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "INSERT INTO licensechain_hooks_entry (endpoint, event_id, variant, event_type, event_timestamp, "
                "raw_body, headers, state, received_at, attempts, error_code, error) VALUES (:endpoint, :event_id, "
                ":variant, :event_type, :event_timestamp, :raw_body, :headers, :state, :event_timestamp, 0, '', '')"
            ),
            row,
        )
    assert old.create_schema() == (version, _schema.VERSION)
    assert [entry.event_id for entry in old.entries(EntryFilter())] == ["kept"]
    assert [recorded.state for recorded in old.record_many([an_entry("kept"), an_entry("more")])] == [
        "duplicate",
        "new",
    ]
    if url.startswith("sqlite"):
        new = opened(inboxes, f"sqlite:///{tmp_path / 'new.db'}")
        new.create_schema()
        assert structure(old) == structure(new)


def test_a_newer_schema_is_not_touched(url, inboxes):
    """Tables of a newer version of this package are refused, with what to do."""
    inbox = opened(inboxes, url)
    inbox.create_schema()
    with inbox.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {_schema.VERSION_TABLE} SET version = {_schema.VERSION + 1}")
    with pytest.raises(ConfigurationError, match="upgrade licensechain-hooks"):
        inbox.create_schema()
    with pytest.raises(ConfigurationError, match="upgrade licensechain-hooks"):
        opened(inboxes, url).stats()


def test_sqlite_creates_its_tables_itself(tmp_path, inboxes):
    """A SQLite inbox needs no other step than to be used."""
    inbox = opened(inboxes, f"sqlite:///{tmp_path / 'inbox.db'}")
    assert [recorded.state for recorded in inbox.record_many([an_entry("1")])] == ["new"]


@pytest.mark.parametrize("version", [0, 1])
def test_a_server_without_the_tables_says_what_to_run(postgres_database, inboxes, version):
    """Elsewhere the tables are made by who may make them; until then the error names the command."""
    inbox = opened(inboxes, postgres_database)
    with inbox.engine.begin() as connection:
        for table in sqlalchemy.inspect(connection).get_table_names():
            connection.exec_driver_sql(f"DROP TABLE {table} CASCADE")
    if version:
        create_version(inbox, version)
    with pytest.raises(ConfigurationError, match="licensechain-hooks inbox migrate"):
        inbox.record_many([an_entry("1")])


def test_several_processes_may_create_the_schema_at_once(url, inboxes):
    """Of many who start at the same moment one creates the tables, and nobody fails."""
    several = [opened(inboxes, url) for _ in range(6)]
    start = threading.Barrier(len(several))
    results = []

    def create(inbox):
        start.wait()
        results.append(inbox.create_schema())

    threads = [threading.Thread(target=create, args=[inbox]) for inbox in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(0, _schema.VERSION), *[(_schema.VERSION, _schema.VERSION)] * 5]


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mysql"])
def test_the_exported_schema_is_that_of_the_code(name):
    """``contrib/deploy/sql`` holds what the code would create, to the letter."""
    dialect = importlib.import_module(f"sqlalchemy.dialects.{name}").dialect()
    assert (EXPORTED / f"{name}.sql").read_text(encoding="utf-8") == _schema.schema_sql(dialect)


def test_tables_made_from_the_script_are_taken(url, inboxes):
    """Who creates the tables by the script has a complete inbox."""
    inbox = opened(inboxes, url)
    with inbox.engine.begin() as connection:
        for statement in inbox.schema_sql().split(";\n\n"):
            if statement:
                connection.exec_driver_sql(statement)
    assert inbox.create_schema() == (_schema.VERSION, _schema.VERSION)
    (recorded,) = inbox.record_many([an_entry("1")])
    (claim,) = inbox.claim_many(["default"], limit=1, lease=timedelta(seconds=60))
    assert claim.pk == recorded.pk
