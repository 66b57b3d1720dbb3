"""Workers are killed and stopped at any moment; the short form of ``python -m tests.scenarios.crash``."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from databases import fresh_database

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def crash(request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[int, dict[str, Any]]]]:
    """A function: a run's exit code and figures."""
    # As a module it is found from the root; PYTHONSAFEPATH would hide it there.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    with ExitStack() as stack:

        def run(kind: str, *arguments: str) -> tuple[int, dict[str, Any]]:
            # A run takes far less, but on a machine that is very busy.
            arguments = ("--deadline", "150", *arguments)
            command = [sys.executable, "-m", "tests.scenarios.crash", "--inbox", kind, "--format", "json", *arguments]
            if not kind.endswith("sqlite"):
                command += ["--url", stack.enter_context(fresh_database(request.getfixturevalue("postgres_url")))]
            ran = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False
            )
            assert ran.stderr == ""
            return ran.returncode, json.loads(ran.stdout)

        yield run


@pytest.mark.parametrize(
    ("kind", "events", "kills"),
    # A worker with Django takes longer to start.
    [("sqlite", 200, 6), ("postgres", 200, 6), ("django-sqlite", 100, 3), ("django", 100, 3)],
)
def test_effects_in_a_transaction_happen_exactly_once(crash, kind, events, kills):
    """Whoever is killed or stopped past its lease, no effect is missing, repeated or out of order."""
    exit_code, result = crash(kind, "--events", str(events), "--kills", str(kills), "--stops", "3")
    assert result["transactional"] == {"duplicates": 0, "missing": 0, "inversions": 0}
    assert result["plain"]["missing"] == 0
    assert {state: count for state, count in result["states"].items() if count} == {"processed": events}
    assert result["fruitful"] * 2 >= kills, "kills have to hit workers at work"
    assert result["aimed"] >= 1, "stops have to hit workers inside of a handler"
    assert exit_code == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_without_its_fence_an_inbox_repeats_effects(crash, kind):
    """A worker that goes on after its lease repeats what another has done: the same run without a fence finds that."""
    exit_code, result = crash(kind, "--without-fence", "--events", "150", "--kills", "0", "--stops", "3")
    assert result["transactional"]["duplicates"] > 0
    assert result["is_sound"] is False
    assert exit_code == 1


def test_a_run_is_bounded(crash):
    """A run that is not over at its deadline says so, and fails."""
    with pytest.raises(AssertionError, match="not over after 0\\.5 seconds"):
        crash("sqlite", "--events", "100", "--kills", "1", "--stops", "0", "--deadline", "0.5")
