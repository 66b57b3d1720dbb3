"""One entry of a `MemoryInbox`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from licensechain_hooks._entries import Claim, Entry, EntryFilter, EntryState, LedgerRow, NewEntry

__all__ = ["Row", "moment"]


@dataclass(slots=True)
class Row:
    """An entry as it is kept; times are seconds since 1970."""

    pk: int
    new: NewEntry
    received_at: float
    state: EntryState
    variant: str = ""  # of a conflict: the digest of its body
    attempts: int = 0
    due_at: float | None = None
    token: str = ""
    error_code: str = ""
    error: str = ""
    done_at: float | None = None
    purged_at: float | None = None
    runs: dict[str, LedgerRow] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.new.endpoint, self.new.event_id, self.variant

    @property
    def queue(self) -> tuple[str, str | None]:
        return self.new.endpoint, self.new.ordering_key

    def claim(self, token: str, until: float) -> Claim:
        """Take it for a worker."""
        self.state, self.token, self.due_at = "processing", token, until
        self.attempts += 1
        new = self.new
        return Claim(
            pk=self.pk,
            token=token,
            endpoint=new.endpoint,
            event_id=new.event_id,
            event_type=new.event_type,
            event_timestamp=new.event_timestamp,
            raw_body=new.raw_body,
            received_at=moment(self.received_at),
            license_id=new.license_id,
            attempts=self.attempts,
            runs=dict(self.runs),
        )

    def entry(self) -> Entry:
        """What an operator sees of it."""
        new = self.new
        return Entry(
            pk=self.pk,
            endpoint=new.endpoint,
            event_id=new.event_id,
            event_type=new.event_type,
            event_timestamp=new.event_timestamp,
            received_at=moment(self.received_at),
            state=self.state,
            attempts=self.attempts,
            next_attempt_at=None if self.due_at is None else moment(self.due_at),
            license_id=new.license_id,
            ordering_key=new.ordering_key,
            headers=dict(new.headers),
            raw_body=None if self.purged_at is not None else new.raw_body,
            error_code=self.error_code,
            error=self.error,
            done_at=None if self.done_at is None else moment(self.done_at),
            purged_at=None if self.purged_at is None else moment(self.purged_at),
        )

    def matches(self, wanted: EntryFilter) -> bool:
        """Whether a filter, but for its ``pks``, lets it through."""
        new = self.new
        return (
            (wanted.states is None or self.state in wanted.states)
            and (wanted.event_type is None or _is_of_type(new.event_type, wanted.event_type))
            and (wanted.since is None or self.received_at >= wanted.since.timestamp())
            and (wanted.until is None or self.received_at < wanted.until.timestamp())
            and (wanted.license_id is None or new.license_id == wanted.license_id)
            and (wanted.event_id is None or new.event_id == wanted.event_id)
            and (wanted.endpoint is None or new.endpoint == wanted.endpoint)
        )


def moment(seconds: float) -> datetime:
    """A time as the values of the protocol have it."""
    return datetime.fromtimestamp(seconds, UTC)


def _is_of_type(event_type: str, pattern: str) -> bool:
    return event_type.startswith(pattern[:-1]) if pattern.endswith("*") else event_type == pattern
