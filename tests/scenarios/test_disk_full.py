"""The inbox's disk is full while deliveries arrive at real servers: 503 until there is space, and nothing is lost."""

import resource
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer
from sending import Stream, new_delivery
from serving import Application, Plan

pytestmark = pytest.mark.timeout(400)  # seconds, on a machine with much else to do
MEGABYTE = 2**20
both_kinds_of_host = pytest.mark.parametrize("framework", ["starlette", "flask"])


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 32 megabytes, where this user may mount one; any user reaches it."""
    with tempfile.TemporaryDirectory(prefix="small-") as folder:
        Path(folder).chmod(0o755)
        disk = Path(folder) / "disk"
        disk.mkdir()
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this user cannot mount a file system")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


@contextmanager
def filled(disk: Path, room: int) -> Iterator[None]:
    """A file takes the disk's space but ``room`` bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        file.write(bytes(shutil.disk_usage(disk).free - room))
    try:
        yield
    finally:
        ballast.unlink()


def check(application: Application, stream: Stream) -> None:
    """Nothing but 200 and 503 came; what got 200 is stored and has been handled; a 503 is a line in the log."""
    application.wait_until_idle()
    answers = stream.answers
    stored = {entry.event_id for entry in application.entries()}
    inside, outside = application.effects_inside(), application.effects_outside()
    refused = [answer for answer in answers if answer.status == 503]
    assert {answer.status for answer in answers} == {200, 503}
    assert [answer for answer in refused if not answer.headers["retry-after"].isdecimal()] == []
    assert {answer.event_id for answer in answers if answer.status == 200} - stored == set()
    assert {entry.state for entry in application.entries()} == {"processed"}
    assert {event_id for event_id, _ in inside} == {event_id for event_id, _ in outside} == stored
    assert set(inside.values()) == {1}
    lines = [line for line in application.log.splitlines() if "delivery.unavailable" in line]
    assert len(lines) == len(refused)
    assert "Traceback" not in application.log


def large(application: Application) -> Stream:
    """A stream of new deliveries of 32 kilobytes each, which no database compresses much."""
    return Stream(
        application.address,
        lambda: new_delivery(application.secret, note=secrets.token_hex(16 * 1024)),
        connections=4,
    )


@pytest.mark.parametrize("framework", ["starlette", "flask", "django"])
def test_sqlites_disk_is_full(framework: str, small_disk: Path, tmp_path: Path) -> None:
    """While SQLite's disk is full deliveries get 503; once there is space they get 200, with no restart."""
    plan = Plan(framework=framework, inbox=f"sqlite:///{small_disk / 'inbox.db'}", folder=str(tmp_path))
    with Application(plan) as application:
        with large(application) as stream:
            with filled(small_disk, room=2 * MEGABYTE):
                stream.wait_for(503, count=20)
            stream.wait_for(200, count=50)
        check(application, stream)


@both_kinds_of_host
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limits of another process cannot be set here")
def test_sqlite_files_may_not_grow(framework: str, tmp_path: Path) -> None:
    """While the server may not write beyond a file size (a quota) deliveries get 503; afterwards they get 200."""
    plan = Plan(framework=framework, inbox=f"sqlite:///{tmp_path / 'inbox.db'}", folder=str(tmp_path))
    with Application(plan) as application:
        processes = [int(process) for process in application.processes()]
        before = resource.prlimit(processes[0], resource.RLIMIT_FSIZE)
        with large(application) as stream:
            for process in processes:
                resource.prlimit(process, resource.RLIMIT_FSIZE, (2 * MEGABYTE, before[1]))
            stream.wait_for(503, count=20)
            for process in processes:
                resource.prlimit(process, resource.RLIMIT_FSIZE, before)
            stream.wait_for(200, count=50)
        check(application, stream)


@both_kinds_of_host
def test_postgresqls_disk_is_full(
    framework: str, postgres_server: PostgresServer, small_disk: Path, tmp_path: Path
) -> None:
    """While the disk of PostgreSQL's tables is full deliveries get 503; once there is space they get 200."""
    shutil.chown(small_disk, "nobody")  # as whom the server runs, where this user may mount
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        connection.execute("CREATE DATABASE inbox TABLESPACE small")
    url = postgres_server.url.removesuffix("/postgres") + "/inbox"
    with Application(Plan(framework=framework, inbox=url, folder=str(tmp_path))) as application:
        with large(application) as stream:
            with filled(small_disk, room=2 * MEGABYTE):
                stream.wait_for(503, count=20)
            stream.wait_for(200, count=50)
        check(application, stream)
