"""The disk of the inbox is slow, or hangs in the middle of a commit, while deliveries arrive at real servers.

PostgreSQL itself plays the disk: it can wait before it flushes a commit, and after it until another machine has it too.
"""

from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer
from sending import BUDGET, Stream, new_delivery
from serving import Application, Plan

pytestmark = pytest.mark.timeout(400)  # seconds, on a machine with much else to do


def set_up(server: PostgresServer, **settings: str) -> None:
    """Change settings of a server that runs; an empty text is the default."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
        connection.execute("SELECT pg_reload_conf()")


def check(application: Application, stream: Stream) -> None:
    """Every answer came in time; what got 200 is stored, and its handlers have run, the transactional one once."""
    application.wait_until_idle()
    stored = {entry.event_id for entry in application.entries()}
    inside, outside = application.effects_inside(), application.effects_outside()
    assert [answer for answer in stream.answers if answer.seconds > BUDGET] == []
    assert {answer.event_id for answer in stream.answers if answer.status == 200} - stored == set()
    assert {entry.state for entry in application.entries()} == {"processed"}
    assert {event_id for event_id, _ in inside} == {event_id for event_id, _ in outside} == stored
    assert set(inside.values()) == {1}


@pytest.mark.parametrize("framework", ["starlette", "django"])
def test_every_commit_takes_long(framework: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Where each commit takes a tenth of a second more, deliveries still get 200, in time."""
    plan = Plan(framework=framework, inbox=postgres_server.url, folder=str(tmp_path))
    with Application(plan) as application:
        set_up(postgres_server, commit_delay="100000", commit_siblings="0")  # microseconds; its longest
        with Stream(application.address, lambda: new_delivery(application.secret)) as stream:
            stream.wait_for(200, count=40)
        set_up(postgres_server, commit_delay="", commit_siblings="")
        check(application, stream)
    assert {answer.status for answer in stream.answers} == {200}


@pytest.mark.parametrize("framework", ["starlette", "flask", "django-asgi"])  # Django's own connections wait for ever
def test_commits_hang(framework: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    """While commits do not come back nobody waits beyond the budget; afterwards deliveries get 200, with no restart."""
    plan = Plan(framework=framework, inbox=postgres_server.url, folder=str(tmp_path), lease=5)
    with Application(plan) as application:
        with Stream(application.address, lambda: new_delivery(application.secret)) as stream:
            stream.wait_for(200, count=30)
            set_up(postgres_server, synchronous_standby_names="nobody")
            stream.wait_for(503, count=12)
            set_up(postgres_server, synchronous_standby_names="")
            stream.wait_for(200, count=50)
        check(application, stream)
    assert {answer.status for answer in stream.answers} == {200, 503}
