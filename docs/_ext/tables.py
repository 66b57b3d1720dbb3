"""Tables of the reference, written out of the code, so that they cannot differ from it: functions giving Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from licensechain_hooks import EVENT_CLASSES
from licensechain_hooks.events.aliases import spellings


def events() -> str:
    """Every known type of event."""
    rows = []
    for name, event_class in EVENT_CLASSES.items():
        also = ", ".join(f"`{other}`" for other in spellings(name)[1:])
        data = event_class.model_fields["data"].annotation
        rows.append(
            (f"`{name}`", also, f"`{event_class.__name__}`", f"`{getattr(data, '__name__', data)}`", _said(event_class))
        )
    return _table(("type", "also spelled", "class", "`data`", "when"), rows)


def _said(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
