"""The plug points for state: the protocols of deduplicators, inboxes and task queues."""

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol

from licensechain_hooks._entries import (
    Claim,
    Entry,
    EntryFilter,
    InboxStats,
    LedgerRow,
    NewEntry,
    Purged,
    Recorded,
    Settlement,
)

__all__ = [
    "Deduplicator",
    "Enqueuer",
    "EntryRunner",
    "Inbox",
    "Reservation",
    "ReservationState",
    "Transaction",
]

ReservationState = Literal["new", "duplicate", "in_flight", "conflict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a `Deduplicator` says of an event.

    Attributes:
        state: ``new`` (this caller runs the handlers), ``duplicate`` (done before), ``in_flight`` (another caller is
            running them) or ``conflict`` (the id was seen with other content).
        key: endpoint and event id.
        token: who holds the reservation; `complete` and `release` by another token change nothing.
    """

    state: ReservationState
    key: tuple[str, str]
    token: int | str = 0


class Deduplicator(Protocol):
    """Remembers events in inline mode, so that handlers run once. Methods may be called from any thread.

    Attributes:
        retention: how long a finished event is remembered; ``None`` where time does not bound it.
        in_process: whether the methods only touch memory, and so may be called on an event loop.
    """

    @property
    def retention(self) -> timedelta | None: ...

    @property
    def in_process(self) -> bool: ...

    def reserve(self, endpoint: str, event_id: str, body: bytes) -> Reservation:
        """Reserve an event in one step, so that of many callers one gets ``new``.

        Raises:
            StoreUnavailableError: nothing is known; the sender is asked to come back.
        """
        ...

    def complete(self, reservation: Reservation) -> None:
        """The handlers are done: from now on the event is a duplicate."""

    def release(self, reservation: Reservation) -> None:
        """A handler failed: the next delivery of the event runs again."""


class Transaction(Protocol):
    """What a transactional handler writes through; see `Inbox.transaction`.

    Attributes:
        is_stale: whether the handler wants only the newest event of a license and has seen a newer one.
        connection: the database connection that holds the transaction, in the inbox's own terms.
        session: an ORM session on that connection, where the inbox knows one.
    """

    @property
    def is_stale(self) -> bool: ...

    @property
    def connection(self) -> Any: ...

    @property
    def session(self) -> Any: ...


class Inbox(Protocol):
    """A durable store of accepted deliveries. Methods are synchronous and may be called from any thread.

    What goes wrong with the store (down, full, locked) is raised as `StoreUnavailableError`; what is wrong with one row
    as any other error, so that the others of its batch can be tried again without it.

    Attributes:
        retention: how long an event is remembered at least; ``None``: for ever.
        many_writers: whether several threads may write at once. If not, one of them writes for all.
    """

    @property
    def retention(self) -> timedelta | None: ...

    @property
    def many_writers(self) -> bool: ...

    def record_many(self, entries: Sequence[NewEntry]) -> list[Recorded]:
        """Store deliveries in one commit; when this returns they are durable.

        Returns:
            For each its verdict, in order. Of one event twice in a batch, one is new.
        """
        ...

    def claim_many(
        self, endpoints: Sequence[str], *, limit: int, lease: timedelta, pk: int | None = None
    ) -> list[Claim]:
        """Take entries that are due, at most ``limit``: those whose ordering key no earlier unfinished entry has.

        With ``pk`` that entry and no other, if it is among them.
        """
        ...

    def due(
        self,
        endpoints: Sequence[str],
        *,
        limit: int,
        grace: timedelta = timedelta(0),
        after: int | None = None,
    ) -> list[int]:
        """The entries that `claim_many` would take, at most ``limit``, and leave them where they are.

        Args:
            endpoints: whose.
            limit: how many.
            grace: leave out those that are due for less than that and have not been attempted.
            after: only those that have the ordering key of this entry, and came after it.
        """
        ...

    def extend_many(self, claims: Sequence[Claim], *, lease: timedelta) -> list[bool]:
        """Hold claims for another ``lease`` from now; for each whether it was still held."""
        ...

    def settle_many(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Write ledger rows and states in one commit; for each whether its claim was still held: if not, nothing is."""
        ...

    def release_many(self, claims: Sequence[Claim]) -> None:
        """Give back claims that were not begun: their attempt does not count, and they are due at once."""
        ...

    def is_stale(self, claim: Claim, handler: str) -> bool:
        """Whether a ``latest_only`` handler has finished a newer event of the claim's license."""
        ...

    def transaction(self, claim: Claim, row: LedgerRow) -> AbstractContextManager[Transaction]:
        """One database transaction that holds the claim, the handler's own writes and its ledger row.

        It commits when the body ends, with ``row`` in the ledger (``skipped`` where `Transaction.is_stale`), and rolls
        back when the body raises.

        Raises:
            LeaseLostError: the claim is no longer held; on entering.
        """
        ...

    def handling(self) -> AbstractContextManager[None]:
        """Around the work of a thread that runs handlers; for what a framework has to do before and after."""
        ...

    def entries(self, wanted: EntryFilter, *, limit: int = 100, before: int | None = None) -> list[Entry]:
        """Entries, newest first; ``before`` a ``pk`` to page on."""
        ...

    def ledger(self, pk: int) -> list[LedgerRow]:
        """The ledger of an entry, by handler."""
        ...

    def count(self, wanted: EntryFilter) -> int:
        """How many entries match."""
        ...

    def stats(self) -> InboxStats:
        """See `InboxStats`."""
        ...

    def replay(self, wanted: EntryFilter, *, force: bool = False) -> int:
        """Let entries run again, with all their attempts.

        ``failed`` and ``dead`` ones run those handlers that have not succeeded. With ``force`` also the finished ones,
        and all handlers again. Entries whose payload is purged stay as they are, and those being processed.

        Returns:
            How many.
        """
        ...

    def discard(self, wanted: EntryFilter) -> int:
        """Give entries up: ``received``, ``failed`` and ``dead`` ones become ``ignored``; how many."""
        ...

    def purge_payloads(self, wanted: EntryFilter) -> int:
        """Delete the payloads of entries now, whatever their age; how many.

        Of ``processed``, ``ignored``, ``conflict`` and ``dead`` ones. Such an entry is never replayed.
        """
        ...

    def purge(self) -> Iterator[Purged]:
        """Delete what is past its retention, in small commits; how far it has come, after each.

        Payloads of finished entries first, then entries; never ``dead`` ones. May be broken off and begun again.
        """
        ...


class EntryRunner(Protocol):
    """What a task of an engine has to do; a `Receiver` does it for its endpoint."""

    def run_entry(self, pk: int) -> bool:
        """Run the handlers of an entry in this thread, if it is due; whether it was.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
        """
        ...

    async def arun_entry(self, pk: int) -> bool:
        """`run_entry` in an asynchronous engine."""
        ...

    def sweep(self) -> int:
        """Enqueue what is due and has not been run; how many entries."""
        ...

    async def asweep(self) -> int:
        """`sweep` in an asynchronous engine."""
        ...


class Enqueuer(Protocol):
    """The way to a task queue of the project's own, whose workers run the handlers.

    A message is a wake-up call for one entry and carries nothing but its ``pk``; all else is in the inbox. One that is
    lost is sent again by a sweep, and one that comes twice finds nothing to do.
    """

    def register(self, runner: EntryRunner) -> None:
        """Whose `EntryRunner.run_entry` the engine's task calls, for each message that arrives in this process.

        Each `Receiver` that uses the queue calls it once; where there are several, the task calls all of them.
        """

    def enqueue(self, pk: int, /) -> Awaitable[object] | object:
        """Send a message; a plain function or a coroutine. Whatever it raises, the delivery is stored.

        A plain function should not wait longer than a second or two for a broker that does not answer.
        """
        ...
