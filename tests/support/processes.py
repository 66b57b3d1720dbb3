"""Processes that belong together: started with one environment and one log, and ended together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

__all__ = ["PATIENCE", "Processes", "wait_for"]

PATIENCE = 60.0  # seconds for what has to happen, on a slow machine

_T = TypeVar("_T")


class Processes:
    """A context manager: at its end they are ended, and where that is an error their log is shown.

    Args:
        log: the file that they write to.
        folder: where they work.
        environment: all of their variables.
    """

    def __init__(self, log: Path, *, folder: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        self._folder = folder
        self._environment = environment
        log.touch()
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._started:
            process.send_signal(signal.SIGTERM)
        for process in self._started:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if error is not None:
            sys.stderr.write(self.log[-4000:])

    @property
    def log(self) -> str:
        """What they wrote."""
        return self._log.read_text(errors="replace")

    def start(self, arguments: list[str], *descriptors: int) -> subprocess.Popen[bytes]:
        """Start Python with some arguments; it inherits the descriptors, and what it starts is of its group."""
        with self._log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self._folder,
                env=self._environment,
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._started.append(process)
        return process


def wait_for(what: str, look: Callable[[], _T]) -> _T:
    """What a function gives, once that is something.

    Raises:
        TimeoutError: that takes too long.
    """
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            msg = f"{what}: that takes more than {PATIENCE:g} s"
            raise TimeoutError(msg)
        time.sleep(0.05)
    return found
