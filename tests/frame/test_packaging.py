"""What is installed: the wheel, what it asks for, and what importing it costs."""

import configparser
import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import licensechain_hooks

PACKAGE = "licensechain_hooks"
PYDANTIC = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}
# Of each module in contrib its extra, and what that brings.
EXTRAS = {
    "django": ("django", "django"),
    "fastapi": ("fastapi", "fastapi"),
    "flask": ("flask", "flask"),
    "opentelemetry": ("otel", "opentelemetry"),
    "prometheus": ("prometheus", "prometheus_client"),
    "starlette": ("starlette", "starlette"),
}
OTHERS = {"cli": "click", "redis": "redis", "sql": "sqlalchemy"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def project(root: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text())


def build(root: Path, kind: str, folder: Path) -> Path:
    """The wheel or the sdist of the working copy."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    (built,) = folder.iterdir()
    return built


def test_the_wheel_is_what_is_tested(root: Path) -> None:
    """Under tox the package comes from site-packages, so a file that the wheel lacks is missed by the tests."""
    place = Path(licensechain_hooks.__file__).parent
    expected = ("site-packages", PACKAGE) if "TOX_ENV_NAME" in os.environ else (root.name, PACKAGE)
    assert place.parts[-2:] == expected


def test_wheel_holds_the_package_and_nothing_else(root: Path, tmp_path: Path) -> None:
    """Every module and py.typed are in the wheel; tests and tools are not."""
    with zipfile.ZipFile(build(root, "wheel", tmp_path)) as wheel:
        names = set(wheel.namelist())
    wanted = {path.relative_to(root).as_posix() for path in (root / PACKAGE).rglob("*.py")} | {f"{PACKAGE}/py.typed"}
    rest = {name for name in names - wanted if not name.startswith(PACKAGE + "/")}
    assert (wanted - names, {name.partition("/")[0] for name in rest}) == (set(), {f"{PACKAGE}-0.1.0.dist-info"})


def test_sdist_holds_what_the_tests_need(root: Path, tmp_path: Path) -> None:
    """Who packages us for a distribution can run the tests from the sdist."""
    with tarfile.open(build(root, "sdist", tmp_path)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    tests = {path.relative_to(root).as_posix() for path in (root / "tests").rglob("*.py")}
    others = {"pyproject.toml", "tox.ini", "dev.py", "README.md", "CHANGELOG.md", "LICENSE", "changes/README.md"}
    assert (tests | others) - names == set()


def test_every_requirement_has_a_floor_and_none_a_ceiling(project: dict[str, Any]) -> None:
    """A floor, that `min` tests; a ceiling only for pydantic, whose next major version we cannot know."""
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    requirements = [one for listed in (*extras, *groups, project["project"]["dependencies"]) for one in listed]
    without = [one for one in requirements if not re.fullmatch(r"[\w-]+(\[[\w,]+\])?>=[\d.]+", one)]
    assert (without, project["project"]["requires-python"]) == (["pydantic>=2.11,<3"], ">=3.11")


def test_tox_and_the_demo_install_every_extra(project: dict[str, Any], root: Path) -> None:
    """An extra that is not tested would rot; the demo has no use for servers, as the command brings SQLite, and meters.

    Those of task queues have an environment of their own.
    """
    extras = set(project["project"]["optional-dependencies"])
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(root / "tox.ini")
    usual, engines = (set(tox[name]["extras"].split()) for name in ("testenv", "testenv:engines"))
    others = {"mysql", "otel", "postgres", "prometheus", "redis", "sql"} | (engines - usual)
    demo = re.search(r'"\.\[(.+?)\]"', (root / "dev.py").read_text())
    assert demo is not None
    assert (usual | engines, set(demo[1].split(","))) == (extras, extras - others)


def test_command_exists(project: dict[str, Any]) -> None:
    """The command `licensechain-hooks` leads to something that can be called."""
    (value,) = project["project"]["scripts"].values()
    script = importlib.metadata.EntryPoint(name="licensechain-hooks", value=value, group="console_scripts")
    assert callable(script.load())


def test_import_loads_pydantic_and_nothing_else(run_python: Run) -> None:
    """The core loads no framework, no database driver, no HTTP client and no terminal library."""
    code = (
        "import sys\n"
        "before = {name.partition('.')[0] for name in sys.modules}\n"
        "from licensechain_hooks import Endpoint, Hooks, Receiver, on\n"
        "after = {name.partition('.')[0] for name in sys.modules}\n"
        "new = after - before - set(sys.stdlib_module_names)\n"
        "print(*(name for name in new if not name.startswith('_sysconfigdata')))"  # standard, named after the machine
    )
    ran = run_python(code)
    assert (set(ran.stdout.split()) - PYDANTIC, ran.stderr) == ({PACKAGE}, "")


@pytest.mark.parametrize("module", [f"contrib.{name}" for name in EXTRAS] + ["cli", "dedupe.redis", "inbox.sql"])
def test_missing_extra_is_named(module: str, run_python: Run) -> None:
    """Without its extra a module fails when it is imported, not before, and says what to install."""
    name = module.rpartition(".")[2]
    extra, missing = {**EXTRAS, **{name: (name, missing) for name, missing in OTHERS.items()}}[name]
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        "import licensechain_hooks.contrib, licensechain_hooks.inbox\n"
        "try:\n"
        f"    import {PACKAGE}.{module}\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    ran = run_python(code)
    assert (f"pip install 'licensechain-hooks[{extra}]'" in ran.stdout, ran.stderr) == (True, "")
