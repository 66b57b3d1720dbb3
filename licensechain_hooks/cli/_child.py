"""A ``listen`` in a process of its own."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import click

import licensechain_hooks

__all__ = ["ListenProcess"]

_START = 30.0  # seconds: a cold disk, a busy machine
_END = 5.0


class ListenProcess:
    """A context manager: the receiver listens inside it, and its process has ended after it.

    The process holds the other end of its stdin and ends with it, so that even a killed parent leaves none behind.

    Args:
        framework: which framework's server.
        secret: the signing secret; it goes through the environment, where other users cannot read it.
        options: more options of ``listen``.
    """

    def __init__(self, framework: str, secret: str, *options: str) -> None:
        self._command = [
            *(sys.executable, *_import_flags(), "-m", "licensechain_hooks", "listen"),
            *("--framework", framework, "--port", "0", "--format", "jsonl", "--stop-with-stdin", *options),
        ]
        self._environ = {name: text for name, text in os.environ.items() if not name.startswith("LICENSECHAIN_")}
        self._environ["LICENSECHAIN_WEBHOOK_SECRET"] = secret
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        """Start it."""
        self._process = subprocess.Popen(  # noqa: S603 - this very package
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environ
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it: in order, else by force."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.close()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
        except BaseException:
            self._process.kill()
            raise
        finally:
            self._process.wait()
            self._reader.join()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def url(self) -> str:
        """The URL it listens at, once it does.

        Raises:
            click.ClickException: it does not start; why, it has said on stderr.
        """
        first = self._next(_START)
        if first is None:
            msg = "the receiver did not start"
            raise click.ClickException(msg)
        url: str = first["url"]
        return url

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


def _import_flags() -> list[str]:
    """Let no module in the current folder shadow a real one, unless that is where this package comes from."""
    folder = Path(licensechain_hooks.__file__).resolve().parents[1]
    first, *others = [Path(entry).resolve() for entry in sys.path]
    return [] if folder == first and folder not in others else ["-P"]
