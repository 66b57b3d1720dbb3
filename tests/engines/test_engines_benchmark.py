"""``python -m benchmarks engines`` runs. What it measures is nothing a test may depend on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)
def test_every_engine_is_measured():
    """Each engine's row has a ratio: events beside its own tasks, in the same run."""
    # It is run as CONTRIBUTING says, from the root; PYTHONSAFEPATH would hide it there.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "-m", "benchmarks", "engines", "--quick", "--format", "json"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=590, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert {row["row"].partition(",")[0] for row in rows} >= {
        "Celery",
        "Dramatiq",
        "Huey",
        "Procrastinate",
        "RQ",
        "Taskiq",
    }
    assert [row["row"] for row in rows if row["ratio"] is None] == []
