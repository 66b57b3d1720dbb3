"""What the sender's logs say, kept from one look to the next."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from licensechain_hooks.cli._webhook_rows import DeliveryState, delivery_state

if TYPE_CHECKING:
    from licensechain_hooks.client import DeliveryLog

__all__ = ["LogBook", "Logged", "LoggedEvent"]

_PASSED = 100  # logs in a row that tell nothing new, so that the rest need not be read again: a page
_PENDING = timedelta(hours=1)  # how long a delivery may take that is still worth waiting for


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A delivery as the sender logged it, without bodies."""

    event_id: str | None
    event_type: str | None
    state: DeliveryState
    status_code: int | None
    error: str | None
    at: datetime | None

    @classmethod
    def of(cls, log: "DeliveryLog") -> Self:
        """What counts of a log."""
        return cls(
            event_id=log.event_id,
            event_type=log.event_type,
            state=delivery_state(log),
            status_code=log.status_code,
            error=log.error,
            at=None if log.created_at is None else log.created_at.astimezone(UTC),
        )


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event and its deliveries, in the order of the logs; where a log names no event, a delivery by itself."""

    key: str
    deliveries: tuple[Logged, ...]

    @property
    def event_id(self) -> str | None:
        """Its id, where the logs tell it."""
        return self.deliveries[0].event_id

    @property
    def event_type(self) -> str | None:
        """Its type, where the logs tell it."""
        return next((delivery.event_type for delivery in self.deliveries if delivery.event_type), None)

    @property
    def is_delivered(self) -> bool:
        """Whether any delivery succeeded."""
        return any(delivery.state == "delivered" for delivery in self.deliveries)

    @property
    def has_failed(self) -> bool:
        """Whether no delivery succeeded, and none is under way."""
        return all(delivery.state == "failed" for delivery in self.deliveries)

    @property
    def is_pending(self) -> bool:
        """Whether none has come to its end yet."""
        return all(delivery.state == "pending" for delivery in self.deliveries)

    @property
    def newest(self) -> Logged:
        """The delivery that was last."""
        timed = [delivery for delivery in self.deliveries if delivery.at is not None]
        return max(timed, key=lambda delivery: delivery.at or _EPOCH) if timed else self.deliveries[0]

    @property
    def first_at(self) -> datetime | None:
        """When the first delivery was made."""
        return min((delivery.at for delivery in self.deliveries if delivery.at is not None), default=None)


class LogBook:
    """The logs of one webhook since a moment.

    Args:
        since: earlier logs do not count; those without a time do.
    """

    def __init__(self, since: datetime) -> None:
        self.since = since
        self._logged: dict[str, Logged] = {}  # by the log's id

    def read(self, logs: Iterable["DeliveryLog"]) -> None:
        """Take in what is new; of logs that come newest first, no more is read than has to be."""
        open_ = set(self._open())
        passed = 0
        for log in logs:
            logged = Logged.of(log)
            open_.discard(log.id)
            is_early = logged.at is not None and logged.at < self.since
            passed = passed + 1 if is_early or self._logged.get(log.id) == logged else 0
            if not is_early:
                self._logged[log.id] = logged
            if passed >= _PASSED and not open_:
                return

    def events(self) -> list[LoggedEvent]:
        """Every event."""
        grouped: dict[str, list[Logged]] = {}
        for log_id, logged in self._logged.items():
            key = f"log {log_id}" if logged.event_id is None else logged.event_id
            grouped.setdefault(key, []).append(logged)
        return [LoggedEvent(key, tuple(deliveries)) for key, deliveries in grouped.items()]

    def states(self) -> Mapping[DeliveryState, int]:
        """How many deliveries are in each state."""
        return Counter(logged.state for logged in self._logged.values())

    def newest_at(self) -> datetime | None:
        """When the newest delivery was made."""
        return max((logged.at for logged in self._logged.values() if logged.at is not None), default=None)

    def _open(self) -> Iterator[str]:
        """The logs that may say something else by now."""
        recent = datetime.now(UTC) - _PENDING
        for log_id, logged in self._logged.items():
            if logged.state == "pending" and (logged.at is None or logged.at > recent):
                yield log_id


_EPOCH = datetime.fromtimestamp(0, UTC)
