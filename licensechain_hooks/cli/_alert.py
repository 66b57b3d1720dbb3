"""A program of the user's that is told of findings: no shell, JSON on its stdin."""

import json
import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress

import click

from licensechain_hooks.cli._advice import all_facts
from licensechain_hooks.cli._findings import Findings
from licensechain_hooks.cli._output import note, printable

__all__ = ["Alert"]

_TIMEOUT = 60.0  # seconds


class Alert:
    """A command line to run.

    Args:
        command: words as a shell quotes them; none is expanded, nothing is redirected.

    Raises:
        click.UsageError: there is no such program.
    """

    def __init__(self, command: str) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as exc:
            msg = f"--exec: the quotes do not match: {exc}"
            raise click.UsageError(msg) from exc
        if not self._words:
            msg = "--exec: name a program, such as --exec 'notify --channel ops'"
            raise click.UsageError(msg)
        if shutil.which(self._words[0]) is None:
            msg = f"--exec: there is no program {printable(self._words[0])!r}"
            raise click.UsageError(msg)

    def run(self, findings: Findings) -> None:
        """Run it; where it fails, say so."""
        problem = self._problem(json.dumps(all_facts(findings)).encode())
        if problem:
            note(f"--exec: {printable(self._words[0])} {problem}")

    def _problem(self, told: bytes) -> str:
        try:  # a session of its own, so that all it starts can be ended; what it prints stands beside the results
            process = subprocess.Popen(  # noqa: S603 - what the user asks for
                self._words, stdin=subprocess.PIPE, stdout=2, start_new_session=True
            )
        except OSError as exc:
            return f"cannot be started: {exc.strerror or type(exc).__name__}"
        try:
            process.communicate(told, timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"was ended: it took longer than {_TIMEOUT:.0f} seconds"
        except BaseException:
            _end(process)
            raise
        return f"failed with exit code {process.returncode}" if process.returncode else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
