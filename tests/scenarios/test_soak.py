"""Steady load on a real server; the short form of ``python -m tests.scenarios.soak``."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="what processes take is looked up in /proc"),
]


@pytest.fixture
def soak(empty_database: Callable[[str], str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """A function: a short run's exit code and figures."""
    # As a module it is found from the root; PYTHONSAFEPATH would hide it there.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "tests.scenarios.soak", "--format", "json", *arguments]
        command += ["--url", empty_database("postgresql")]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ran.stderr == ""
        return ran.returncode, json.loads(ran.stdout)

    return run


@pytest.mark.parametrize("framework", ["starlette", "flask"])
def test_a_steady_load_is_borne(framework: str, soak: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    """Every delivery gets the answer of its kind, each event runs once, and nothing grows without end."""
    code, report = soak("--framework", framework, "--minutes", "0.4", "--limit", "15")  # so short, caches still fill
    assert (report["faults"], set(report["answers"])) == ([], {"200", "400", "401"})
    assert code == 0, report["growth"]


def test_what_grows_is_found(soak: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    """A handler that keeps memory and a descriptor of each event is noticed."""
    code, report = soak("--minutes", "0.4", "--leaking")
    assert code == 1
    assert report["growth"]["memory"] > 0.02
    assert report["growth"]["descriptors"] > 0.02
