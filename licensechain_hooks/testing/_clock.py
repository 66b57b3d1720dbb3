"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

__all__ = ["FrozenClock"]


class FrozenClock:
    """A clock for `Endpoint`: ``Endpoint(secrets=…, clock=FrozenClock())``.

    Args:
        now: the time it shows, aware; by default the time it is made at.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> float:
        """Unix time in seconds."""
        return self.now.timestamp()

    def advance(self, by: timedelta) -> None:
        """Move the clock; backwards, where ``by`` is negative."""
        self.now += by
