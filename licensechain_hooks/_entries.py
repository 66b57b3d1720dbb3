"""The values that cross an inbox: entries, claims on them, and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

__all__ = [
    "ENTRY_STATES",
    "Claim",
    "Entry",
    "EntryFilter",
    "EntryState",
    "InboxStats",
    "LedgerRow",
    "NewEntry",
    "Purged",
    "Recorded",
    "RecordedState",
    "RunState",
    "Settlement",
]

RecordedState = Literal["new", "duplicate", "conflict"]
EntryState = Literal["received", "processing", "processed", "failed", "dead", "ignored", "conflict"]
ENTRY_STATES: tuple[EntryState, ...] = get_args(EntryState)
"""Every state of an entry; the fixed vocabulary of columns, filters and metrics."""
RunState = Literal["done", "skipped", "discarded", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An accepted delivery, on its way into an inbox.

    Attributes:
        endpoint: the name of the endpoint it came to.
        event_id: with ``endpoint`` what duplicates are recognised by.
        event_type: canonical.
        event_timestamp: when it happened, aware.
        raw_body: the body as it was signed.
        headers: those worth keeping, never the signature.
        license_id: the license it is about, where it is about one; no white space at its ends, as ``ordering_key``.
        ordering_key: entries of one endpoint with the same key run in the order of their arrival; ``None``: in any.
        state: ``received``, or ``ignored`` where no handler listens.
    """

    endpoint: str
    event_id: str
    event_type: str
    event_timestamp: datetime
    raw_body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    license_id: str | None = None
    ordering_key: str | None = None
    state: Literal["received", "ignored"] = "received"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an inbox says of a `NewEntry`: ``new``, ``duplicate`` or ``conflict``, and the entry that stands for it."""

    state: RecordedState
    pk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """What became of one handler for one entry.

    Attributes:
        handler: the handler's name.
        state: ``done``, ``skipped`` (the event is older than one it has seen), ``discarded`` or ``failed``; all but the
            last are finished.
        attempts: how often it ran for this entry.
        latest_only: whether the handler wants only the newest event of a license, so that the inbox remembers which
            that was.
        done_at: when it finished; set by the inbox.
    """

    handler: str
    state: RunState
    attempts: int = 1
    latest_only: bool = False
    done_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the handler need not run again."""
        return self.state != "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An entry that one worker runs until its lease ends.

    Attributes:
        pk: the entry.
        token: who holds it; what another token writes changes nothing.
        endpoint, event_id, event_type, event_timestamp, raw_body, received_at, license_id: see `NewEntry`, `Entry`.
        attempts: which attempt this is, from 1; counted when it is claimed, so that a crash counts too.
        runs: the ledger so far, by handler.
    """

    pk: int
    token: str
    endpoint: str
    event_id: str
    event_type: str
    event_timestamp: datetime
    raw_body: bytes = field(repr=False)
    received_at: datetime
    license_id: str | None
    attempts: int
    runs: Mapping[str, LedgerRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of a claimed entry.

    Attributes:
        claim: which.
        state: ``processing`` only writes the ledger and keeps the claim; the others end it.
        delay: after which a ``failed`` entry is due again.
        error_code: short; the class of the exception.
        error: what to show to an operator; scrubbed, at most 2000 characters.
        runs: the rows for the ledger.
    """

    claim: Claim
    state: Literal["processing", "processed", "failed", "dead", "ignored"]
    delay: timedelta = timedelta(0)
    error_code: str = ""
    error: str = ""
    runs: tuple[LedgerRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of an inbox, as an operator sees it.

    Attributes:
        pk: its number in this inbox; later entries have higher ones.
        attempts: since it was received or replayed.
        next_attempt_at: when it is due; while it is ``processing``, when its lease ends; ``None`` once it is finished.
        raw_body: ``None`` once purged.
        error_code, error: of the last attempt that failed; empty where none did.
        done_at: when it was finished.
        purged_at: when its payload was deleted.
    """

    pk: int
    endpoint: str
    event_id: str
    event_type: str
    event_timestamp: datetime
    received_at: datetime
    state: EntryState
    attempts: int
    next_attempt_at: datetime | None
    license_id: str | None
    ordering_key: str | None
    headers: Mapping[str, str]
    raw_body: bytes | None = field(repr=False)
    error_code: str
    error: str
    done_at: datetime | None
    purged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries; a field left out matches all.

    Attributes:
        pks: these.
        states: one of these.
        event_type: this type, or all that begin as ``license.*`` does.
        since, until: received at or after, before.
        license_id: about this license.
        event_id, endpoint: this one.
    """

    pks: tuple[int, ...] | None = None
    states: tuple[EntryState, ...] | None = None
    event_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    license_id: str | None = None
    event_id: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxStats:
    """How an inbox does.

    Attributes:
        states: how many entries are in each state; every state is there.
        due: how many entries wait for a worker now.
        oldest_due_at: since when the first of them has; ``None`` where none does.
    """

    states: Mapping[EntryState, int]
    due: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Purged:
    """How far a purge has come: payloads deleted, entries deleted."""

    payloads: int = 0
    entries: int = 0
