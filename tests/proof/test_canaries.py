"""Planted faults are noticed: ``python -m tests.canaries``, and what it says where nothing is proven."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from tests.canaries import __main__ as command
from tests.canaries._planted import Canary
test = "tests/unit/test_signing.py::test_no_timestamp"
planted = Canary(name="x", module="_signing.py", old={old!r}, new={new!r}, tests=(test,))
command.CANARIES = (planted,)
sys.exit(command.main([]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Python from the root; PYTHONSAFEPATH would hide the modules there."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=380, check=False)


def test_every_fault_is_noticed() -> None:
    """Each planted fault makes a test fail that is there for it."""
    ran = run("-m", "tests.canaries")
    lines = ran.stdout.splitlines()
    assert (ran.returncode, "NOT NOTICED" in ran.stdout) == (0, False), ran.stdout + ran.stderr
    assert lines[-1] == f"{len(lines) - 1} of {len(lines) - 1} faults were noticed"
    assert len(lines) > 15


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("if mac is_text_that_is_not_there:", "", 2, "x: _signing.py holds its text 0 times"),
        ("raise VerificationError", "", 2, "x: _signing.py holds its text"),
        ("def sign(secret", "def sign(secret", 1, "NOT NOTICED"),
        ("def sign(secret", "def sign secret", 1, "NOT NOTICED"),
        (
            'raise VerificationError("timestamp_missing")',
            "return",
            0,
            "noticed by tests/unit/test_signing.py::test_no_",
        ),
    ],
    ids=["no such text", "several such texts", "no fault", "a fault that breaks all", "a fault"],
)
def test_what_is_proven(old: str, new: str, code: int, said: str) -> None:
    """A text that is gone is an error; a change that no test notices, or with which none can run, is not noticed."""
    ran = run("-c", PROGRAM.format(old=old, new=new))
    assert (ran.returncode, said in ran.stdout + ran.stderr) == (code, True), ran.stdout + ran.stderr


def test_a_name_that_is_none() -> None:
    """Asked for faults that are not there, it does not pass."""
    assert run("-m", "tests.canaries", "--only", "no such fault").returncode == 2
