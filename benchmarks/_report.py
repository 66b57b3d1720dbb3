"""Tables of rows, for people and for programs."""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Literal

from benchmarks._measure import Row

Format = Literal["text", "json"]

_COLUMNS = ("row", "ours", "reference", "measure", "ratio", "quartiles", "target", "met")
_DISK = "fdatasync"


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cores": os.cpu_count(),
        "platform": f"{platform.system()} {platform.machine()}",
        "pydantic": version("pydantic"),
    }


def render(rows: Sequence[Row], output_format: Format) -> str:
    """The machine and its rows."""
    return _json(rows) if output_format == "json" else _text(rows)


def _text(rows: Sequence[Row]) -> str:
    lines = [_COLUMNS, *map(_cells, rows)]
    if any(row.disk for row in rows):
        lines = [(*line, disk) for line, disk in zip(lines, [_DISK, *(row.disk for row in rows)], strict=True)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    rule = "  ".join("-" * width for width in widths)
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    return "\n".join([f"machine: {facts}", "", table[0], rule, *table[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    ratio, spread = row.note, ""
    if row.ratio is not None:
        low, middle, high = row.ratio
        ratio, spread = f"{middle:.2f}", f"{low:.2f} to {high:.2f}"
    met = "" if row.met is None else ("yes" if row.met else "no")
    return (row.row, row.ours, row.reference, row.measure, ratio, spread, str(row.target or ""), met)


def _json(rows: Sequence[Row]) -> str:
    return json.dumps({"machine": machine(), "rows": [_object(row) for row in rows]}, indent=2)


def _object(row: Row) -> dict[str, object]:
    low, middle, high = row.ratio or (None, None, None)
    return {
        "row": row.row,
        "ours": row.ours,
        "reference": row.reference,
        "measure": row.measure,
        "ratio": middle,
        "lower_quartile": low,
        "upper_quartile": high,
        "target": str(row.target) if row.target else None,
        "met": row.met,
        "note": row.note or None,
        _DISK: row.disk or None,
    }
