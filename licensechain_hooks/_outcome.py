"""What became of a delivery, and the one place that knows what the sender is told.

LicenseChain's delivery log stores the reply, so replies are constant: a status and the outcome's name, no detail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Literal, get_args

from licensechain_hooks.events import Event
from licensechain_hooks.exceptions import LicenseChainHooksError

__all__ = ["OUTCOMES", "HandlerRun", "Outcome", "OutcomeName", "Reply"]

OutcomeName = Literal[
    "accepted", "processed", "duplicate", "in_flight", "conflict", "ignored", "rejected", "failed", "unavailable"
]
OUTCOMES: tuple[OutcomeName, ...] = get_args(OutcomeName)
"""Every outcome; the fixed vocabulary of logs and metrics."""

_STATUS: Mapping[OutcomeName, int] = {"in_flight": 409, "failed": 500, "unavailable": 503}  # the others 200
_RETRY_AFTER: Mapping[OutcomeName, int] = {"in_flight": 5, "unavailable": 5}  # seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP response to a delivery: ``headers`` lower case, without Content-Length's."""

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
        event: the event, where the delivery was verified and parsed.
        error: why the delivery was rejected, or what the store or the endpoint lacks.
        runs: the handlers that ran, in order.
        retry_after: seconds after which a redelivery makes sense.
    """

    name: OutcomeName
    event: Event | None = None
    error: LicenseChainHooksError | None = None
    runs: tuple[HandlerRun, ...] = ()
    retry_after: float | None = None

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
        after = self.retry_after if self.retry_after is not None else _RETRY_AFTER.get(self.name)
        return _reply(self.name, self.status, None if after is None else ceil(after))


@lru_cache(maxsize=256)
def _reply(name: OutcomeName, status: int, retry_after: int | None) -> Reply:
    body = f'{{"status": "{name}"}}'.encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    if status == 405:
        headers.append(("allow", "POST"))
    if retry_after is not None:
        headers.append(("retry-after", str(retry_after)))
    return Reply(status, tuple(headers), body)
