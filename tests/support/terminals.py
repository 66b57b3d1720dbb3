"""Terminals to type into: a shell that keeps its folder and its variables, as that of a person does."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["Terminal"]

_PATIENCE = 90.0  # seconds for whatever has to happen, on a slow machine
_END = "\x1e"  # what stands before the exit code
# Ctrl-C works in it, also where whoever started the tests has Ctrl-C ignored, as a shell does for what it runs behind.
_SHELL = (
    "import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execvp('bash', ['bash', '--norc', '--noprofile'])"
)


class Terminal:
    """A shell without a screen.

    Args:
        folder: where it starts.
        environ: its environment variables, all of them.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._printed = ""
        self._changed = threading.Condition()
        self._is_over = False
        self.code = 0
        self._process = subprocess.Popen(
            [sys.executable, "-IS", "-c", _SHELL],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def printed(self) -> str:
        """All that it has shown so far."""
        with self._changed:
            return self._printed

    def type(self, command: str, *, until: str = "") -> str:
        """Run a command; what it printed. Its exit code is then ``code``.

        Args:
            command: one or more lines for bash.
            until: go on once it has printed this, and leave it running.
        """
        begin = len(self.printed)
        with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as script:
            script.write(f"(exit {self.code})\n{command}\n")
        typed = f". {script.name} < /dev/null; printf '{_END}%s{_END}\\n' $?\n"
        assert self._process.stdin is not None
        self._process.stdin.write(typed.encode())
        self._process.stdin.flush()

        def done(printed: str) -> bool:
            rest = printed[begin:]
            return rest.count(_END) == 2 or (bool(until) and until in rest)

        printed = self.wait(f"the end of {command!r}" + (f" or {until!r}" if until else ""), done)[begin:]
        Path(script.name).unlink()
        if printed.count(_END) < 2:
            return printed
        printed, code, _ = printed.split(_END)
        self.code = int(code)
        if until and until not in printed:
            msg = f"{command!r} ended with {code} and printed:\n{printed}"
            raise AssertionError(msg)
        return printed

    def wait(self, what: str, look: Callable[[str], bool]) -> str:
        """Wait until a function likes what is shown; all that is shown."""
        end = time.monotonic() + _PATIENCE
        with self._changed:
            while not look(self._printed):
                left = end - time.monotonic()
                if left <= 0 or self._is_over:
                    why = "the shell ended" if self._is_over else f"{_PATIENCE:g} s went by"
                    msg = f"{why} without {what}; the terminal shows:\n{self._printed}"
                    raise AssertionError(msg)
                self._changed.wait(left)
            return self._printed

    def stop(self) -> None:
        """Press Ctrl-C, twice where once is not enough, and wait for the end of all that runs in it."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        for _ in range(2):
            self._signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE / 2)
                break
        is_over = self._process.returncode is not None
        self._signal(signal.SIGKILL)
        self._process.wait(_PATIENCE)
        if not is_over:
            msg = f"Ctrl-C, twice, did not end what runs in the terminal, which shows:\n{self.printed}"
            raise AssertionError(msg)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            while piece := os.read(self._process.stdout.fileno(), 65536):
                with self._changed:
                    self._printed += piece.decode(errors="replace")
                    self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
