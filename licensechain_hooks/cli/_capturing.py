"""``listen --capture``: a file for each delivery, and a word where none can be written."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from licensechain_hooks import Endpoint, HookRequest, Outcome
from licensechain_hooks.cli._output import note, printable
from licensechain_hooks.diagnosis._scrubbing import scrub_capture
from licensechain_hooks.diagnosis.captures import Capture
from licensechain_hooks.diagnosis.findings import Settings, diagnose
from licensechain_hooks.diagnosis.folder import CaptureFolder, FolderFullError

__all__ = ["Capturing", "open_folder"]


def open_folder(path: str) -> CaptureFolder:
    """The folder of ``--capture``.

    Raises:
        click.UsageError: nothing can be written there.
    """
    if not path:
        msg = "--capture: name a folder"
        raise click.UsageError(msg)
    try:
        return CaptureFolder(Path(path))
    except (OSError, ValueError) as exc:
        msg = f"--capture: nothing can be written to {printable(path)}: {_why(exc)}"
        raise click.UsageError(msg) from exc


class Capturing:
    """Writes a capture of each delivery, and passes it on.

    Args:
        folder: where to.
        endpoint: what received it.
        secrets: its secrets, newest first; they are not written.
        raw: whether the bytes stay as they arrived; else they are scrubbed, and what was found about them is kept.
        then: is told of the delivery as ``on_outcome`` is.
    """

    def __init__(
        self,
        folder: CaptureFolder,
        endpoint: Endpoint,
        secrets: list[str],
        *,
        raw: bool,
        then: Callable[[Outcome, HookRequest, float], object],
    ) -> None:
        self._folder = folder
        self._settings = Settings(
            secrets=secrets,
            profile=endpoint.profile,
            tolerance=endpoint.tolerance,
            max_event_age=endpoint.max_event_age,
        )
        self._raw = raw
        self._then = then
        self._trouble = ""

    def on_outcome(self, outcome: Outcome, request: HookRequest, seconds: float) -> None:
        """Write the capture; a delivery that has a line has its file."""
        self._write(Capture.of(request, outcome, datetime.now(UTC) - timedelta(seconds=seconds)))
        self._then(outcome, request, seconds)

    def _write(self, capture: Capture) -> None:
        if not self._raw:
            findings = tuple(finding.facts() for finding in diagnose(capture, self._settings))
            capture = scrub_capture(replace(capture, findings=findings), self._settings.secrets)
        try:
            self._folder.write(capture)
        except FolderFullError as exc:
            self._say(f"{printable(str(exc))}; deliveries are received, but no more are captured")
        except OSError as exc:
            where = printable(str(self._folder.path))
            self._say(f"nothing can be written to {where}: {_why(exc)}; deliveries are received all the same")
        else:
            self._trouble = ""

    def _say(self, trouble: str) -> None:
        """Once, until it is another or has been over."""
        if trouble != self._trouble:
            self._trouble = trouble
            note(f"--capture: {trouble}")


def _why(error: OSError | ValueError) -> str:
    number = getattr(error, "errno", None)
    return "no such name" if number is None else os.strerror(number)
