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
_ROOT = Path(__file__).resolve().parent.parent


def rows(*, rounds: int) -> list[Row]:
    """One row."""
    samples: dict[str, list[float]] = {name: [] for name in _STATEMENTS}
    with Progress("import time", steps=rounds + 1) as progress, TemporaryDirectory() as bytecode:
        environment = _with_bytecode_in(bytecode)
        for number in range(rounds + 1):  # the first one compiles
            for name in in_random_order(_STATEMENTS):
                nanoseconds = _nanoseconds(_STATEMENTS[name], environment)
                if number:
                    samples[name].append(nanoseconds)
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
        )
    ]


def _with_bytecode_in(folder: str) -> dict[str, str]:
    """An environment in which modules are compiled once, whatever the caller's says of bytecode."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPYCACHEPREFIX": folder}


def _nanoseconds(statement: str, environment: Mapping[str, str]) -> float:
    program = [sys.executable, "-c", _PROGRAM.format(statement)]
    return float(subprocess.run(program, check=True, capture_output=True, cwd=_ROOT, env=environment).stdout)
