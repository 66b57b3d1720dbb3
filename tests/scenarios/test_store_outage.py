"""The store stops, hangs, is locked or full of connections, while deliveries arrive at real servers.

Every answer is 200 or 503, in time; a 200 is kept: its event is stored, and its transactional handler has run once.
"""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from postgres_server import PostgresServer
from sending import BUDGET, Answered, Stream, new_delivery, send_all
from serving import Application, Plan

pytestmark = pytest.mark.timeout(400)  # seconds, on a machine with much else to do
every_host = pytest.mark.parametrize("framework", ["starlette", "flask", "django", "django-asgi"])
hosts = pytest.mark.parametrize("framework", ["starlette", "flask", "django"])


@contextmanager
def steady(application: Application) -> Iterator[Stream]:
    """A stream of new deliveries, from when it flows."""
    with Stream(application.address, lambda: new_delivery(application.secret)) as stream:
        stream.wait_for(200, count=30)
        yield stream


def check(application: Application, answers: list[Answered]) -> None:
    """What holds after any outage."""
    application.wait_until_idle()
    stored = {entry.event_id for entry in application.entries()}
    inside, outside = application.effects_inside(), application.effects_outside()
    assert {answer.status for answer in answers} == {200, 503}
    assert [answer for answer in answers if answer.seconds > BUDGET] == []
    assert [
        answer for answer in answers if answer.status == 503 and not answer.headers["retry-after"].isdecimal()
    ] == []
    assert {answer.event_id for answer in answers if answer.status == 200} - stored == set()
    assert {entry.state for entry in application.entries()} == {"processed"}
    assert {event_id for event_id, _ in inside} == {event_id for event_id, _ in outside} == stored
    assert set(inside.values()) == {1}


@every_host
def test_postgresql_crashes_and_comes_back(framework: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    """While PostgreSQL is gone deliveries get 503; once it is back they get 200, with no restart of the server."""
    plan = Plan(framework=framework, inbox=postgres_server.url, folder=str(tmp_path), lease=2)
    with Application(plan) as application:
        with steady(application) as stream:
            postgres_server.stop("immediate")
            stream.wait_for(503, count=200)
            postgres_server.start()
            stream.wait_for(200, count=100)
        check(application, stream.answers)


@pytest.mark.parametrize("framework", ["starlette", "flask", "django-asgi"])
def test_postgresql_hangs(framework: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    """While PostgreSQL takes connections and says nothing, deliveries get 503 in time."""
    plan = Plan(framework=framework, inbox=postgres_server.url, folder=str(tmp_path))
    with Application(plan) as application:
        with steady(application) as stream:
            with hanging(postgres_server):
                stream.wait_for(503, count=12)
            stream.wait_for(200, count=50)
        check(application, stream.answers)


@pytest.mark.parametrize("framework", ["starlette", "flask", "django-asgi"])  # Django's own connections wait for ever
def test_a_table_is_locked(framework: str, empty_database: Callable[[str], str], tmp_path: Path) -> None:
    """While somebody holds a lock on PostgreSQL's table, as migrations do, deliveries get 503 in time."""
    plan = Plan(framework=framework, inbox=empty_database("postgresql"), folder=str(tmp_path))
    with Application(plan) as application:
        with steady(application) as stream:
            with psycopg.connect(dsn(plan.inbox)) as other:
                other.execute("LOCK TABLE licensechain_hooks_entry IN EXCLUSIVE MODE")
                stream.wait_for(503, count=12)
            stream.wait_for(200, count=50)
        check(application, stream.answers)


@hosts
def test_a_row_is_locked(framework: str, empty_database: Callable[[str], str], tmp_path: Path) -> None:
    """A redelivery is a duplicate at once, also while somebody, a handler perhaps, has its entry's row locked."""
    plan = Plan(framework=framework, inbox=empty_database("postgresql"), folder=str(tmp_path))
    with Application(plan) as application:
        delivery = new_delivery(application.secret)
        first = send_all(application.address, [delivery], connections=1)
        application.wait_until_idle()
        with psycopg.connect(dsn(plan.inbox)) as other:
            other.execute("SELECT 1 FROM licensechain_hooks_entry FOR UPDATE")
            again = send_all(application.address, [delivery] * 20, connections=4)
    assert [answer.outcome for answer in first] == ["accepted"]
    assert [answer.outcome for answer in again] == ["duplicate"] * 20


@every_host
def test_sqlite_is_locked(framework: str, empty_database: Callable[[str], str], tmp_path: Path) -> None:
    """While another process holds SQLite's only write lock, deliveries get 503 in time."""
    plan = Plan(framework=framework, inbox=empty_database("sqlite"), folder=str(tmp_path))
    with Application(plan) as application:
        with steady(application) as stream:
            database = sqlalchemy.make_url(plan.inbox).database
            with closing(sqlite3.connect(str(database), isolation_level=None, timeout=30)) as other:
                other.execute("BEGIN IMMEDIATE")
                stream.wait_for(503, count=12)
            stream.wait_for(200, count=50)
        check(application, stream.answers)


@hosts
def test_all_connections_are_taken(framework: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    """While PostgreSQL has no connection left, deliveries get 503; with the first free ones they get 200."""
    application = Application(Plan(framework=framework, inbox=postgres_server.url, folder=str(tmp_path)))
    with ExitStack() as taken:
        with suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(closing(psycopg.connect(postgres_server.dsn)))
        with application:
            with Stream(application.address, lambda: new_delivery(application.secret)) as stream:
                stream.wait_for(503, count=30)
                taken.close()
                stream.wait_for(200, count=50)
            check(application, stream.answers)


@contextmanager
def hanging(server: PostgresServer) -> Iterator[None]:
    """Every process of the server is stopped meanwhile: the kernel takes connections, nobody answers."""
    with psycopg.connect(server.dsn) as connection:
        ((postmaster,),) = connection.execute("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
        processes = [int(postmaster), *(pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity"))]
    try:
        for process in processes:
            with suppress(ProcessLookupError):  # the backend of that connection
                os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def dsn(url: str) -> str:
    """A URL for SQLAlchemy as libpq reads it."""
    return url.replace("postgresql+psycopg:", "postgresql:", 1)
