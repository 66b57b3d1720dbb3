"""How a worker works."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["WorkerSettings", "default_backoff"]

_LONGEST_BACKOFF = 6 * 60 * 60


def default_backoff(attempt: int) -> timedelta:
    """How long to wait after a failed attempt: twice as long each time, from 10 seconds to 6 hours, give or take half.

    Args:
        attempt: which attempt failed, from 1.
    """
    seconds = min(_LONGEST_BACKOFF, 10 * 2 ** min(max(attempt, 1) - 1, 30))
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311 - so that not all come at once


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker works; what is not given fits most.

    Attributes:
        concurrency: how many entries it runs at once, each in a thread.
        lease: how long an entry is its own without a sign of life; after a crash, that long until another run.
        poll: how often it looks for due entries when nothing wakes it.
        max_attempts: how often an entry runs before it is dead.
        backoff: how long to wait after a failed attempt, by its number from 1.
        time_limit: how long a handler may run; ``None``: for ever. A coroutine is cancelled. In a thread
            `HandlerTimeLimitError` is raised, which takes effect when the handler executes Python again.
        grace: how long a stop waits for what is running.
        batch: how many entries it claims at once, at most.
        embedded: whether a `Receiver` runs it in its own process; if not, another process has to.

    Raises:
        ConfigurationError: a value makes no sense.
    """

    concurrency: int = 8
    lease: timedelta = timedelta(seconds=60)
    poll: timedelta = timedelta(seconds=1)
    max_attempts: int = 12
    backoff: Callable[[int], timedelta] = default_backoff
    time_limit: timedelta | None = timedelta(minutes=5)
    grace: timedelta = timedelta(seconds=30)
    batch: int = 100
    embedded: bool = True

    def __post_init__(self) -> None:
        for name in ("concurrency", "max_attempts", "batch"):
            number: object = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                msg = f"{name} must be a whole number from 1 on"
                raise ConfigurationError(msg)
        for name in ("lease", "poll", "time_limit", "grace"):
            self._check_duration(name)
        backoff: object = self.backoff
        if not callable(backoff):
            msg = "backoff must be a function of the attempt's number that returns a datetime.timedelta"
            raise ConfigurationError(msg)

    def _check_duration(self, name: str) -> None:
        duration: object = getattr(self, name)
        if duration is None and name == "time_limit":
            return
        if not isinstance(duration, timedelta):
            msg = f"{name} must be a datetime.timedelta, such as timedelta(seconds=30)"
            raise ConfigurationError(msg)
        if duration < timedelta(0) or (duration == timedelta(0) and name != "grace"):
            msg = f"{name} must be positive"
            raise ConfigurationError(msg)
