"""What a worker holds of the inbox: claims, and what is to become of them.

Its threads only append to two queues; everything else is the coordinating thread's, which alone talks to the store.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from licensechain_hooks._entries import Claim, Settlement
from licensechain_hooks._stores import Inbox
from licensechain_hooks.exceptions import StoreUnavailableError

__all__ = ["Counters", "Holdings", "conclude"]

logger = logging.getLogger("licensechain_hooks")

_AT_ONCE = 256
_LEVELS = {"failed": logging.WARNING, "dead": logging.ERROR}


@dataclass(slots=True)
class Counters:
    """What has become of the entries a worker has run.

    Attributes:
        processed, ignored, failed, dead: how many ended so; a ``failed`` one is run again.
        lost: of how many the lease was lost, so that another worker has them.
        running: how many run now.
    """

    processed: int = 0
    ignored: int = 0
    failed: int = 0
    dead: int = 0
    lost: int = 0
    running: int = 0

    def ended(self) -> dict[str, int]:
        """What to say of a worker that has stopped: every number; what runs still is ``unfinished`` then."""
        numbers = asdict(self)
        return numbers | {"unfinished": numbers.pop("running")}

    def __str__(self) -> str:
        """The same in words, without what is none: ``processed 1,200, failed 3``."""
        return ", ".join(f"{name} {number:,}" for name, number in self.ended().items() if number) or "nothing was due"


def conclude(settlement: Settlement, counters: Counters, *, is_held: bool) -> None:
    """Count and log what has become of an entry.

    Args:
        settlement: what was to be written.
        counters: where it is counted.
        is_held: whether the claim was still held, so that it is written.
    """
    if not is_held:
        note_lost(settlement.claim, counters)
        return
    state = settlement.state
    setattr(counters, state, getattr(counters, state) + 1)
    level = _LEVELS.get(state, logging.INFO)
    if logger.isEnabledFor(level):
        facts: dict[str, object] = _facts(settlement.claim)
        if settlement.error_code:
            facts["error_code"] = settlement.error_code
        if state == "failed":
            facts["delay"] = round(settlement.delay.total_seconds(), 3)
        _log(level, f"entry.{state}", facts)


def note_lost(claim: Claim, counters: Counters) -> None:
    """Count and log that another worker has an entry by now."""
    counters.lost += 1
    _log(logging.WARNING, "lease.lost", _facts(claim))


def _facts(claim: Claim) -> dict[str, object]:
    return {
        "endpoint": claim.endpoint,
        "event_type": claim.event_type,
        "event_id": claim.event_id,
        "attempt": claim.attempts,
    }


def _log(level: int, name: str, facts: dict[str, object]) -> None:
    logger.log(level, " ".join([name, *(f"{fact}=%({fact})s" for fact in facts)]), facts, extra=facts)


class Holdings:
    """The claims of a worker that runs.

    Attributes:
        finished: settlements, for threads to append to.
        returned: claims, for threads to append to, and whether they are to be released: those they did not begin.
        concluded: how many claims have come to an end.
        lease_end: until when the leases last at least, in monotonic seconds.
    """

    def __init__(self, inbox: Inbox, endpoints: Sequence[str], lease: timedelta, counters: Counters) -> None:
        self.finished: deque[Settlement] = deque()
        self.returned: deque[tuple[Claim, bool]] = deque()
        self.concluded = 0
        self.lease_end = 0.0
        self._inbox = inbox
        self._endpoints = endpoints
        self._lease = lease
        self._counters = counters
        self._held: dict[tuple[int, str], Claim] = {}
        self._lost: set[tuple[int, str]] = set()  # and still in a thread
        self._settling: deque[Settlement] = deque()
        self._releasing: list[Claim] = []

    @property
    def is_empty(self) -> bool:
        """Whether no claim is held, and nothing is to be written."""
        return not (self._held or self.finished or self.returned or self._settling or self._releasing)

    @property
    def unfinished(self) -> int:
        """How many claims wait for a thread or run."""
        ended = len(self.finished) + len(self.returned) + len(self._settling) + len(self._releasing)
        return len(self._held) + len(self._lost) - ended

    def may_begin(self, claim: Claim) -> bool:
        """Whether a claim is held, as far as one can know, so that its handlers may run."""
        return time.monotonic() < self.lease_end and (claim.pk, claim.token) not in self._lost

    def claim(self, limit: int) -> list[Claim]:
        """Claim what is due.

        Raises:
            StoreUnavailableError: the store is down; so do all methods that ask it.
        """
        asked_at = time.monotonic()
        claims = self._inbox.claim_many(self._endpoints, limit=limit, lease=self._lease)
        if not self._held:
            self.lease_end = asked_at + self._lease.total_seconds()
        for claim in claims:
            self._held[claim.pk, claim.token] = claim
        return claims

    def extend(self) -> None:
        """Hold all claims for another lease."""
        asked_at = time.monotonic()
        claims = [*self._held.values()]
        if claims:
            for claim, is_held in zip(claims, self._inbox.extend_many(claims, lease=self._lease), strict=True):
                if not is_held:
                    del self._held[claim.pk, claim.token]
                    self._lost.add((claim.pk, claim.token))
                    note_lost(claim, self._counters)
        self.lease_end = asked_at + self._lease.total_seconds()

    def flush(self) -> None:
        """Write the settlements there are, and release what was not begun."""
        while self.finished or self._settling:
            while self.finished and len(self._settling) < _AT_ONCE:
                self._settling.append(self.finished.popleft())
            self._settle()
        while self.returned:
            claim, is_to_release = self.returned.popleft()
            if is_to_release:
                self._releasing.append(claim)
            else:
                self._drop(claim)
        if self._releasing:
            self._inbox.release_many(self._releasing)
            for claim in self._releasing:
                self._drop(claim)
            self._releasing.clear()

    def _settle(self) -> None:
        try:
            verdicts = self._inbox.settle_many([*self._settling])
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad settlement must not keep the others
            _log_unsettled(error, len(self._settling))
            while self._settling:
                self._conclude(self._settling[0], is_held=self._settle_one(self._settling[0]))
                self._settling.popleft()
            return
        for is_held in verdicts:
            self._conclude(self._settling.popleft(), is_held=is_held)

    def _settle_one(self, settlement: Settlement) -> bool | None:
        """Whether it was still held; ``None`` where it cannot be written at all, and the lease is left to end."""
        for form in (settlement, replace(settlement, error_code="", error="")):
            try:
                return self._inbox.settle_many([form])[0]
            except StoreUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001
                _log_unsettled(error, 1)
        return None

    def _conclude(self, settlement: Settlement, *, is_held: bool | None) -> None:
        was_held = self._drop(settlement.claim)
        if is_held is not None and was_held:  # what is known to be lost has been said to be
            conclude(settlement, self._counters, is_held=is_held)

    def _drop(self, claim: Claim) -> bool:
        """Forget a claim; whether it was held."""
        key = (claim.pk, claim.token)
        self.concluded += 1
        self._lost.discard(key)
        return self._held.pop(key, None) is not None


def _log_unsettled(error: Exception, size: int) -> None:
    facts = {"error": type(error).__name__, "size": size}
    logger.error("worker.not_settled error=%(error)s size=%(size)s", facts, extra=facts)
