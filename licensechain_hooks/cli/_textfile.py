"""Findings as Prometheus's text format, in a file for the node exporter's textfile collector.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import get_args

import click

from licensechain_hooks.cli._findings import Findings
from licensechain_hooks.cli._output import printable
from licensechain_hooks.cli._webhook_rows import DeliveryState

__all__ = ["TextFile"]

_PREFIX = "licensechain_hooks_monitor"
_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)


class TextFile:
    """A file of gauges, replaced as a whole after each look.

    Args:
        path: where; the collector reads names that end in ``.prom``.
        webhook: the id, for the label.

    Raises:
        click.UsageError: there is no such folder.
    """

    def __init__(self, path: Path, webhook: str) -> None:
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else "is in no folder that exists"
            msg = f"--prometheus: {printable(str(path))} {what}"
            raise click.UsageError(msg)
        self._path = path
        self._label = webhook.replace("\\", r"\\").replace('"', r"\"")
        self._last: Findings | None = None

    def write(self, findings: Findings | None) -> None:
        """Write what a look has shown, or that there was none; then with what was seen last.

        Raises:
            OSError: it cannot be written.
        """
        is_up = findings is not None
        self._last = findings or self._last
        text = "".join(f"{line}\n" for line in self._lines(is_up=is_up))
        self._replace(text)

    def _replace(self, text: str) -> None:
        descriptor, made = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(made).chmod(0o644)  # the exporter is another user
            Path(made).replace(self._path)
        except BaseException:
            with suppress(OSError):
                Path(made).unlink()
            raise

    def _lines(self, *, is_up: bool) -> Iterator[str]:
        yield from self._gauge("up", "Whether the last look at the delivery logs and the inbox succeeded.", int(is_up))
        last = self._last
        if last is None:
            return
        yield from self._gauge("last_success_timestamp_seconds", "When a look last succeeded.", _unix(last.checked_at))
        if last.newest_at is not None:
            what = "When the newest delivery that is logged was made."
            yield from self._gauge("newest_delivery_timestamp_seconds", what, _unix(last.newest_at))
        yield from self._gauge("events", "Events in the logs that were looked at.", last.events)
        yield from self._head("deliveries", "Deliveries in the logs that were looked at, by what became of them.")
        for state in _STATES:
            yield self._sample("deliveries", last.deliveries.get(state, 0), f',state="{state}"')
        yield from self._gauge("failed_events", "Events of which no delivery succeeded.", last.count("failed"))
        if last.compared_since is not None:
            yield from self._gauge("missing_events", "Logged events that the inbox lacks.", last.count("missing"))

    def _gauge(self, name: str, what: str, value: float) -> Iterator[str]:
        yield from self._head(name, what)
        yield self._sample(name, value)

    @staticmethod
    def _head(name: str, what: str) -> Iterator[str]:
        yield f"# HELP {_PREFIX}_{name} {what}"
        yield f"# TYPE {_PREFIX}_{name} gauge"

    def _sample(self, name: str, value: float, labels: str = "") -> str:
        return f'{_PREFIX}_{name}{{webhook="{self._label}"{labels}}} {value}'


def _unix(moment: datetime) -> float:
    return round(moment.timestamp(), 3)
