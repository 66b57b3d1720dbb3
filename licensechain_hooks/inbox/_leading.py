"""Threads that commit for each other."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Final, Generic, TypeVar

from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.inbox._committer import Committer, Failure, Limits, failures, verdict_of

__all__ = ["Queue"]

T = TypeVar("T")
R = TypeVar("R")


_PENDING: Final = Failure(StoreUnavailableError("not committed yet"))


class _Waiter(Generic[T, R]):
    """A thread's item. What is assigned to ``outcome`` and ``leads`` is seen once ``wake`` is released."""

    __slots__ = ("batch", "item", "leads", "outcome", "wake")
    wake: threading.Lock  # of those who do not lead at once; its own, because one for all would wake all for each

    def __init__(self, item: T) -> None:
        self.item = item
        self.outcome: R | Failure = _PENDING
        self.leads = False
        self.batch: list[_Waiter[T, R]] = []  # whom it commits for, besides itself


class Queue(Generic[T, R]):
    """Threads that wait for the one that commits."""

    def __init__(self, committer: Committer[T, R], limits: Limits) -> None:
        self._committer = committer
        self._limits = limits
        self._budget = limits.budget.total_seconds()
        self._lock = threading.Lock()
        self._is_led = False  # if not, nobody waits
        self._waiting: deque[_Waiter[T, R]] = deque()

    def submit(self, item: T) -> R:
        waiter: _Waiter[T, R] = _Waiter(item)
        try:
            self._enter(waiter)
            if waiter.leads:
                self._lead(waiter)
        except BaseException:  # too slow, or interrupted, wherever it was
            self._leave(waiter)
            raise
        return verdict_of(waiter.outcome)

    def _enter(self, waiter: _Waiter[T, R]) -> None:
        with self._lock:
            if not self._is_led:
                self._is_led = waiter.leads = True
                return
            if len(self._waiting) >= self._limits.max_waiting:
                raise self._limits.too_many()
            waiter.wake = threading.Lock()
            waiter.wake.acquire()
            self._waiting.append(waiter)
        if not waiter.wake.acquire(timeout=self._budget) and waiter.outcome is _PENDING:
            raise self._limits.too_slow()

    def _lead(self, leader: _Waiter[T, R]) -> None:
        if self._waiting:
            with self._lock:
                for _ in range(min(len(self._waiting), self._limits.max_batch - 1)):
                    leader.batch.append(self._waiting.popleft())
        batch = [leader, *leader.batch]
        for waiter, outcome in zip(batch, self._committer([waiter.item for waiter in batch]), strict=True):
            waiter.outcome = outcome
        self._hand_over(leader)

    def _leave(self, waiter: _Waiter[T, R]) -> None:
        with self._lock:
            if not waiter.leads:
                with suppress(ValueError):  # it is being committed, or has not entered
                    self._waiting.remove(waiter)
                return
        interrupted = StoreUnavailableError("the thread that committed for several was interrupted; come back")
        unknown = [follower for follower in waiter.batch if follower.outcome is _PENDING]
        for follower, failure in zip(unknown, failures(interrupted, len(unknown)), strict=False):
            follower.outcome = failure
        self._hand_over(waiter)

    def _hand_over(self, leader: _Waiter[T, R]) -> None:
        heir = None
        with self._lock:
            if self._waiting:
                heir = self._waiting.popleft()
                heir.leads = True
            else:
                self._is_led = False
            leader.leads = False
        if heir is not None:
            heir.wake.release()
        for follower in leader.batch:
            follower.wake.release()
