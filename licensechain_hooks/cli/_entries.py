"""Entries of an inbox, as rows for people and as facts for programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from licensechain_hooks._entries import Entry, LedgerRow
from licensechain_hooks.cli._output import echo, show_table
from licensechain_hooks.operations.status import TROUBLE
from licensechain_hooks.operations.words import columns, printable, spell_count, spell_moment

__all__ = ["entry_facts", "handler_facts", "show_entries", "show_entry"]

_HEADER = ("pk", "state", "type", "event id", "license", "received", "attempts", "last error")


def show_entries(listed: Sequence[dict[str, Any]]) -> None:
    """Print a table of entries, each as `entry_facts` has it."""
    show_table(_HEADER, [_row(facts) for facts in listed], good=[facts["state"] not in TROUBLE for facts in listed])


def show_entry(entry: Entry, ledger: Sequence[LedgerRow], *, with_payload: bool) -> None:
    """Print all there is to know of an entry, and what became of each handler."""
    for line in columns(_fields(entry, with_payload=with_payload)):
        echo(printable(line))
    if ledger:
        echo("")
        header = ("handler", "attempts", "finished", "state")
        rows = [(printable(row.handler), str(row.attempts), spell_moment(row.done_at), row.state) for row in ledger]
        show_table(header, rows, good=[row.is_finished for row in ledger])


def entry_facts(entry: Entry) -> dict[str, Any]:
    """An entry without its payload."""
    return {
        "pk": entry.pk,
        "state": entry.state,
        "type": entry.event_type,
        "event_id": entry.event_id,
        "license_id": entry.license_id,
        "endpoint": entry.endpoint,
        "event_timestamp": _iso(entry.event_timestamp),
        "received_at": _iso(entry.received_at),
        "attempts": entry.attempts,
        "next_attempt_at": _iso(entry.next_attempt_at),
        "ordering_key": entry.ordering_key,
        "headers": dict(entry.headers),
        "payload_bytes": None if entry.raw_body is None else len(entry.raw_body),
        "error_code": entry.error_code or None,
        "error": entry.error or None,
        "done_at": _iso(entry.done_at),
        "purged_at": _iso(entry.purged_at),
    }


def handler_facts(row: LedgerRow) -> dict[str, Any]:
    """What became of one handler."""
    return {"handler": row.handler, "state": row.state, "attempts": row.attempts, "done_at": _iso(row.done_at)}


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    received = spell_moment(datetime.fromisoformat(facts["received_at"]))
    cells = (facts["state"], facts["type"], facts["event_id"], facts["license_id"] or "-", received)
    return (str(facts["pk"]), *map(printable, cells), str(facts["attempts"]), printable(facts["error_code"] or "-"))


def _fields(entry: Entry, *, with_payload: bool) -> list[tuple[str, str]]:
    due = "lease ends" if entry.state == "processing" else "next attempt"
    return [
        ("pk", str(entry.pk)),
        ("state", entry.state),
        ("type", entry.event_type),
        ("event id", entry.event_id),
        ("license", entry.license_id or "-"),
        ("endpoint", entry.endpoint),
        ("ordering key", entry.ordering_key or "-"),
        ("happened", spell_moment(entry.event_timestamp)),
        ("received", spell_moment(entry.received_at)),
        ("attempts", str(entry.attempts)),
        (due, spell_moment(entry.next_attempt_at)),
        ("done", spell_moment(entry.done_at)),
        ("headers", "; ".join(f"{name}: {text}" for name, text in sorted(entry.headers.items())) or "-"),
        ("payload", _payload(entry, with_payload=with_payload)),
        ("error code", entry.error_code or "-"),
        ("error", entry.error or "-"),
    ]


def _payload(entry: Entry, *, with_payload: bool) -> str:
    if entry.raw_body is None:
        return f"deleted at {spell_moment(entry.purged_at)}"
    if with_payload:
        return entry.raw_body.decode(errors="backslashreplace")
    return f"{spell_count(len(entry.raw_body), 'byte')}; --payload shows it"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
