"""The package's front door: what it exports, and what it leaves alone."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import licensechain_hooks

FOREIGN = [
    "django",
    "flask",
    "starlette",
    "fastapi",
    "asyncio",
    "httpx2",
    "sqlalchemy",
    "redis",
    "click",
    "rich",
    "uvicorn",
    "asgiref",
    "pytest",
    "ssl",
]
CORE = ["", ".events", ".dedupe.memory", ".testing", ".exceptions"]


def written(module) -> list[str]:
    """The names that a package's ``__init__`` takes from its own modules, those for type checkers included."""
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("licensechain_hooks."):
            found |= {alias.asname or alias.name for alias in node.names}
    return sorted(found)


@pytest.mark.parametrize("module", [licensechain_hooks, licensechain_hooks.events, licensechain_hooks.testing])
def test_the_public_names(module):
    """`__all__` is sorted, without repetition, what ``__init__`` takes from the modules, and all of it is there."""
    assert module.__all__ == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    assert module.__all__ == written(module)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


def test_nothing_else_is_public():
    """What can be taken from the package is what it lists, its modules, and what ``typing`` lends it."""
    others = [
        name
        for name in dir(licensechain_hooks)
        if not name.startswith("_") and not inspect.ismodule(getattr(licensechain_hooks, name))
    ]
    assert set(others) - set(licensechain_hooks.__all__) <= {"Any", "TYPE_CHECKING"}


@pytest.mark.parametrize("module", [licensechain_hooks, licensechain_hooks.events])
def test_names_that_do_not_exist(module):
    """A misspelled name is an AttributeError that says so, as in any module."""
    with pytest.raises(AttributeError, match="has no attribute 'LicenceRevoked'"):
        _ = module.LicenceRevoked
    assert not hasattr(module, "__wrapped__")


def test_names_are_the_same_object_everywhere():
    """The front door and the module give one class, however often it is asked for."""
    for name in licensechain_hooks.__all__:
        if name in licensechain_hooks.events.__all__:
            assert getattr(licensechain_hooks, name) is getattr(licensechain_hooks.events, name)


def test_a_star_import_gives_all_of_it():
    """``from licensechain_hooks import *`` gives the listed names, those built late included."""
    taken: dict[str, object] = {}
    exec("from licensechain_hooks import *", taken)
    assert sorted(name for name in taken if name != "__builtins__") == licensechain_hooks.__all__


@pytest.mark.parametrize(
    "name", [name for name in licensechain_hooks.__all__ if inspect.isclass(getattr(licensechain_hooks, name))]
)
def test_annotations_can_be_read_at_run_time(name):
    """Annotations of public classes are for tools as well: each resolves."""
    assert isinstance(typing.get_type_hints(getattr(licensechain_hooks, name)), dict)


def modules() -> list[str]:
    """The core's modules by name."""
    found = [name for _, name, is_package in pkgutil.iter_modules(licensechain_hooks.__path__) if not is_package]
    found = [name for name in found if name not in {"__main__", "pytest_plugin", "worker"}]
    return [f"licensechain_hooks.{name}" for name in [*found, "events", "testing", "dedupe.memory"]]


@pytest.mark.parametrize("name", modules())
def test_every_module_lists_what_it_gives(name):
    """Each module's `__all__` names things that exist."""
    module = importlib.import_module(name)
    assert [missing for missing in module.__all__ if not hasattr(module, missing)] == []


@pytest.mark.parametrize("name", licensechain_hooks.__all__)
def test_every_public_name_is_explained(name):
    """Classes and functions of the front door have a docstring of their own."""
    value = getattr(licensechain_hooks, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert (value.__doc__ or "").strip()
        assert value.__doc__ is not getattr(value.__base__, "__doc__", None) if inspect.isclass(value) else True


def test_importing_the_package_loads_no_framework():
    """Rule 2: the core loads the standard library and pydantic, and asyncio for nobody."""
    names = "Endpoint, Event, Hooks, Receiver, on"
    program = f"import sys; from licensechain_hooks import {names}; print([name for name in {FOREIGN!r} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert finished.stdout.strip() == "[]"


def test_a_synchronous_delivery_loads_no_asyncio():
    """A WSGI site with ``def`` handlers never pays for an event loop."""
    program = f"""
import sys
from licensechain_hooks import Endpoint, HookRequest, Hooks, Receiver
from licensechain_hooks.testing import event_body, make_event, sign_request
hooks = Hooks()
hooks.on("*")(lambda event: None)
event = make_event()
receiver = Receiver(Endpoint(secrets="the-key-of-this-test"), hooks)
print(receiver.receive(HookRequest(event_body(event), sign_request(event, "the-key-of-this-test"))).name)
print([name for name in {[name for name in FOREIGN if name != "pytest"]!r} if name in sys.modules])
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert finished.stdout.split("\n")[:2] == ["processed", "[]"]


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_only_itself_the_standard_library_and_pydantic(name):
    """Rule 2, read from the sources: no import of anything else, not even inside a function."""
    path = Path(importlib.import_module(f"licensechain_hooks{name}").__file__)
    allowed = {*sys.stdlib_module_names, "licensechain_hooks", "pydantic", "pydantic_core"}
    files = [path] if path.name != "__init__.py" else sorted(path.parent.glob("*.py"))
    imported = set()
    for file in files:
        if file.name.endswith("conformance.py") or file.name in {
            "pytest_plugin.py",
            "_delivery.py",
            "_catalogue.py",
            "strategies.py",
        }:
            continue  # these are tests, and know a test runner or hypothesis
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, "imports are absolute"
                imported.add(node.module.partition(".")[0])
    assert imported - allowed == set()
