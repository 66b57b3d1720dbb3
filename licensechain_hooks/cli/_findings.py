"""What is wrong between the sender's logs and the inbox."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from licensechain_hooks._entries import Entry, EntryFilter, EntryState
from licensechain_hooks._stores import Inbox
from licensechain_hooks.cli._log_book import LogBook, LoggedEvent
from licensechain_hooks.cli._webhook_rows import DeliveryState

if TYPE_CHECKING:
    from licensechain_hooks.client import LicenseChainClient

__all__ = ["Finding", "Findings", "Monitor", "Problem"]

Problem = Literal["failed", "missing"]

_FEW = 20  # events that are looked up one by one
_AT_ONCE = 100  # entries, for each comes with its payload
_SLACK = timedelta(hours=1)  # between the sender's clock and ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An event that somebody has to look at.

    Attributes:
        problems: ``failed``: no delivery of it succeeded. ``missing``: the inbox lacks it.
        event_id, event_type: as the logs name it.
        deliveries: how many the logs know.
        status_code, error: of the newest of them.
        first_at, last_at: when the first and the newest were made.
        entry: the number of its entry in the inbox, where there is one.
        state: of that entry.
    """

    problems: tuple[Problem, ...]
    event_id: str | None
    event_type: str | None
    deliveries: int
    status_code: int | None
    error: str | None
    first_at: datetime | None
    last_at: datetime | None
    entry: int | None = None
    state: EntryState | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells one finding from another, over time."""
        return self.event_id or (self.event_type, self.first_at), self.problems

    def facts(self) -> dict[str, Any]:
        """It for programs."""
        return {
            "problems": list(self.problems),
            "event_id": self.event_id,
            "event_type": self.event_type,
            "deliveries": self.deliveries,
            "status_code": self.status_code,
            "error": self.error,
            "first_at": _iso(self.first_at),
            "last_at": _iso(self.last_at),
            "entry": self.entry,
            "entry_state": self.state,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one look has shown.

    Attributes:
        webhook: the id.
        since: the look goes back to here.
        compared_since: and the comparison with the inbox to here; ``None`` where there is no inbox.
        checked_at: when.
        events: how many events the logs know.
        unnamed: how many deliveries are logged without an event.
        deliveries: how many are in each state.
        newest_at: when the newest was made.
        found: what is wrong, the newest first.
    """

    webhook: str
    since: datetime
    compared_since: datetime | None
    checked_at: datetime
    events: int
    unnamed: int
    deliveries: Mapping[DeliveryState, int]
    newest_at: datetime | None
    found: tuple[Finding, ...]

    def count(self, problem: Problem) -> int:
        """How many events have this problem."""
        return sum(problem in finding.problems for finding in self.found)

    def facts(self) -> dict[str, Any]:
        """It for programs."""
        return {
            "webhook": self.webhook,
            "ok": not self.found,
            "since": _iso(self.since),
            "compared_since": _iso(self.compared_since),
            "checked_at": _iso(self.checked_at),
            "events": self.events,
            "deliveries": {state: self.deliveries.get(state, 0) for state in get_args(DeliveryState)},
            "deliveries_without_event": self.unnamed,
            "failed": self.count("failed"),
            "missing": None if self.compared_since is None else self.count("missing"),
            "findings": [finding.facts() for finding in self.found],
        }


class Monitor:
    """Looks at the logs of a webhook, and at an inbox.

    Args:
        client: of the management API.
        webhook_id: which webhook.
        since: how far to look back.
        inbox: what to compare with.
        endpoint: of the inbox, the entries received at the endpoint of this name only.
    """

    def __init__(
        self,
        client: "LicenseChainClient",
        webhook_id: str,
        *,
        since: datetime,
        inbox: Inbox | None,
        endpoint: str | None,
    ) -> None:
        self._client = client
        self._webhook_id = webhook_id
        self._inbox = inbox
        self._endpoint = endpoint
        self._book = LogBook(since)
        self._there: set[str] = set()  # events that were in the inbox at an earlier look

    def look(self) -> Findings:
        """Look.

        Raises:
            ClientError: the logs cannot be read.
            StoreUnavailableError: the inbox cannot.
        """
        checked_at = datetime.now(UTC)
        self._book.read(self._client.webhooks.iter_logs(self._webhook_id))  # before the inbox: what is logged is stored
        events = self._book.events()
        compared_since = self._compared_since(checked_at)
        entries = self._entries_of(events, compared_since)
        found = [finding for event in events if (finding := self._judge(event, entries, compared_since)) is not None]
        return Findings(
            webhook=self._webhook_id,
            since=self._book.since,
            compared_since=compared_since,
            checked_at=checked_at,
            events=sum(event.event_id is not None for event in events),
            unnamed=sum(event.event_id is None for event in events),
            deliveries=self._book.states(),
            newest_at=self._book.newest_at(),
            found=tuple(sorted(found, key=lambda finding: finding.last_at or checked_at, reverse=True)),
        )

    def _judge(
        self, event: LoggedEvent, entries: Mapping[str, Entry | None], compared_since: datetime | None
    ) -> Finding | None:
        newest = event.newest
        is_compared = (
            compared_since is not None
            and event.event_id is not None
            and not event.is_pending
            and (newest.at is None or newest.at >= compared_since)
        )
        key = event.event_id or ""
        entry = entries.get(key)
        problems: list[Problem] = ["failed"] if event.has_failed else []
        if is_compared and key not in self._there and entry is None:
            problems.append("missing")
        if not problems:
            return None
        return Finding(
            problems=tuple(problems),
            event_id=event.event_id,
            event_type=event.event_type,
            deliveries=len(event.deliveries),
            status_code=newest.status_code,
            error=newest.error,
            first_at=event.first_at,
            last_at=newest.at,
            entry=None if entry is None else entry.pk,
            state=None if entry is None else entry.state,
        )

    def _compared_since(self, now: datetime) -> datetime | None:
        """Older entries may have been purged, so that they are no gap."""
        if self._inbox is None:
            return None
        retention: timedelta | None = getattr(self._inbox, "retention", None)
        return self._book.since if retention is None else max(self._book.since, now - retention)

    def _entries_of(self, events: Collection[LoggedEvent], since: datetime | None) -> Mapping[str, Entry | None]:
        """The entries of the events that need one: those not seen before, and those that failed."""
        if self._inbox is None or since is None:
            return {}
        wanted = {
            event.event_id
            for event in events
            if event.event_id is not None
            and not event.is_pending
            and (event.has_failed or event.event_id not in self._there)
        }
        found = dict(self._search(self._inbox, wanted, since))
        self._there.update(found)
        return found

    def _search(self, inbox: Inbox, wanted: set[str], since: datetime) -> Iterator[tuple[str, Entry]]:
        """The entries of these events: of many by reading what was received of late, of the rest one by one."""
        left = set(wanted)
        if len(wanted) > _FEW:
            for entry in self._received(inbox, since - _SLACK):
                if entry.event_id in left:
                    left.discard(entry.event_id)
                    yield entry.event_id, entry
                if not left:
                    return
        for event_id in sorted(left):
            entries = inbox.entries(EntryFilter(event_id=event_id, endpoint=self._endpoint), limit=_AT_ONCE)
            if entries:
                yield event_id, entries[-1]  # the first that came: later ones are in conflict with it

    def _received(self, inbox: Inbox, since: datetime) -> Iterator[Entry]:
        wanted = EntryFilter(since=since, endpoint=self._endpoint)
        before = None
        while True:
            page = inbox.entries(wanted, limit=_AT_ONCE, before=before)
            yield from page
            if len(page) < _AT_ONCE:
                return
            before = page[-1].pk


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
