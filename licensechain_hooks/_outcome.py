"""What became of a delivery, and the one place that knows what the sender is told.

LicenseChain's delivery log stores the reply, so replies are constant: a status and the outcome's name, no detail.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Literal, get_args

from licensechain_hooks import events
from licensechain_hooks._frames import without_frames
from licensechain_hooks.exceptions import LicenseChainHooksError

__all__ = ["OUTCOMES", "HandlerRun", "Outcome", "OutcomeName", "Reply", "log_outcome"]

logger = logging.getLogger("licensechain_hooks")

OutcomeName = Literal[
    "accepted", "processed", "duplicate", "in_flight", "conflict", "ignored", "rejected", "failed", "unavailable"
]
OUTCOMES: tuple[OutcomeName, ...] = get_args(OutcomeName)
"""Every outcome; the fixed vocabulary of logs and metrics."""

_STATUS: Mapping[OutcomeName, int] = {"in_flight": 409, "failed": 500, "unavailable": 503}  # the others 200
_LEVELS: Mapping[OutcomeName, int] = {
    "rejected": logging.WARNING,
    "conflict": logging.WARNING,
    "failed": logging.ERROR,
    "unavailable": logging.ERROR,
}
_RETRY_AFTER: Mapping[OutcomeName, int] = {"in_flight": 5, "unavailable": 5}  # seconds


@dataclass(frozen=True, slots=True, eq=False)  # each is made once: identity is equality, and hashes fast
class Reply:
    """The HTTP response to a delivery; the names of ``headers`` are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class HandlerRun:
    """One run of one handler: ``error`` is what it raised, ``None`` where it returned."""

    handler: str
    error: BaseException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery.

    Attributes:
        name: one of `OUTCOMES`.
        event: the event, where the delivery was verified and parsed. In durable mode its `Envelope`: what else it
            holds is for the worker to look at.
        error: why the delivery was rejected, or what the store or the endpoint lacks.
        runs: the handlers that ran, in order.
        retry_after: seconds after which a redelivery makes sense.
    """

    name: OutcomeName
    event: events.Event | events.Envelope | None = None
    error: LicenseChainHooksError | None = None
    runs: tuple[HandlerRun, ...] = ()
    retry_after: float | None = None

    @classmethod
    def refused(cls, error: LicenseChainHooksError) -> Outcome:
        """The outcome of a delivery that ``error`` stopped; the error loses its frames, see `without_frames`."""
        without_frames(error)
        name: OutcomeName = "rejected"
        if error.status_hint >= 500:
            name = "unavailable" if error.status_hint == 503 else "failed"
        return cls(name=name, error=error)

    @property
    def status(self) -> int:
        """The HTTP status of the reply."""
        if self.name == "failed" and self.retry_after is not None:
            return 503
        return self.error.status_hint if self.error is not None else _STATUS.get(self.name, 200)

    @property
    def reason(self) -> str:
        """Why, as a short constant for logs and metrics; empty where there is nothing to explain."""
        return "" if self.error is None else self.error.reason

    @property
    def reply(self) -> Reply:
        """What the sender is told."""
        if self.error is None and self.retry_after is None:
            return _USUAL[self.name]
        after = self.retry_after if self.retry_after is not None else _RETRY_AFTER.get(self.name)
        return _reply(self.name, self.status, None if after is None else ceil(after))


def log_outcome(outcome: Outcome, *, endpoint: str) -> None:
    """Log one line about a delivery, of names that are safe to print: never a header, a body or a path.

    Args:
        outcome: what became of it.
        endpoint: the name of the endpoint it came to.
    """
    level = _LEVELS.get(outcome.name, logging.INFO)
    if not logger.isEnabledFor(level):
        return
    facts: dict[str, object] = {"endpoint": endpoint, "status": outcome.status}
    if outcome.event is not None:
        facts |= {"event_type": outcome.event.type, "event_id": outcome.event.id}
    if outcome.error is not None:
        facts |= {"reason": outcome.reason, "detail": str(outcome.error)}
    text = " ".join(f"{name}=%({name})s" for name in facts)
    logger.log(level, f"delivery.{outcome.name} {text}", facts, extra=facts)  # noqa: G004


@lru_cache(maxsize=256)
def _reply(name: OutcomeName, status: int, retry_after: int | None) -> Reply:
    body = f'{{"status": "{name}"}}'.encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    if status == 405:
        headers.append(("allow", "POST"))
    if retry_after is not None:
        headers.append(("retry-after", str(retry_after)))
    return Reply(status, tuple(headers), body)


_USUAL = {name: _reply(name, _STATUS.get(name, 200), _RETRY_AFTER.get(name)) for name in OUTCOMES}
