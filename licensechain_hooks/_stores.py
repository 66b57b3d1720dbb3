"""The plug points for state: protocols and the values that cross them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

__all__ = ["Deduplicator", "Reservation", "ReservationState"]

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
