"""What the commands print: safe for terminals, whole lines, flushed at once."""

import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

import click

from licensechain_hooks.operations.words import columns, printable

__all__ = ["columns", "echo", "echo_json", "note", "paint", "printable", "show_table"]

_lock = threading.Lock()


def echo(line: str) -> None:
    """Print one line of a result."""
    _write(line, sys.stdout, err=False)


def note(line: str) -> None:
    """Print one line beside the results, to stderr."""
    _write(line, sys.stderr, err=True)


def echo_json(value: Any, *, indent: int | None = None) -> None:
    """Print a result as JSON in ASCII, so that no control character comes through: one line, without ``indent``."""
    echo(json.dumps(value, indent=indent).replace("\x7f", "\\u007f"))


def paint(text: str, *, good: bool) -> str:
    """Colour a verdict, where colours are shown."""
    return click.style(text, fg="green" if good else "red") if _is_colourful() else text


def show_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, good: Sequence[bool], verdict: int = -1
) -> None:
    """Print a table one of whose columns is a verdict: framed and coloured on a terminal, else plain columns.

    Args:
        header: the names of the columns.
        rows: their cells.
        good: for each row, whether its verdict is a good one.
        verdict: which column that is; by default the last.
    """
    if _is_colourful():
        try:
            _show_rich_table(header, rows, good, verdict)
        except ImportError:
            pass
        else:
            return
    for line in columns([header, *rows]):
        echo(line)


def _show_rich_table(header: Sequence[str], rows: Sequence[Sequence[str]], good: Sequence[bool], verdict: int) -> None:
    from rich import box  # noqa: PLC0415 - slow to import, and only for a terminal
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row, is_good in zip(rows, good, strict=True):
        cells = [*map(Text, row)]
        cells[verdict].stylize("green" if is_good else "bold red")
        table.add_row(*cells)
    Console(highlight=False, emoji=False, markup=False).print(table)


def _is_colourful() -> bool:
    """Whether results are read on a terminal by somebody who did not say otherwise (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(line: str, stream: Any, *, err: bool) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = line.encode(encoding, "backslashreplace").decode(encoding)
    with _lock:  # servers print from many threads
        click.echo(text, err=err)
