"""Inboxes in PostgreSQL and in Django's databases against a model; for a long look: ``LICENSECHAIN_TEST_EXAMPLES=1000``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from databases import fresh_database
from inbox_machine import run_machine

from licensechain_hooks import Inbox
from licensechain_hooks.inbox.sql import SqlInbox

if (adapters := str(Path(__file__).parents[1] / "adapters")) not in sys.path:
    sys.path.append(adapters)
pytest_plugins = ["django_project.support"]
pytestmark = pytest.mark.timeout(900)  # shrinking takes its time


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[str]:
    """An empty database of the test's own."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def sql_inbox(postgres: str) -> Iterator[Callable[..., Inbox]]:
    """Opens an inbox in PostgreSQL, through SQLAlchemy."""
    engine = sqlalchemy.create_engine(postgres)
    SqlInbox(engine).create_schema()
    found = sqlalchemy.MetaData()
    found.reflect(engine)
    opened: list[SqlInbox] = []

    def open_inbox(clock: Any, *, fresh: bool, **retention: Any) -> Inbox:
        if fresh:
            while opened:
                opened.pop().close()
            with engine.begin() as connection:
                for table in reversed(found.sorted_tables):
                    if not table.name.endswith("_schema"):
                        connection.execute(table.delete())
        opened.append(SqlInbox(postgres, clock=clock, **retention))
        return opened[-1]

    yield open_inbox
    while opened:
        opened.pop().close()
    engine.dispose()


def test_postgresql(sql_inbox: Callable[..., Inbox]) -> None:
    """The inbox in PostgreSQL is what an inbox is."""
    run_machine(sql_inbox, examples=25)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_django(kind: str, request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> None:
    """The inbox in a database of a Django project is what an inbox is."""
    from django_project.databases import database, empty

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    sqlite = f"sqlite:///{tmp_path}/inbox.db"
    url = sqlite if kind == "sqlite" else request.getfixturevalue("postgres")
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        alias = stack.enter_context(database(f"stateful_{kind}", url))

        def open_inbox(clock: Any, *, fresh: bool, **retention: Any) -> Inbox:
            if fresh:
                empty(alias)
            return DjangoInbox(alias, clock=clock, **retention)

        run_machine(open_inbox, examples=20)
