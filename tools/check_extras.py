"""Each extra by itself: with nothing else installed its modules can be imported and type-check; without it they say so.

python tools/check_extras.py                # every extra
python tools/check_extras.py redis flask    # these

A throw-away environment gets the wheel and one extra after the other; uv makes that quick. A new extra is not listed
here: a module tells by its ImportError which extra it lacks.
"""  # noqa: INP001 - a script

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "licensechain_hooks"
PIP_LINE = re.compile(r"pip install 'licensechain-hooks\[([\w,-]+)\]'")
DRIVERS = {"mysql": "pymysql", "postgres": "psycopg"}  # which an extra brings beside SQLAlchemy
# What an extra is there for besides the modules that ask for it where there is no other.
MORE = {
    "django-tasks": [f"{PACKAGE}.contrib.django.django_tasks"],
    **{extra: [driver, f"{PACKAGE}.inbox.sql"] for extra, driver in DRIVERS.items()},
}
TYPES = {extra: ["django-stubs", "psycopg"] for extra in ("django", "django-tasks")}  # what only type checkers need
OF_TESTS = re.compile(r"No module named 'pytest'|pip install hypothesis$")  # which testers have, or are told of

DJANGO_APPS = [f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "messages")]

# Run by the environment's own Python: what becomes of the import of every public module, as JSON.
PROBE = f"""
import importlib, json, pkgutil, sys
try:
    import django.conf
    django.conf.settings.configure(INSTALLED_APPS=[*{DJANGO_APPS!r}, "{PACKAGE}.contrib.django"], USE_TZ=True)
    django.setup()
except ImportError:
    pass
def attempt(name):
    try:
        importlib.import_module(name)
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"
    return ""
def walk(name):
    found[name] = attempt(name)
    for module in pkgutil.iter_modules(getattr(sys.modules.get(name), "__path__", ())):
        if not module.name.startswith("_"):
            walk(f"{{name}}.{{module.name}}")
found = {{}}
walk("{PACKAGE}")
for driver in {sorted(DRIVERS.values())!r}:
    found[driver] = attempt(driver)
json.dump(found, sys.stdout)
"""

Imports = Mapping[str, str]  # of each module the error of its import; empty where there was none


def main(chosen: Iterable[str]) -> int:
    """Check the extras of these names, or all; the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(Path(folder))
        bare = environment.imports("")
        problems = silent(bare)
        for extra in list(chosen) or sorted(project["optional-dependencies"]):
            found = brought(extra, bare, environment.imports(extra))
            broken = [f"{extra}: {module}: {error}" for module, error in found.items() if error]
            problems += broken or environment.type_errors(extra, [module for module in found if PACKAGE in module])
            problems += [] if found else [f"{extra}: no module asks for it"]
            print(f"{extra}: {', '.join(found)}", flush=True)  # noqa: T201 - a command's output
    print(*problems or ["Success: each extra is enough for its modules"], sep="\n")  # noqa: T201
    return 1 if problems else 0


def silent(bare: Imports) -> list[str]:
    """Modules that fail without any extra, and do not say which one to install."""
    return [
        f"{module}: {error}; no extra is named"
        for module, error in bare.items()
        if error and module not in DRIVERS.values() and not OF_TESTS.search(error) and not named(error)
    ]


def brought(extra: str, bare: Imports, found: Imports) -> Imports:
    """The imports that an extra is there for: of the modules that ask for it, of what is below them, of a driver."""
    asking = [module for module, error in bare.items() if extra in named(error)] + MORE.get(extra, [])
    below = tuple(f"{module}." for module in asking)
    return {
        module: error
        for module, error in found.items()
        if module in asking or (module.startswith(below) and not excused(error))
    }


def excused(error: str) -> bool:
    """Whether a module below others lacks what another extra brings, or what testers have."""
    return bool(named(error)) or OF_TESTS.search(error) is not None


def named(error: str) -> set[str]:
    """The extras that an ImportError names."""
    found = PIP_LINE.search(error)
    return set(found[1].split(",")) if found else set()


class Environment:
    """A virtual environment that holds the wheel, one extra, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = folder / "venv" / "bin" / "python"
        run("uv", "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
        self._install = ("uv", "pip", "install", "--quiet", "--python", self._python)
        (self._wheel,) = folder.glob("*.whl")
        run("uv", "venv", "--quiet", "--python", sys.executable, folder / "venv")

    def imports(self, extra: str) -> Imports:
        """Install an extra in the place of the one before, and import everything."""
        wheel = f"licensechain-hooks[{extra}] @ {self._wheel.as_uri()}" if extra else self._wheel
        run(*self._install, "--exact", wheel)
        return json.loads(run(self._python, "-I", "-c", PROBE))

    def type_errors(self, extra: str, modules: list[str]) -> list[str]:
        """What mypy finds in modules, with this environment's packages alone."""
        if TYPES.get(extra):
            run(*self._install, *TYPES[extra])
        options = ["--python-executable", self._python, "--cache-dir", self._folder / "mypy"]
        names = [argument for module in modules for argument in ("-m", module)]
        checked = subprocess.run(  # noqa: S603 - of names in our own files
            [sys.executable, "-m", "mypy", *options, "--config-file", ROOT / "pyproject.toml", *names],
            cwd=self._folder,  # so that the wheel is checked, not the working copy
            capture_output=True,
            text=True,
            check=False,
        )
        return [f"{extra}: {line}" for line in checked.stdout.splitlines()] if checked.returncode else []


def run(*command: str | Path) -> str:
    """What a program prints; its error ends this one."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    ran = subprocess.run(  # noqa: S603 - as above
        command, env=environment, cwd="/", stdout=subprocess.PIPE, text=True, check=True
    )
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
