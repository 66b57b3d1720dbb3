"""What a worker does while the store is down: wait, longer each time, and say so once a minute."""

from __future__ import annotations

import logging
import random
import time

from licensechain_hooks.exceptions import StoreUnavailableError

__all__ = ["Outage"]

logger = logging.getLogger("licensechain_hooks")

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 15.0  # seconds
_SAY_EVERY = 60.0


class Outage:
    """Whether the store is down, and when to ask it again; times are monotonic seconds."""

    def __init__(self) -> None:
        self.ask_at = 0.0
        self._failures = 0
        self._said_at: float | None = None

    def note(self, error: Exception) -> None:
        """The store did not answer, or something else went wrong that should not be repeated at once."""
        now = time.monotonic()
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures, 10))
        self.ask_at = now + wait * random.uniform(0.5, 1.0)  # noqa: S311 - so that not all workers come at once
        self._failures += 1
        if self._said_at is None or now - self._said_at >= _SAY_EVERY:
            self._said_at = now
            self._say(error)

    def over(self) -> None:
        """The store has answered."""
        if self._failures:
            logger.info("worker.store_available")
            self._failures = 0
            self._said_at = None

    def _say(self, error: Exception) -> None:
        facts = {"error": type(error).__name__, "failures": self._failures}
        if isinstance(error, StoreUnavailableError):
            facts["detail"] = str(error)
            text = "worker.store_unavailable failures=%(failures)s detail=%(detail)s"
            logger.error(text, facts, extra=facts)
        else:
            text = "worker.failed failures=%(failures)s error=%(error)s"
            logger.error(text, facts, extra=facts, exc_info=error)
