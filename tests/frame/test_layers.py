"""The layers hold: import-linter's contracts, and what they cannot say."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "licensechain_hooks"

# What each room may import besides the standard library and this package; the longest matching prefix counts.
THIRD_PARTY = {
    "": {"pydantic", "pydantic_core"},
    "cli": {"click", "rich", "starlette", "uvicorn"},
    "cli/_servers": {"click", "django", "fastapi", "flask", "starlette", "uvicorn", "werkzeug"},
    "cli/_stage": {"click", "httpx2"},
    "client": {"httpcore2", "httpx2", "pydantic", "stamina"},
    "client/_calls": {"pydantic"},
    "client/_replies": {"pydantic", "pydantic_core"},
    "contrib/celery": {"celery", "kombu"},
    "contrib/django": {"asgiref", "django", "pydantic"},
    "contrib/django/inbox": {"django", "psycopg"},
    "contrib/django/pytest_fixtures": {"django", "pytest"},
    "contrib/django/django_tasks": {"django", "django_tasks"},
    "contrib/fastapi": {"fastapi", "pydantic", "starlette"},
    "contrib/dramatiq": {"dramatiq"},
    "contrib/flask": {"click", "flask"},
    "contrib/huey": {"huey"},
    "contrib/rq": {"rq"},
    "contrib/opentelemetry": {"opentelemetry"},
    "contrib/prometheus": {"prometheus_client"},
    "contrib/procrastinate": {"procrastinate"},
    "contrib/starlette": {"starlette"},
    "contrib/taskiq": {"taskiq"},
    "dedupe/redis": {"redis"},
    "emulator": {"fastapi", "httpx2", "jinja2", "pydantic", "starlette", "uvicorn"},
    "inbox/_engines": {"sqlalchemy"},
    "inbox/_impatient": {"psycopg"},
    "inbox/_schema": {"sqlalchemy"},
    "inbox/sql": {"sqlalchemy"},
    "operations/progress": {"rich"},
    "pytest_plugin": {"pytest"},
    "testing": {"pydantic", "pytest"},
    "testing/strategies": {"hypothesis", "pydantic"},
}
# The modules whose public names an adapter may use; those of the inbox are there for who writes one.
PUBLIC = {
    PACKAGE,
    f"{PACKAGE}.dedupe.redis",
    f"{PACKAGE}.testing",
    *(f"{PACKAGE}.inbox{module}" for module in ("", ".database", ".sql")),
}
# And what a command line of its own may.
PUBLIC |= {f"{PACKAGE}.diagnosis.{module}" for module in ("captures", "findings")} | {
    f"{PACKAGE}.operations.{path.stem}"
    for path in (Path(__file__).parents[2] / PACKAGE / "operations").glob("[!_]*.py")
}
BEYOND_ITS_NEIGHBOURS = {("contrib/fastapi", f"{PACKAGE}.contrib.starlette")}

PLANTED = {
    "a lower room imports an upper one": (
        "layers",
        "events/_base.py",
        "def plant():\n    from licensechain_hooks._receiver import Receiver",
    ),
    "neighbours know each other": ("layers", "_outcome.py", "import licensechain_hooks._hooks"),
    "a module without a floor": ("layers", "_homeless.py", ""),
    "the core imports a framework": ("core", "_signing.py", "def plant():\n    import django"),
    "an adapter knows dialects": ("request-path", "contrib/flask.py", "import licensechain_hooks.diagnosis.dialects"),
    "an adapter imports another": ("adapters", "contrib/flask.py", "import licensechain_hooks.contrib.starlette"),
}


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to plant things in."""
    shutil.copytree(root / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> tuple[int, str]:
    """import-linter's exit code and output for the package in a folder."""
    command = [Path(sysconfig.get_path("scripts")) / "lint-imports", "--no-cache"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def contracts(root: Path) -> dict[str, str]:
    """The name of each contract, by its id."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["id"]: contract["name"] for contract in settings["contracts"]}


def test_contracts_hold(copied: Path) -> None:
    """The package keeps every contract: without this, a broken one below would prove nothing."""
    assert lint_imports(copied)[0] == 0, lint_imports(copied)[1]


@pytest.mark.parametrize("planted", PLANTED)
def test_contract_breaks_on_a_planted_violation(planted: str, copied: Path, root: Path) -> None:
    """Each contract notices what it is there to notice."""
    contract, module, line = PLANTED[planted]
    with (copied / PACKAGE / module).open("a") as file:
        file.write(f"\n{line}\n")
    code, said = lint_imports(copied)
    said = " ".join(said.split())  # it wraps long lines
    if module == "_homeless.py":
        assert (code, "_homeless" in said) == (1, True), said
    else:
        assert (code, re.search(re.escape(contracts(root)[contract]) + r" BROKEN", said) is not None) == (1, True), said


def test_every_contract_has_a_planted_violation(root: Path) -> None:
    """No contract stands that was never seen to break."""
    assert {contract for contract, _, _ in PLANTED.values()} == set(contracts(root))


def modules(package: Path) -> Iterator[Path]:
    """Every module of a package, relative to it."""
    yield from (path.relative_to(package) for path in sorted(package.rglob("*.py")))


def imports(source: str) -> Iterator[tuple[str, str]]:
    """Every import in a module, wherever it stands: the module imported, and the name out of it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + (node.module or ""), alias.name) for alias in node.names)


def strangers(module: Path, source: str) -> set[str]:
    """The third parties that a module imports and has no business with."""
    rooms = [room for room in THIRD_PARTY if module.as_posix().startswith(room)]
    allowed = THIRD_PARTY[max(rooms, key=len)] | sys.stdlib_module_names | {PACKAGE}
    return {name.partition(".")[0] for name, _ in imports(source)} - allowed


def private_names(module: Path, source: str) -> set[str]:
    """What an adapter imports of this package besides its public names and its own modules."""
    own = module.with_suffix("").parts[:2]
    found = set()
    for name, attribute in imports(source):
        if not name.startswith((PACKAGE, ".")) or name.startswith(".".join((PACKAGE, *own))):
            continue
        public = name in PUBLIC and attribute in getattr(importlib.import_module(name), "__all__", ())
        if not public and ("/".join(own), name) not in BEYOND_ITS_NEIGHBOURS:
            found.add(f"{name} {attribute}".strip())
    return found


def test_each_room_imports_only_its_own_third_parties(root: Path) -> None:
    """The core imports pydantic and nothing else; a framework is imported by its adapter alone."""
    package = root / PACKAGE
    found = {str(module): strangers(module, (package / module).read_text()) for module in modules(package)}
    assert {module: names for module, names in found.items() if names} == {}


def test_adapters_use_public_names_only(root: Path) -> None:
    """Whatever our adapters can do, one written elsewhere can do as well."""
    package = root / PACKAGE
    adapters = [module for module in modules(package) if module.parts[0] == "contrib" and len(module.parts) > 1]
    found = {str(module): private_names(module, (package / module).read_text()) for module in adapters}
    assert {module: names for module, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("_signing.py", "def f():\n    import sqlalchemy.orm", {"sqlalchemy"}),
        ("contrib/flask.py", "from starlette.requests import Request", {"starlette"}),
        ("inbox/sql.py", "import psycopg, sqlalchemy", {"psycopg"}),
        ("inbox/database.py", "import sqlalchemy", {"sqlalchemy"}),
        ("contrib/django/views.py", "from django.http import HttpRequest\nimport asyncio", set()),
        ("cli/_servers/flask.py", "import flask", set()),
        ("cli/demo.py", "import flask", {"flask"}),
    ],
)
def test_strangers_are_found(module: str, source: str, expected: set[str]) -> None:
    """The search for third parties finds what is there, and only that."""
    assert strangers(Path(module), source) == expected


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("contrib/flask.py", "from licensechain_hooks import Receiver, on", set()),
        ("contrib/flask.py", "from licensechain_hooks.inbox.database import DatabaseInbox", set()),
        ("contrib/flask.py", "from licensechain_hooks.inbox import _schema", {"licensechain_hooks.inbox _schema"}),
        ("contrib/flask.py", "from licensechain_hooks import _receiver", {"licensechain_hooks _receiver"}),
        ("contrib/flask.py", "import licensechain_hooks._receiver", {"licensechain_hooks._receiver"}),
        ("contrib/flask.py", "from licensechain_hooks.events import Event", {"licensechain_hooks.events Event"}),
        ("contrib/flask.py", "from .._receiver import Receiver", {".._receiver Receiver"}),
        ("contrib/fastapi.py", "from licensechain_hooks.contrib.starlette import to_hook_request", set()),
        ("contrib/django/views.py", "from licensechain_hooks.contrib.django.conf import get_receiver", set()),
    ],
)
def test_private_names_are_found(module: str, source: str, expected: set[str]) -> None:
    """The search for private names finds what is there, and only that."""
    assert private_names(Path(module), source) == expected
