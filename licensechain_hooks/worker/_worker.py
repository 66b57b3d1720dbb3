"""The worker: what is done with it."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakSet, finalize

from licensechain_hooks._entries import Settlement
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._stores import Inbox
from licensechain_hooks.exceptions import ConfigurationError
from licensechain_hooks.inbox._group_commit import GroupCommit
from licensechain_hooks.worker._alone import Alone
from licensechain_hooks.worker._holdings import Counters, Holdings
from licensechain_hooks.worker._run import Runner
from licensechain_hooks.worker._settings import WorkerSettings
from licensechain_hooks.worker._shift import Shift
from licensechain_hooks.worker._signals import acting_on, interrupt

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Worker"]

_AT_EXIT = 5.0  # seconds an exiting process waits for what runs
_SLACK = 1.0  # seconds a stop waits beyond its grace, for the store's last answer


class Worker:
    """Runs the handlers of entries that are due, again and again until they have succeeded or are out of attempts.

    As many workers as one likes may share an inbox, in one process or in many. What was running when a worker died is
    run by another after its lease.

    Args:
        inbox: whose entries.
        hooks: whose handlers.
        settings: how; `WorkerSettings`.
        endpoints: the names of the endpoints whose entries it runs.

    Raises:
        ConfigurationError: no endpoint.
    """

    def __init__(
        self,
        inbox: Inbox,
        hooks: Hooks,
        settings: WorkerSettings | None = None,
        *,
        endpoints: Sequence[str] = ("default",),
    ) -> None:
        if isinstance(endpoints, str) or not endpoints:
            msg = 'endpoints must be names of endpoints, such as ("default",)'
            raise ConfigurationError(msg)
        self.inbox = inbox
        self.hooks = hooks
        self.settings = WorkerSettings() if settings is None else settings
        self.endpoints = tuple(endpoints)
        self._counters = Counters()
        self._stops = 0
        self._rows: GroupCommit[Settlement, bool] = GroupCommit(inbox.settle_many, many_writers=inbox.many_writers)
        self._shift: Shift | None = None
        self._forget()
        _instances.add(self)

    @property
    def is_running(self) -> bool:
        """Whether it runs in this process, and was not told to stop."""
        return self._shift is not None and not self._shift.is_stopping

    @property
    def has_died(self) -> bool:
        """Whether it was started in this process and has ended without being told to stop."""
        return self._shift is not None and self._shift.has_died

    @property
    def counters(self) -> Counters:
        """What has become of the entries it ran in this process; a copy."""
        return replace(self._counters, running=0 if self._shift is None else self._shift.running)

    def start(self, loop: AbstractEventLoop | None = None) -> None:
        """Run in threads of this process until `stop`; nothing where it does already.

        The threads are daemons. They do not survive a fork: what was started before has to be started again after.

        Args:
            loop: the event loop that coroutines run on while it runs, such as that of the web server; by default a
                private one.
        """
        shift = self._shift
        if shift is not None and not shift.is_stopping and loop is None:
            return
        with self._lock:
            if self._shift is None or self._shift.is_stopping:
                self._shift = self._new_shift(loop)
                threading.Thread(target=self._shift.coordinate, name="licensechain_hooks.worker", daemon=True).start()
            elif loop is not None:
                self._shift.runner.loop = loop

    def run(self, *, stop_on: Collection[int] = (), on_signal: Callable[[int], object] | None = None) -> Counters:
        """Run until `stop` is called, by another thread or a signal handler; for commands.

        Args:
            stop_on: signals that stop it, such as ``(signal.SIGTERM, signal.SIGINT)``, in the main thread only. After
                the first it waits for what runs as long as the settings' ``grace``, after a second not at all.
            on_signal: is called with each of them, as a signal handler is: at any moment, even in the middle of a
                write to stderr.

        Returns:
            What has become of the entries it ran.

        Raises:
            ConfigurationError: it runs already.
        """
        with self._lock:
            if self.is_running:
                msg = "this worker runs already"
                raise ConfigurationError(msg)
            shift = self._shift = self._new_shift(None)
        grace = self.settings.grace.total_seconds()
        with acting_on(stop_on, partial(shift.stop, grace), partial(shift.stop, 0.0), on_signal):
            shift.coordinate()
        return self.counters

    def stop(self, timeout: timedelta | None = None) -> bool:
        """Claim no more, give back what was not begun, and wait for what runs.

        May be called again, to wait less. On an event loop call it in a thread, for what runs may need the loop. A
        `drain` that goes on ends after the entry that runs; that is not waited for.

        Args:
            timeout: how long to wait; by default the settings' ``grace``. What runs longer is run again after its
                lease.

        Returns:
            Whether it has stopped: not so where that takes longer than ``timeout``, and in the thread of `run`.
        """
        self._end_drains()
        shift = self._shift
        if shift is None:
            return True
        grace = (self.settings.grace if timeout is None else timeout).total_seconds()
        shift.stop(grace)
        return shift.wait(grace + _SLACK)

    def wake(self) -> None:
        """Look for due entries now, where it runs."""
        shift = self._shift
        if shift is not None:
            shift.wake()

    def drain(self, *, stop_on: Collection[int] = (), on_signal: Callable[[int], object] | None = None) -> int:
        """Run everything that is due in this thread, and what becomes due meanwhile; for tests, scripts and demos.

        Args:
            stop_on: signals that end it, in the main thread only: the first one after the entry that runs, a second
                one at once by `KeyboardInterrupt`.
            on_signal: see `run`.

        Returns:
            How many attempts that were.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
        """
        stops = self._stops
        alone = Alone(self._new_runner(None), self.endpoints, self._counters)
        with acting_on(stop_on, self._end_drains, interrupt, on_signal):
            return alone.drain(lambda: self._stops != stops)

    def run_entry(self, pk: int, *, loop: AbstractEventLoop | None = None) -> bool:
        """Run one entry in this thread, if it is due: for the task of an engine, which was told of it.

        An entry that is not there, finished, held back, not due yet or run by somebody else is left alone. While its
        handlers run, their lease is extended and their time limit holds, as in `run`.

        Args:
            pk: which.
            loop: the event loop of another thread that coroutines run on; by default a private one.

        Returns:
            Whether it was due.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
        """
        return Alone(self._new_runner(loop), self.endpoints, self._counters).run_entry(pk)

    def _end_drains(self) -> None:
        self._stops += 1

    def _new_shift(self, loop: AbstractEventLoop | None) -> Shift:
        holdings = Holdings(self.inbox, self.endpoints, self.settings.lease, self._counters)
        shift = Shift(self._new_runner(loop), holdings)
        finalize(self, shift.stop, 0.0).atexit = False  # who drops a worker does not want it any more
        return shift

    def _new_runner(self, loop: AbstractEventLoop | None) -> Runner:
        return Runner(inbox=self.inbox, hooks=self.hooks, settings=self.settings, commit=self._rows.submit, loop=loop)

    def _forget(self) -> None:
        """Begin with nothing started: also in a child process, which has no threads, and where any lock may be held."""
        self._lock = threading.RLock()  # a signal handler may come while this thread holds it
        self._shift = None


_instances: WeakSet[Worker] = WeakSet()


def _forget_in_child() -> None:
    for worker in _instances:
        worker._forget()  # noqa: SLF001


def _stop_at_exit() -> None:
    """Give back what was not begun: it would be due only after its lease."""
    for worker in [*_instances]:
        worker.stop(timedelta(seconds=_AT_EXIT))


atexit.register(_stop_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
