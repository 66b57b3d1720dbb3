"""Django in durable mode behind its servers, its inbox in SQLite and in PostgreSQL: the suite of every server."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from adapters_served import Pair, require, running
from databases import fresh_database

from licensechain_hooks.testing.server_conformance import Served, ServerConformance

ASGI, WSGI = Pair("uvicorn-h11", "django-asgi"), Pair("gunicorn", "django-wsgi")


@pytest.fixture(scope="class")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server in a process of its own, with an inbox of its own."""
    require(request.cls.pair)
    folder = tmp_path_factory.mktemp("served")
    with ExitStack() as stack:
        inbox = f"sqlite:///{folder / 'inbox.db'}"
        if request.cls.database == "postgresql":
            inbox = stack.enter_context(fresh_database(request.getfixturevalue("postgres_url")))
        yield stack.enter_context(running(request.cls.pair, folder, inbox=inbox))


class _Durable(ServerConformance):
    pair: Pair
    database: str


class TestWSGIUnderGunicornInSQLite(_Durable):
    pair, database = WSGI, "sqlite"


class TestASGIUnderUvicornInSQLite(_Durable):
    pair, database = ASGI, "sqlite"


class TestWSGIUnderGunicornInPostgreSQL(_Durable):
    pair, database = WSGI, "postgresql"


class TestASGIUnderUvicornInPostgreSQL(_Durable):
    pair, database = ASGI, "postgresql"
