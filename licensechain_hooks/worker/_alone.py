"""Running what is due in the thread that asks for it, which holds one claim at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf

from licensechain_hooks._entries import Claim, Settlement
from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.worker._holdings import Counters, conclude
from licensechain_hooks.worker._limits import TimeLimit
from licensechain_hooks.worker._outage import Outage
from licensechain_hooks.worker._run import Runner

__all__ = ["Alone"]

# Seconds between the tries to write how an attempt has ended: for a moment's outage no handler shall run again.
_PAUSES = (0.1, 0.5, 2.0)


class Alone:
    """One call of `Worker.drain` or `Worker.run_entry`.

    Args:
        runner: runs claims.
        endpoints: whose entries.
        counters: where what becomes of them is counted.
    """

    def __init__(self, runner: Runner, endpoints: Sequence[str], counters: Counters) -> None:
        self._runner = runner
        self._endpoints = endpoints
        self._counters = counters
        self._inbox = runner.inbox
        self._lease = runner.settings.lease
        limit = runner.settings.time_limit
        self._limit = TimeLimit(None if limit is None else limit.total_seconds())
        self._held: list[Claim] = []
        self._ended = threading.Event()
        self._watch: threading.Thread | None = None

    def drain(self, is_stopped: Callable[[], bool]) -> int:
        """Run everything that is due; how many attempts that were.

        Args:
            is_stopped: whether nothing is to be claimed any more.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
        """
        attempts = 0
        try:
            while not is_stopped() and self._run_next(None):
                attempts += 1
        finally:
            self._end()
        return attempts

    def run_entry(self, pk: int) -> bool:
        """Run one entry, if it is due; whether it was.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
        """
        try:
            return self._run_next(pk)
        finally:
            self._end()

    def _run_next(self, pk: int | None) -> bool:
        """Run the entry that is named, or the first that is due; whether there was one."""
        claims = self._inbox.claim_many(self._endpoints, limit=1, lease=self._lease, pk=pk)
        if not claims:
            return False
        self._held = claims
        if self._watch is None:
            self._watch = threading.Thread(target=self._look_after, name="licensechain_hooks.worker-lease", daemon=True)
            self._watch.start()
        self._run(claims[0])
        return True

    def _run(self, claim: Claim) -> None:
        try:
            settlement = self._runner.run(claim, self._limit)
        except StoreUnavailableError:
            with suppress(StoreUnavailableError):
                self._inbox.release_many([claim])
            raise
        if settlement is not None:
            conclude(settlement, self._counters, is_held=self._settle(settlement))

    def _settle(self, settlement: Settlement) -> bool:
        for pause in _PAUSES:
            with suppress(StoreUnavailableError):
                return self._runner.commit(settlement)
            time.sleep(pause)
        return self._runner.commit(settlement)

    def _end(self) -> None:
        self._ended.set()
        if self._watch is not None:
            self._watch.join()

    def _look_after(self) -> None:
        """In a thread of its own, extend the lease of what runs, and interrupt a handler at its time limit.

        Whether the lease was lost is told when the attempt is settled.
        """
        outage = Outage()
        every = self._lease.total_seconds() / 3
        beat_at = time.monotonic() + every
        while not self._ended.wait(max(0.0, min(beat_at, self._interrupt_late()) - time.monotonic())):
            if time.monotonic() < beat_at:
                continue
            beat_at = time.monotonic() + every
            try:
                self._inbox.extend_many(self._held, lease=self._lease)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one may do
                outage.note(error)
            else:
                outage.over()

    def _interrupt_late(self) -> float:
        """When to look at the time limit again, in monotonic seconds."""
        if self._limit.seconds is None:
            return inf
        now = time.monotonic()
        late = self._limit.check(now)
        return now + (-late if late is not None and late < 0 else self._limit.seconds)
