"""The PostgreSQL that tests and benchmarks start for themselves."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy
from postgres_server import PostgresServer, find_binaries

OWNER = """
import time
from postgres_server import PostgresServer
server = PostgresServer()
print(server._folder, flush=True)
time.sleep(60)
"""


@pytest.fixture
def needs_postgres():
    if find_binaries() is None:
        pytest.skip("no PostgreSQL to start")


def test_what_is_committed_survives_a_crash(postgres_server):
    """After an immediate stop and a start it is at the same address, with what was committed."""
    engine = sqlalchemy.create_engine(postgres_server.url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE kept AS SELECT 1 AS number"))
    url = postgres_server.url
    postgres_server.stop("immediate")
    with pytest.raises(sqlalchemy.exc.OperationalError):
        engine.connect()
    assert not postgres_server.is_running
    postgres_server.start()
    assert (postgres_server.is_running, postgres_server.url) == (True, url)
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT number FROM kept")) == 1


def test_it_is_as_durable_as_any_and_in_an_odd_time_zone(postgres_server):
    """A test of a crash would prove nothing without fsync; a time that lost its zone must not pass for UTC."""
    engine = sqlalchemy.create_engine(postgres_server.url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        found = [connection.scalar(sqlalchemy.text(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")]
        zone = connection.scalar(sqlalchemy.text("SHOW timezone"))
    assert (found, zone) == (["on", "on"], "Asia/Kathmandu")


def test_nothing_is_left(needs_postgres):
    """Closed, a server leaves neither a process nor a file, also where its block failed."""
    server = PostgresServer({"max_connections": "20"})
    with pytest.raises(ZeroDivisionError), server:
        1 / 0  # noqa: B018
    assert (server._folder.exists(), server.is_running) == (False, False)


def test_nothing_is_left_of_who_was_killed(needs_postgres):
    """A server ends with the process that started it, however that ended."""
    support = Path(__file__).parents[1] / "support"
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(support)}, stdout=subprocess.PIPE) as owner:
        folder = Path(owner.stdout.readline().decode().strip())
        assert (folder / "data" / "postmaster.pid").exists()
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()


def test_who_does_not_start_says_why(needs_postgres, monkeypatch):
    """A server that refuses its settings shows its log, and leaves nothing either."""
    monkeypatch.setattr(tempfile, "tempdir", tempfile.mkdtemp())
    Path(tempfile.gettempdir()).chmod(0o755)  # it may have to run as another user
    with pytest.raises(RuntimeError, match="no_such_setting"):
        PostgresServer({"no_such_setting": "1"})
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    Path(tempfile.gettempdir()).rmdir()
