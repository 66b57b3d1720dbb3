"""A command of ours in a process of its own."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import click

import licensechain_hooks

__all__ = ["ChildProcess", "emulator_process", "listen_process"]

_START = 30.0  # seconds: a cold disk, a busy machine
_END = 5.0


class ChildProcess:
    """A context manager: a command of ours runs inside it, and its process has ended after it.

    The process holds the other end of its stdin and ends with it, so that even a killed parent leaves none behind.

    Args:
        what: what people call it.
        arguments: of the command line.
        environ: what it reads of the environment; secrets go this way, for other users can read arguments.
    """

    def __init__(self, what: str, *arguments: str, environ: Mapping[str, str]) -> None:
        self._what = what
        self._command = [
            *(sys.executable, *_import_flags(), "-m", "licensechain_hooks", *arguments),
            *("--format", "jsonl", "--stop-with-stdin"),
        ]
        self._environ = {name: text for name, text in os.environ.items() if not name.startswith("LICENSECHAIN_")}
        self._environ |= environ
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self._process = process = subprocess.Popen(  # noqa: S603 - this very package
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environ
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it: in order, else by force."""
        process = self._process
        assert process is not None and process.stdin is not None  # noqa: S101, PT018 - it was started
        process.stdin.close()
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
            self._reader.join()

    @property
    def pid(self) -> int:
        """The id of the process; 0 before it is started."""
        return 0 if self._process is None else self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def first_line(self) -> dict[str, Any]:
        """What it prints once it listens.

        Raises:
            click.ClickException: it does not start; why, it has said on stderr.
        """
        first = self._next(_START)
        if first is None:
            msg = f"the {self._what} did not start"
            raise click.ClickException(msg)
        return first

    def line(self) -> dict[str, Any]:
        """The next line; empty, where there is none."""
        return self._next(_END) or {}

    def _next(self, timeout: float) -> dict[str, Any] | None:
        try:
            return self._lines.get(timeout=timeout)
        except queue.Empty:
            return None

    def _read(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                self._lines.put(json.loads(line))
        self._lines.put(None)


def listen_process(framework: str, secret: str, *options: str, port: int = 0) -> ChildProcess:
    """A receiver on this machine.

    Args:
        framework: which framework's server.
        secret: the signing secret.
        options: more options of ``listen``.
        port: 0 picks a free one.
    """
    arguments = ("listen", "--framework", framework, "--port", str(port), *options)
    return ChildProcess("receiver", *arguments, environ={"LICENSECHAIN_WEBHOOK_SECRET": secret})


def emulator_process(api_key: str, *options: str) -> ChildProcess:
    """A local LicenseChain.

    Args:
        api_key: which its API wants.
        options: more options of ``emulator``.
    """
    return ChildProcess("emulator", "emulator", "--port", "0", *options, environ={"LICENSECHAIN_API_KEY": api_key})


def _import_flags() -> list[str]:
    """Let no module in the current folder shadow a real one, unless that is where this package comes from."""
    folder = Path(licensechain_hooks.__file__).resolve().parents[1]
    first, *others = [Path(entry).resolve() for entry in sys.path]
    return [] if folder == first and folder not in others else ["-P"]
