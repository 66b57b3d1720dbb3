"""Every adapter under every server, asked the same; the short form of ``python -m tests.differential``."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from adapters_served import Pair, require, running

from licensechain_hooks.testing.conformance import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)  # seconds, on a machine with much else to do


@pytest.mark.parametrize(("profile", "number"), [("guide", 350), ("compat", 230)])
def test_all_agree(profile, number):
    """The same bytes get the same status and outcome, whatever the framework and the server."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [
        sys.executable,
        "-m",
        "tests.differential",
        "--profile",
        profile,
        "--requests",
        str(number),
        "--seed",
        "1",
    ]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    counts = [line.split(maxsplit=1) for line in ran.stdout.splitlines()[1:]]
    assert sum(int(count) for count, _ in counts) == number
    assert counts[-1] == ["0", "disagreements"]


def test_a_disagreement_is_found_and_shown(tmp_path, monkeypatch):
    """Where one answers otherwise the request is told, with what each has answered."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])  # PYTHONSAFEPATH hides it
    from tests.differential._comparison import Comparison

    pair = Pair("uvicorn-h11", "starlette")
    require(pair)
    folders = [tmp_path / "guide", tmp_path / "compat"]
    for folder in folders:
        folder.mkdir()
    secret = "the-secret-of-these-tests"
    with (
        running(pair, folders[0], secret=secret) as guide,
        running(pair, folders[1], profile="compat", secret=secret) as compat,
    ):
        comparison = Comparison({"one": guide, "other": compat})
        forge = replace(guide.forge, max_body=1024)
        comparison.compare(forge.delivery())
        (case,) = (case for case in CATALOGUE if case.name == "timestamp missing")
        comparison.compare(case.make(forge))
    assert dict(comparison.answers) == {"200 processed": 1}
    (told,) = comparison.disagreements
    assert told.startswith("POST (length)\nb'Content-Type': b'application/json'\n")
    assert told.endswith("\n    one: 401 rejected\n    other: 200 processed")
