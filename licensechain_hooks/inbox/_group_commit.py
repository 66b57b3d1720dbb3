"""Many callers, one commit: a burst of deliveries costs one fsync instead of hundreds.

In threads the first who comes commits for all who wait, on its own thread, and then lets the first of those who have
come meanwhile do the same. On an event loop what came during one commit is gathered for the next. Nothing waits for a
timer: who comes alone is committed alone, at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from licensechain_hooks.inbox._committer import Committer, Limits, verdict_of
from licensechain_hooks.inbox._gathering import Gathering, PrivateThread
from licensechain_hooks.inbox._leading import Queue

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["GroupCommit"]

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Turns single items into batches for a store that does best with one commit for many.

    Nothing is started before it is needed, and nothing has to be shut down. A process that forks may use it before and
    after: a child begins with nobody waiting.

    Args:
        commit: stores a batch durably and gives a verdict for each item, in order. It is called from many threads. It
            must not call back into its own `GroupCommit`: nothing needs that, and it would wait for itself.
        many_writers: whether ``commit`` may run in several threads at once. Then each thread commits its own item; an
            event loop gathers all the same, because its callers have no thread of their own.
        max_batch: how many items are committed at once.
        max_waiting: how many may wait, in threads and on each event loop; one more is refused at once.
        budget: how long an item may wait. In a thread that is until its commit begins, where it is the one that
            commits: how long a commit may take is the store's to limit.

    A `StoreUnavailableError` or `ConfigurationError` out of ``commit`` is everyone's in the batch. After other errors
    each item is committed by itself, so that a bad one does not fail its neighbours: it gets a verdict of its own, or a
    `StoreUnavailableError`.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], list[R]],
        *,
        many_writers: bool,
        max_batch: int = 256,
        max_waiting: int = 2000,
        budget: timedelta = timedelta(seconds=2),
    ) -> None:
        self._commit = commit
        self._many_writers = many_writers
        self._limits = Limits(max_batch, max_waiting, budget)
        self._begin()
        _instances.add(self)

    def submit(self, item: T) -> R:
        """Commit ``item``, together with those of other threads.

        Raises:
            StoreUnavailableError: it is not known to be stored: the store failed, is too slow, or too many wait for it.
        """
        if self._many_writers:
            return verdict_of(self._committer([item])[0])
        return self._queue.submit(item)

    async def asubmit(self, item: T) -> R:
        """Commit ``item``, together with those of other coroutines; who is cancelled may be stored all the same.

        Raises:
            StoreUnavailableError: as for `submit`.
        """
        import asyncio  # noqa: PLC0415 - nobody without coroutines pays for it

        loop = asyncio.get_running_loop()
        gathering = self._gatherings.get(loop) or self._gathering_of(loop)
        call = gathering.enter(item)
        try:
            return await call.future
        except asyncio.CancelledError:
            gathering.leave(call)
            raise

    def _begin(self) -> None:
        self._committer = Committer(self._commit, many_writers=self._many_writers)
        self._queue = Queue(self._committer, self._limits)
        self._thread = PrivateThread()
        self._gatherings: dict[AbstractEventLoop, Gathering[T, R]] = {}

    def _gathering_of(self, loop: AbstractEventLoop) -> Gathering[T, R]:
        for other in [*self._gatherings]:
            if other.is_closed():
                self._gatherings.pop(other, None)
        self._gatherings[loop] = Gathering(loop, self._thread, self._committer, self._limits)
        return self._gatherings[loop]


_instances: WeakSet[GroupCommit[Any, Any]] = WeakSet()


def _begin_in_child() -> None:
    for instance in _instances:
        instance._begin()  # noqa: SLF001 - other threads may have held any of its locks, or been in a commit


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
