"""Coroutines whose items a private thread commits together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from licensechain_hooks.inbox._committer import Committer, Failure, Limits, failures, unavailable

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["Gathering", "PrivateThread"]

T = TypeVar("T")
R = TypeVar("R")


class PrivateThread:
    """The private thread that commits for event loops: others cannot keep it busy. It ends with its owner."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def start(self, job: Callable[[], object]) -> None:
        with self._lock:
            if self._executor is None:
                from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

                self._executor = ThreadPoolExecutor(1, "licensechain_hooks.commit")
            self._executor.submit(job)


@dataclass(slots=True, eq=False)
class _Call(Generic[T, R]):
    """A coroutine's item."""

    item: T
    future: Future[R]
    deadline: float


class Gathering(Generic[T, R]):
    """Coroutines of one event loop. All but `_commit` runs on that loop."""

    def __init__(
        self, loop: AbstractEventLoop, thread: PrivateThread, committer: Committer[T, R], limits: Limits
    ) -> None:
        self._loop = loop
        self._thread = thread
        self._committer = committer
        self._limits = limits
        self._budget = limits.budget.total_seconds()
        self._waiting: deque[_Call[T, R]] = deque()
        self._batch: list[_Call[T, R]] = []  # is being committed
        self._is_busy = False  # from the first call until nobody waits
        self._is_watched = False

    def enter(self, item: T) -> _Call[T, R]:
        if len(self._waiting) >= self._limits.max_waiting:
            raise self._limits.too_many()
        call: _Call[T, R] = _Call(item, self._loop.create_future(), self._loop.time() + self._budget)
        self._waiting.append(call)
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_soon(self._next)  # after the others of this turn
        if not self._is_watched:
            self._is_watched = True
            self._loop.call_at(call.deadline, self._expire)
        return call

    def leave(self, call: _Call[T, R]) -> None:
        with suppress(ValueError):  # it is being committed
            self._waiting.remove(call)

    def _next(self) -> None:
        if not self._waiting:
            self._is_busy = False
            return
        size = min(len(self._waiting), self._limits.max_batch)
        batch = self._batch = [self._waiting.popleft() for _ in range(size)]
        try:
            self._thread.start(lambda: self._commit(batch))
        except RuntimeError as error:  # no more threads, or the interpreter is about to exit
            self._land([*failures(unavailable("the store has no thread to commit in", error), size)])

    def _commit(self, batch: list[_Call[T, R]]) -> None:
        """In the private thread."""
        if batch is not self._batch:
            return  # it was given up when this thread could not be started
        outcomes: list[R | Failure]
        try:
            outcomes = self._committer([call.item for call in batch])
        except BaseException as error:  # noqa: BLE001 - nobody else would tell the callers
            outcomes = [*failures(unavailable("the store could not commit", error), len(batch))]
        with suppress(RuntimeError):  # the loop is closed, nobody waits
            self._loop.call_soon_threadsafe(self._land, outcomes)

    def _land(self, outcomes: list[R | Failure]) -> None:
        batch, self._batch = self._batch, []
        for call, outcome in zip(batch, outcomes, strict=True):
            if call.future.done():
                continue
            if isinstance(outcome, Failure):
                call.future.set_exception(outcome.error)
            else:
                call.future.set_result(outcome)
        self._loop.call_soon(self._next)  # after those who wake now, and may have more

    def _expire(self) -> None:
        """One timer for all: who came first is the first to be late."""
        now = self._loop.time()
        late = [call for call in self._batch if call.deadline <= now]
        while self._waiting and self._waiting[0].deadline <= now:
            late.append(self._waiting.popleft())
        for call in late:
            if not call.future.done():
                call.future.set_exception(self._limits.too_slow())
        first = next((call for call in chain(self._batch, self._waiting) if not call.future.done()), None)
        self._is_watched = first is not None
        if first is not None:
            self._loop.call_at(first.deadline, self._expire)
