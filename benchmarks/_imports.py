"""What importing the package costs, in fresh interpreters."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._measure import Row, at_most, in_random_order, quartiles
from benchmarks._progress import Progress

_STATEMENTS = {
    "import licensechain_hooks": "from licensechain_hooks import Endpoint, Hooks, Receiver, on",
    "import pydantic": "from pydantic import BaseModel, TypeAdapter",
}
_PROGRAM = "import time; started = time.process_time_ns()\n{}\nprint(time.process_time_ns() - started)"
_PLUGIN = """
import pytest, time
from importlib.metadata import entry_points
(plugin,) = [found for found in entry_points(group="pytest11") if found.name == "licensechain_hooks"]
started = time.process_time_ns()
plugin.load()
print(time.process_time_ns() - started)
"""
_PLUGIN_MAY_TAKE = 5_000_000  # nanoseconds
_ROOT = Path(__file__).resolve().parent.parent


def rows(*, rounds: int) -> list[Row]:
    """One row for the core, one for pytest's plugin."""
    samples: dict[str, list[float]] = {name: [] for name in _STATEMENTS}
    plugin: list[float] = []
    with Progress("import time", steps=rounds + 1) as progress, TemporaryDirectory() as bytecode:
        environment = _with_bytecode_in(bytecode)
        for number in range(rounds + 1):  # the first one compiles
            for name in in_random_order(_STATEMENTS):
                nanoseconds = _nanoseconds(_PROGRAM.format(_STATEMENTS[name]), environment)
                if number:
                    samples[name].append(nanoseconds)
            nanoseconds = _nanoseconds(_PLUGIN, environment)
            if number:
                plugin.append(nanoseconds)
            progress.step()
    ours, reference = _STATEMENTS
    return [
        Row(
            row="import of the core",
            ours=ours,
            reference=_STATEMENTS[reference],
            measure="user + system CPU",
            ratio=quartiles(samples[ours], samples[reference]),
            target=at_most(1.25),
        ),
        Row(
            row="loading of the pytest plugin, unused",
            ours="pytest's entry point",
            reference="5 ms",
            measure="user + system CPU",
            ratio=quartiles(plugin, [_PLUGIN_MAY_TAKE] * len(plugin)),
            target=at_most(1.0),
        ),
    ]


def _with_bytecode_in(folder: str) -> dict[str, str]:
    """An environment in which modules are compiled once, whatever the caller's says of bytecode."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPYCACHEPREFIX": folder}


def _nanoseconds(program: str, environment: Mapping[str, str]) -> float:
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, check=True, capture_output=True, cwd=_ROOT, env=environment).stdout)
