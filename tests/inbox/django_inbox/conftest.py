"""Inboxes in Django's databases, for one module each; beside the tables of the project's apps."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if (adapters := str(Path(__file__).parents[2] / "adapters")) not in sys.path:
    sys.path.append(adapters)


@pytest.fixture(scope="module")
def unblocked(django_db_blocker: Any) -> Iterator[None]:
    """pytest-django keeps tests from databases it has not made."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory, unblocked: None) -> Iterator[str]:
    """The alias of a file."""
    from django_project.databases import database

    with database("in_sqlite", f"sqlite:///{tmp_path_factory.mktemp('inbox')}/inbox.db") as alias:
        yield alias


@pytest.fixture(scope="module")
def postgres(postgres_database: str, unblocked: None) -> Iterator[str]:
    """The alias of a PostgreSQL database."""
    from django_project.databases import database

    with database("in_postgres", postgres_database) as alias:
        yield alias


@pytest.fixture(scope="module")
def mariadb(mysql_database: str, unblocked: None) -> Iterator[str]:
    """The alias of a MariaDB database, where there is a server."""
    from django_project.databases import database

    with database("in_mariadb", mysql_database) as alias:
        yield alias


@pytest.fixture
def sqlite_inbox(sqlite: str) -> Any:
    """An empty inbox in a file."""
    from django_project.inboxes import opened

    return opened(sqlite)


@pytest.fixture
def postgres_inbox(postgres: str) -> Any:
    """An empty inbox in PostgreSQL."""
    from django_project.inboxes import opened

    return opened(postgres)


@pytest.fixture(params=["sqlite_inbox", "postgres_inbox"])
def inbox(request: pytest.FixtureRequest) -> Any:
    """An empty inbox in each."""
    return request.getfixturevalue(request.param)
