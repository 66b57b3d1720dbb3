"""The benchmarks run. What they measure is nothing a test may depend on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

CORE = {
    "verify + parse, 325 B",
    "verify + parse, 16 KB",
    "verify + parse, 256 KB",
    "acknowledgement, 325 B",
    "acknowledgement, 16 KB",
    "acknowledgement, 256 KB",
    "open, 325 B",
    "open, 16 KB",
    "open, 256 KB",
    "match on the second secret, 325 B",
    "a forged delivery, 325 B",
    "naive, 325 B",
    "peer: slack_sdk, 325 B",
    "peer: licensechain-sdk, 325 B",
    "peer: stripe, 325 B",
    "peer: gidgethub, 325 B",
    "peer: standardwebhooks, 325 B",
    "peer: svix, 325 B",
    "import of the core",
    "loading of the pytest plugin, unused",
}
ADAPTERS = {
    "ASGI, in process",
    "Starlette, in process",
    "Starlette, in process, verified and parsed only",
    "FastAPI, in process",
    "Starlette, uvicorn",
    "FastAPI, uvicorn",
    "Flask, gunicorn",
    "Django, gunicorn",
}
INBOX = {
    "threads": {
        f"threads, {kind}, {callers}"
        for kind in ("PostgreSQL", "SQLite")
        for callers in ("1 caller", "8 callers", "32 callers")
    },
    "loop": {f"event loop, {kind}, {flying} in flight" for kind in ("PostgreSQL", "SQLite") for flying in (1, 32, 128)},
    "http": {f"HTTP, {framework}, {kind}" for framework in ("Starlette", "Flask") for kind in ("PostgreSQL", "SQLite")},
    "drain": {"drain, PostgreSQL", "drain, SQLite"},
    "growth": {
        f"growth, {kind}, {work}" for kind in ("PostgreSQL", "SQLite") for work in ("one row", "100 rows at once")
    },
    "waiting": {f"waiting, {kind}, claim and settle" for kind in ("PostgreSQL", "SQLite")},
}
ENGINES = (
    *("Celery, 2 processes", "Dramatiq, 2 processes", "Huey, 2 processes", "Taskiq, 2 processes"),
    "Procrastinate, concurrency 4",
    "RQ, a fork for each job",
)
LACKING = {"not installed", "no procrastinate", "no PostgreSQL"}


@pytest.fixture
def run_benchmarks(root):
    # They are run as CONTRIBUTING says, from the root; PYTHONSAFEPATH would hide them there.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}

    def run(*arguments):
        command = [sys.executable, "-m", "benchmarks", *arguments]
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    return run


def test_quick_core_prints_every_row(run_benchmarks):
    """The quick form times verifying and parsing, exits 0 and prints each row: a ratio, or a note why there is none."""
    ran = run_benchmarks("core", "--quick", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    printed = json.loads(ran.stdout)
    assert {row["row"] for row in printed["rows"]} == CORE
    assert [row["row"] for row in printed["rows"] if (row["ratio"] is None) == (row["note"] is None)] == []
    assert set(printed["machine"]) == {"python", "cores", "platform", "pydantic"}


def test_quick_adapters_prints_every_row(run_benchmarks):
    """The quick form starts every server, exits 0 and prints a table that names its machine and has each row."""
    ran = run_benchmarks("adapters", "--quick")
    assert ran.returncode == 0, ran.stderr
    machine, _, head, _, *lines = ran.stdout.splitlines()
    assert machine.startswith("machine: python ")
    assert head.split() == ["row", "ours", "reference", "measure", "ratio", "quartiles", "target", "met"]
    assert {line.split("  ")[0] for line in lines} == ADAPTERS


@pytest.mark.timeout(300)
def test_quick_engines_prints_every_row(run_benchmarks):
    """The quick form starts each engine that is installed, exits 0 and prints its row, or that it is not installed."""
    ran = run_benchmarks("engines", "--quick", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert [row["row"].rpartition(", ")[0] for row in rows] == [*ENGINES]
    assert {row["note"] for row in rows} - {None} <= LACKING
    assert [row["row"] for row in rows if (row["ratio"] is None) == (row["note"] is None)] == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", [*INBOX])
def test_quick_inbox_prints_every_row(run_benchmarks, part):
    """Each part of the quick form exits 0 and prints its rows: a ratio beside the disk's rate, or what is lacking."""
    ran = run_benchmarks("inbox", "--quick", "--only", part, "--format", "json")
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert {row["row"] for row in rows} == INBOX[part]
    measured = [row for row in rows if row["note"] is None]
    assert [row["row"] for row in measured if row["ratio"] is None or not row["fdatasync"].endswith("/s")] == []
    assert {row["note"] for row in rows} - {None} <= LACKING
    # SQLite is everywhere.
    assert [row["row"] for row in rows if "SQLite" in row["row"] and row["note"] is not None] == []


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_disk_can_be_slowed_down(run_benchmarks):
    """A disk of so many fdatasync a second is measured with no more than those."""
    ran = run_benchmarks("inbox", "--quick", "--only", "loop", "--fdatasync", "500", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    rates = {row["fdatasync"] for row in json.loads(ran.stdout)["rows"] if row["note"] is None}
    assert rates
    assert [rate for rate in rates if int(rate.removesuffix("/s")) > 500] == []


def test_files_are_deleted_afterwards(run_benchmarks):
    """What the benchmarks write is below the directory they are given, and gone when they end."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o711)  # tmp_path is closed to PostgreSQL's user
        ran = run_benchmarks("inbox", "--quick", "--only", "waiting", "--directory", name)
        assert (ran.returncode, [*directory.iterdir()]) == (0, []), ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("core", "--rounds", "0"),
        ("inbox", "--only", "everything"),
        ("inbox", "--directory", "/there/is/no/such"),
        ("inbox", "--fdatasync", "0"),
        ("core", "--only", "threads"),
        ("everything",),
        (),
    ],
)
def test_impossible_arguments_time_nothing(run_benchmarks, arguments):
    """A number, a part or a directory that cannot be, or an unknown set, is a usage error: exit 2, an empty stdout."""
    ran = run_benchmarks(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
