"""The tutorials, literally: on a new virtual environment, into which the wheel is installed as the page says.

It ends where the page does: with the seat locked, and a forgery refused. ``LICENSECHAIN_TEST_FRESH`` is a list of the
frameworks to do it with, or ``all``; by default one, for the pages differ little and each installs what it needs anew::

    LICENSECHAIN_TEST_FRESH=all pytest tests/docs/test_fresh.py
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from following import follow

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted(path.stem for path in (ROOT / "docs" / "tutorial").glob("*.md") if path.stem != "index")
CHOSEN = (
    os.environ.get("LICENSECHAIN_TEST_FRESH", "flask").replace("all", " ".join(TUTORIALS)).replace(",", " ").split()
)
SOURCES = ("licensechain_hooks", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of this working copy."""
    copy, folder = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheels")
    for name in SOURCES:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=copy, check=True)
    return folder


@pytest.mark.timeout(600)  # it installs some thirty packages
@pytest.mark.parametrize("framework", CHOSEN)
def test_tutorial(framework: str, wheels: Path, tmp_path: Path) -> None:
    """Who starts with nothing but Python and the page ends with a locked seat."""
    page = (ROOT / "docs" / "tutorial" / f"{framework}.md").read_text(encoding="utf-8")
    assert '"locked": true' in page.replace('"locked":true', '"locked": true')
    folder = tmp_path / "page"
    folder.mkdir()
    follow(page, folder, fresh=wheels)
    (installed,) = (folder / ".venv").glob("lib/python*/site-packages/licensechain_hooks/__init__.py")
    assert installed.is_file()
