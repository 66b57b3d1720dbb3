"""A worker from its start to its stop: one thread that coordinates, and those that run handlers."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue

from licensechain_hooks._entries import Claim, Purged
from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.worker._bell import Bell
from licensechain_hooks.worker._holdings import Holdings
from licensechain_hooks.worker._limits import TimeLimit
from licensechain_hooks.worker._outage import Outage
from licensechain_hooks.worker._run import Runner

__all__ = ["Shift"]

logger = logging.getLogger("licensechain_hooks")

_PATIENCE = 1.0  # seconds until a handler that was interrupted is taken to be blocked
_PURGE_EVERY = 3600.0
_AHEAD = 0.5  # seconds' worth of entries to claim before threads are free for them
_PACE_OVER = 0.02


class _Hand:
    """A thread that runs handlers."""

    def __init__(self, number: int, work: Callable[[_Hand], None], limit: float | None) -> None:
        self.limit = TimeLimit(limit)
        self.claim: Claim | None = None
        self.is_late = False  # its handler is blocked past its time limit, and another thread stands in for it
        self.has_ended = False
        self._thread = threading.Thread(
            target=work, args=(self,), name=f"licensechain_hooks.worker-{number}", daemon=True
        )
        self._thread.start()


class Shift:
    """One start of a worker.

    Args:
        runner: runs claims.
        holdings: what the worker holds of the inbox.
    """

    def __init__(self, runner: Runner, holdings: Holdings) -> None:
        self.runner = runner
        self._holdings = holdings
        self._settings = runner.settings
        self._lease = self._settings.lease.total_seconds()
        self._poll = self._settings.poll.total_seconds()
        limit = self._settings.time_limit
        self._limit = None if limit is None else limit.total_seconds()
        self._bell = Bell()
        self._outage = Outage()
        self._backlog: SimpleQueue[Claim | None] = SimpleQueue()
        self._hands: list[_Hand] = []
        self._hired = 0
        self._is_woken = True
        self._look_at = 0.0
        self._extend_at = 0.0
        self._purge_at = time.monotonic() + random.uniform(60, 600)  # noqa: S311 - workers start together
        self._purging: Iterator[Purged] | None = None
        self._pace = 0.0  # entries a second, of late
        self._paced_at = time.monotonic()
        self._paced_from = 0
        self._stop_at = inf
        self._is_dismissed = False
        self._coordinator = 0
        self._ended = threading.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether it was stopped, or has ended by itself."""
        return self._stop_at < inf or self._ended.is_set()

    @property
    def has_died(self) -> bool:
        """Whether it has ended by itself."""
        return self._stop_at == inf and self._ended.is_set()

    @property
    def running(self) -> int:
        """How many entries run now."""
        return sum(hand.claim is not None for hand in self._hands)

    def wake(self) -> None:
        """Look for due entries now."""
        self._is_woken = True
        self._bell.ring()

    def stop(self, grace: float) -> None:
        """Claim no more, and end when what runs has ended; after ``grace`` seconds in any case."""
        self._stop_at = min(self._stop_at, time.monotonic() + grace)
        self._bell.ring()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, but where this very thread would have to end it; whether all has."""
        if self._coordinator != threading.get_ident():
            self._ended.wait(seconds)
        return self._ended.is_set() and not self.running

    def coordinate(self) -> None:
        """Work until it is stopped."""
        self._coordinator = threading.get_ident()
        logger.info("worker.started")
        try:
            self._hire_all()
            while not self._is_over():
                self._bell.wait(self._round())
        finally:
            self._dismiss()
            self._flush_at_last()
            facts = {"running": self.running}
            logger.info("worker.stopped running=%(running)s", facts, extra=facts)
            self._ended.set()

    def _is_over(self) -> bool:
        if self._stop_at == inf:
            return False
        self._dismiss()
        if time.monotonic() >= self._stop_at:
            return True
        return self._holdings.is_empty and all(hand.has_ended for hand in self._hands)

    def _dismiss(self) -> None:
        """Give back the backlog, and let the threads end."""
        if self._is_dismissed:
            return
        self._is_dismissed = True
        with suppress(Empty):
            while True:
                claim = self._backlog.get_nowait()
                if claim is not None:
                    self._holdings.returned.append((claim, True))
        for _ in self._hands:
            self._backlog.put(None)

    def _flush_at_last(self) -> None:
        try:
            self._holdings.flush()
        except Exception as error:  # noqa: BLE001 - whatever it is, the leases will end
            self._outage.note(error)

    def _round(self) -> float:
        """Do what there is to do; how many seconds there is nothing, unless the bell rings."""
        next_limit = self._watch_limits(time.monotonic())
        now = time.monotonic()
        if now >= self._outage.ask_at:
            try:
                self._ask_store(now)
            except Exception as error:  # noqa: BLE001 - nothing may end this thread
                self._outage.note(error)
            else:
                self._outage.over()
        return max(0.0, min(next_limit, self._next_question(now), self._stop_at) - time.monotonic())

    def _ask_store(self, now: float) -> None:
        concluded = self._holdings.concluded
        self._holdings.flush()
        if self._holdings.concluded != concluded:
            self._is_woken = True  # what they held back may be due
        if now >= self._extend_at:
            self._holdings.extend()
            self._extend_at = now + self._lease / 3
            self._log_late()
        self._claim(now)
        self._purge(now)

    def _next_question(self, now: float) -> float:
        """When the store is to be asked again."""
        if self._outage.ask_at > now:
            return self._outage.ask_at
        if self._purging is not None:
            return now
        look_at = now + self._poll
        if self._room():
            look_at = now if self._is_woken else self._look_at
        return min(look_at, self._extend_at)

    def _claim(self, now: float) -> None:
        if now - self._paced_at >= _PACE_OVER:
            self._pace = (self._holdings.concluded - self._paced_from) / (now - self._paced_at)
            self._paced_at, self._paced_from = now, self._holdings.concluded
        room = self._room()
        if room and (self._is_woken or now >= self._look_at):
            self._is_woken = False  # before the question: who wakes after it has something newer
            claims = self._holdings.claim(room)
            for claim in claims:
                self._backlog.put(claim)
            self._look_at = now if len(claims) == room else now + self._poll

    def _room(self) -> int:
        """How many entries to claim, if there are so many: as many as threads are free for, or soon will be."""
        ahead = min(self._settings.batch, int(self._pace * _AHEAD))
        if self._is_dismissed or self._backlog.qsize() > ahead // 2:
            return 0
        return max(0, min(self._settings.batch, len(self._hands) + ahead - self._holdings.unfinished))

    def _purge(self, now: float) -> None:
        """One step of a purge, where one is due."""
        if self._is_dismissed or (self._purging is None and now < self._purge_at):
            return
        purging = self.runner.inbox.purge() if self._purging is None else self._purging
        self._purging, self._purge_at = None, now + _PURGE_EVERY  # if it fails, that was it for now
        purged = next(purging, None)
        if purged is not None:
            self._purging = purging
            facts = {"payloads": purged.payloads, "entries": purged.entries}
            logger.info("inbox.purged payloads=%(payloads)s entries=%(entries)s", facts, extra=facts)

    def _watch_limits(self, now: float) -> float:
        """Interrupt handlers that are late; when to look again."""
        if self._limit is None:
            return inf
        next_at = now + self._limit
        for hand in self._hands:
            late = hand.limit.check(now)
            if late is None or hand.is_late:
                continue
            if late < 0:
                next_at = min(next_at, now - late)
            elif late < _PATIENCE:
                next_at = min(next_at, now + _PATIENCE - late)
            else:
                hand.is_late = True
        self._replace_late()
        return next_at

    def _replace_late(self) -> None:
        """Let a new thread stand in for one that is blocked, so that a few blocked handlers do not stop all others."""
        self._hands = [hand for hand in self._hands if not hand.has_ended]
        lacking = self._settings.concurrency - sum(not hand.is_late for hand in self._hands)
        room = 2 * self._settings.concurrency - len(self._hands)
        if self._is_dismissed or min(lacking, room) < 1:
            return
        self._log_late()
        for _ in range(min(lacking, room)):
            try:
                self._hire()
            except RuntimeError:  # no more threads
                logger.exception("worker.failed")
                return

    def _log_late(self) -> None:
        for hand in self._hands:
            claim = hand.claim
            if hand.is_late and claim is not None:
                facts = {"event_type": claim.event_type, "event_id": claim.event_id}
                text = "handler.overdue type=%(event_type)s id=%(event_id)s: it does not end at its time limit"
                logger.error(text, facts, extra=facts)

    def _hire_all(self) -> None:
        for _ in range(self._settings.concurrency):
            try:
                self._hire()
            except RuntimeError:
                if not self.is_stopping:
                    raise
                return  # a process that exits starts no more threads

    def _hire(self) -> None:
        self._hired += 1
        self._hands.append(_Hand(self._hired, self._work, self._limit))

    def _work(self, hand: _Hand) -> None:
        try:
            while not hand.is_late:
                claim = self._backlog.get()
                if claim is None:
                    break
                hand.claim = claim
                self._handle(claim, hand.limit)
                hand.claim = None
                self._bell.ring()
        finally:
            hand.has_ended = True
            self._bell.ring()

    def _handle(self, claim: Claim, limit: TimeLimit) -> None:
        if not self._holdings.may_begin(claim):
            self._holdings.returned.append((claim, True))
            return
        try:
            settlement = self.runner.run(claim, limit)
        except StoreUnavailableError as error:
            self._outage.note(error)
            self._holdings.returned.append((claim, True))
            return
        except BaseException as error:  # noqa: BLE001 - nothing may end this thread
            settlement = self.runner.settle_failed(claim, [("", error)])
        if settlement is None:
            self._holdings.returned.append((claim, False))
        else:
            self._holdings.finished.append(settlement)
