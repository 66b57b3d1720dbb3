"""Running what is due in the thread that asks for it, which holds one claim at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from licensechain_hooks._stores import Claim
from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.worker._holdings import Counters, conclude
from licensechain_hooks.worker._limits import TimeLimit
from licensechain_hooks.worker._outage import Outage
from licensechain_hooks.worker._run import Runner

__all__ = ["Drain"]


class Drain:
    """One call of `Worker.drain`.

    Args:
        runner: runs claims.
        endpoints: whose entries.
        counters: where what becomes of them is counted.
        is_stopped: whether nothing is to be claimed any more.
    """

    def __init__(
        self, runner: Runner, endpoints: Sequence[str], counters: Counters, is_stopped: Callable[[], bool]
    ) -> None:
        self._runner = runner
        self._endpoints = endpoints
        self._counters = counters
        self._inbox = runner.inbox
        self._lease = runner.settings.lease
        limit = runner.settings.time_limit
        self._limit = TimeLimit(None if limit is None else limit.total_seconds())
        self._held: list[Claim] = []
        self._ended = threading.Event()
        self._is_stopped = is_stopped

    def run(self) -> int:
        """Run everything that is due; how many attempts that were.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
        """
        attempts = 0
        heartbeat = threading.Thread(target=self._beat, name="licensechain_hooks.worker-lease", daemon=True)
        try:
            while not self._is_stopped():
                claims = self._inbox.claim_many(self._endpoints, limit=1, lease=self._lease)
                if not claims:
                    break
                self._held = claims
                if not attempts:
                    heartbeat.start()
                attempts += 1
                self._run(claims[0])
        finally:
            self._ended.set()
        if attempts:
            heartbeat.join()
        return attempts

    def _run(self, claim: Claim) -> None:
        try:
            settlement = self._runner.run(claim, self._limit)
        except StoreUnavailableError:
            with suppress(StoreUnavailableError):
                self._inbox.release_many([claim])
            raise
        if settlement is not None:
            conclude(settlement, self._counters, is_held=self._inbox.settle_many([settlement])[0])

    def _beat(self) -> None:
        """Extend the lease of what runs, in a thread of its own; whether it was lost is told when it is settled."""
        outage = Outage()
        while not self._ended.wait(self._lease.total_seconds() / 3):
            try:
                self._inbox.extend_many(self._held, lease=self._lease)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one may do
                outage.note(error)
            else:
                outage.over()
