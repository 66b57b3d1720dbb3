"""Empty inboxes in one directory: SQLite's files, and databases of a PostgreSQL that is thrown away afterwards."""

import itertools
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from licensechain_hooks.inbox.sql import SqlInbox

_SUPPORT = Path(__file__).resolve().parents[2] / "tests" / "support"  # what tests and benchmarks share
if str(_SUPPORT) not in sys.path:
    sys.path.append(str(_SUPPORT))

from postgres_server import NoPostgresError, PostgresServer  # noqa: E402

KINDS = ("PostgreSQL", "SQLite")


class Databases:
    """Databases with an inbox's tables; PostgreSQL is started when it is first asked for.

    Args:
        directory: for their files.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)
        self._server: PostgresServer | None = None
        self._no_server = "" if find_spec("psycopg") else "no psycopg"

    def lack(self, kind: str) -> str:
        """Why there are no databases of a kind; empty where there are."""
        if kind == "PostgreSQL" and self._server is None and not self._no_server:
            self._start()
        return self._no_server if kind == "PostgreSQL" else ""

    def new(self, kind: str) -> str:
        """The URL of a new, empty inbox of a kind there is."""
        name = f"inbox{next(self._numbers)}"
        url = f"sqlite:///{self._directory / name}.db" if kind == "SQLite" else self._new_on_server(name)
        inbox = SqlInbox(url)
        inbox.create_schema()
        inbox.close()
        return url

    def close(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.close()

    def _start(self) -> None:
        before, tempfile.tempdir = tempfile.tempdir, str(self._directory)  # the server's files belong on the same disk
        try:
            self._server = PostgresServer({"max_connections": "200"})  # naive stores have one for each thread
        except NoPostgresError:
            self._no_server = "no PostgreSQL"
        finally:
            tempfile.tempdir = before

    def _new_on_server(self, name: str) -> str:
        import psycopg

        assert self._server is not None, "lack() was not asked"
        with psycopg.connect(self._server.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._server.url.removesuffix("/postgres") + f"/{name}"


def dsn_of(url: str) -> str:
    """The URL of a PostgreSQL database as libpq reads it."""
    return url.replace("+psycopg", "", 1)


def file_of(url: str) -> str:
    """The file of a SQLite database."""
    return url.removeprefix("sqlite:///")
