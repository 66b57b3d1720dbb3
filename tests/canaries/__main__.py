"""Plant each fault in a copy of the package, run the tests beside it, and tell which of them failed.

Exits with 0 when each fault made a test fail, with 1 when one was not noticed, and with 2 when a fault could not be
planted, or the tests fail without one: then nothing is proven.
"""

import argparse
import importlib
import importlib.util
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.canaries._planted import CANARIES, Canary

_NAME = "licensechain_hooks"
_ROOT = Path(__file__).resolve().parents[2]
_OPTIONS = (
    *("-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=no", "--no-header", "-rfE"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what was imported before the fork
)
_HEAVY = (
    "asyncio",
    "hypothesis",
    "pydantic",
    "sqlalchemy",
)  # imported once for all: each run is a fork of this process
_SECONDS = 300
_FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Run:
    """Tests that run in a process of their own, on a copy of the package.

    Attributes:
        canary: the fault in that copy; ``None`` where there is none.
        process: it runs pytest, and exits as pytest does.
        output: a file with what pytest says.
    """

    canary: Canary | None
    process: BaseProcess
    output: Path

    @property
    def failed(self) -> list[str]:
        """The tests that failed."""
        return re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", self.output.read_text(), re.MULTILINE)

    @property
    def is_noticed(self) -> bool:
        """Whether tests failed, and pytest itself did not."""
        return self.process.exitcode == 1 and bool(self.failed)


def start(package: Path, folder: Path, canary: Canary | None, tests: Iterable[str]) -> Run:
    """Begin to run tests on a new copy of a package, with a fault in it."""
    copied = folder / _NAME
    shutil.copytree(package, copied, ignore=shutil.ignore_patterns("__pycache__"))
    if canary is not None:
        module = copied / canary.module
        module.write_text(module.read_text(encoding="utf-8").replace(canary.old, canary.new), encoding="utf-8")
    output = folder / "output"
    process = _FORK.Process(target=_run_pytest, args=(folder, list(tests), output))
    process.start()
    return Run(canary, process, output)


def _run_pytest(folder: Path, tests: list[str], output: Path) -> None:
    """In the new process."""
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(_ROOT)
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # of tests beside those that run this: pytest would look for them
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    code = int(pytest.main([*_OPTIONS, *tests]))
    if not str(sys.modules[_NAME].__file__).startswith(str(folder)):
        sys.stdout.write("another copy of the package was tested\n")
        code = 70
    sys.stdout.flush()
    os._exit(code)


def run_all(package: Path, folder: Path, canaries: list[Canary], jobs: int) -> Iterator[Run]:
    """Each fault's run, as it ends; so many at once."""
    waiting, running = list(enumerate(canaries)), list[Run]()
    end = time.monotonic() + _SECONDS
    while waiting or running:
        while waiting and len(running) < jobs:
            number, canary = waiting.pop(0)
            (place := folder / str(number)).mkdir()
            running.append(start(package, place, canary, canary.tests))
        ended = wait([run.process.sentinel for run in running], timeout=max(0.0, end - time.monotonic()))
        for run in [run for run in running if run.process.sentinel in ended or not ended]:
            if not ended:  # a fault may make a test wait for ever
                run.process.kill()
            run.process.join()
            running.remove(run)
            yield run


def stale(canaries: Iterable[Canary], package: Path) -> list[str]:
    """What keeps faults from being planted: a text that a module does not hold, or holds more than once."""
    counts = [(each, (package / each.module).read_text(encoding="utf-8").count(each.old)) for each in canaries]
    return [f"{each.name}: {each.module} holds its text {count} times" for each, count in counts if count != 1]


def main(arguments: list[str] | None = None) -> int:
    """Run it; see the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.canaries", description=__doc__)
    parser.add_argument("--only", metavar="WORDS", default="", help="only the faults whose name holds these words")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many at once; default: 2")
    given = parser.parse_args(arguments)
    package = Path(str(importlib.util.find_spec(_NAME).origin)).parent  # type: ignore[union-attr]
    chosen = [canary for canary in CANARIES if given.only in canary.name]
    problems = stale(chosen, package) if chosen else [f"no fault is called {given.only!r}"]
    if problems:
        sys.stderr.write("\n".join(problems) + "\n")
        return 2
    for name in _HEAVY:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        return _report(package, Path(folder), chosen, given.jobs)


def _report(package: Path, folder: Path, canaries: list[Canary], jobs: int) -> int:
    (place := folder / "without").mkdir()
    control = start(package, place, None, sorted({test for canary in canaries for test in canary.tests}))
    runs = list(run_all(package, folder, canaries, jobs))
    control.process.join(_SECONDS)
    if control.process.exitcode != 0:
        sys.stderr.write(f"{control.output.read_text()}\nwithout any fault the tests fail, so they prove nothing\n")
        return 2
    for run in sorted(runs, key=lambda run: canaries.index(run.canary)):
        more = f" and {len(run.failed) - 1} more" if run.failed[1:] else ""
        verdict = f"noticed by {run.failed[0]}{more}" if run.is_noticed else f"NOT NOTICED\n{run.output.read_text()}"
        sys.stdout.write(f"{run.canary.name:<56} {verdict}\n")
    noticed = sum(run.is_noticed for run in runs)
    sys.stdout.write(f"{noticed} of {len(runs)} faults were noticed\n")
    return 0 if noticed == len(runs) else 1


if __name__ == "__main__":
    sys.exit(main())
