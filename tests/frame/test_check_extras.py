"""The check of every extra by itself finds what is wrong."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

LACKS = "ImportError: this module needs x: pip install 'licensechain-hooks[{}]'"
BARE = {
    "licensechain_hooks": "",
    "licensechain_hooks.testing.conformance": "ModuleNotFoundError: No module named 'pytest'",
    "licensechain_hooks.testing.strategies": "ImportError: this module needs hypothesis: pip install hypothesis",
    "licensechain_hooks.cli": LACKS.format("cli"),
    "licensechain_hooks.client": LACKS.format("client"),
    "licensechain_hooks.contrib.both": LACKS.format("celery,sql"),
    "licensechain_hooks.inbox.sql": LACKS.format("sql"),
    "psycopg": "ModuleNotFoundError: No module named 'psycopg'",
    "pymysql": "ModuleNotFoundError: No module named 'pymysql'",
}


@pytest.fixture(scope="module")
def tool(root: Path) -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("check_extras", root / "tools" / "check_extras.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_who_names_an_extra_is_well(tool: ModuleType) -> None:
    """What fails without extras says which one it lacks; drivers and suites for pytest are excused."""
    assert tool.silent(BARE) == []


@pytest.mark.parametrize(
    "error", ["ModuleNotFoundError: No module named 'flask'", "TypeError: x", "ImportError: pip install x"]
)
def test_who_names_none_is_found(tool: ModuleType, error: str) -> None:
    """Another failure is a problem."""
    (problem,) = tool.silent({**BARE, "licensechain_hooks.contrib.flask": error})
    assert problem == f"licensechain_hooks.contrib.flask: {error}; no extra is named"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("client", {"licensechain_hooks.client"}),
        ("cli", {"licensechain_hooks.cli", "licensechain_hooks.cli.demo"}),
        ("sql", {"licensechain_hooks.contrib.both", "licensechain_hooks.inbox.sql"}),
        ("celery", {"licensechain_hooks.contrib.both"}),
        ("postgres", {"licensechain_hooks.inbox.sql", "psycopg"}),
        ("django-tasks", {"licensechain_hooks.contrib.django.django_tasks"}),
        ("unused", set()),
    ],
)
def test_what_an_extra_is_there_for(tool: ModuleType, extra: str, expected: set[str]) -> None:
    """The modules that ask for it and those below them, though their imports fail; a driver; nothing else."""
    found = {
        **BARE,
        "licensechain_hooks.cli.demo": "ImportError: y",
        "licensechain_hooks.cli.other": LACKS.format("other"),
        "licensechain_hooks.cli.fixtures": "ModuleNotFoundError: No module named 'pytest'",
        "licensechain_hooks.contrib.django.django_tasks": "",
    }
    assert set(tool.brought(extra, BARE, found)) == expected
