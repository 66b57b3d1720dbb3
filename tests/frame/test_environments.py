"""The test environments: nothing that was written as a test is forgotten."""

import re
import tomllib
from pathlib import Path


def test_every_folder_of_tests_runs_somewhere(root: Path) -> None:
    """A folder with tests is in pytest's testpaths, which most environments run, or an environment of tox names it."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    named = {*settings["testpaths"], *re.findall(r"\btests/\w+", (root / "tox.ini").read_text())}
    folders = {f"tests/{path.relative_to(root / 'tests').parts[0]}" for path in root.glob("tests/*/**/test_*.py")}
    typed = {"tests/typing"}  # which type checkers read, and nobody runs
    assert set() == folders - named - typed


def test_every_folder_that_is_named_is_there(root: Path) -> None:
    """What pytest's testpaths and tox name exists: pytest passes over a path that does not, and would run less."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    named = {*settings["testpaths"], *re.findall(r"\btests/\w+", (root / "tox.ini").read_text())}
    assert set() == {path for path in named if not (root / path).is_dir()}
