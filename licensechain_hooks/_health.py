"""Whether a receiver does what it is there for: for probes, load balancers and metrics."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from queue import SimpleQueue
from types import MappingProxyType
from typing import Literal
from weakref import finalize

from licensechain_hooks._entries import EntryState, InboxStats
from licensechain_hooks._outcome import Reply
from licensechain_hooks._stores import Inbox
from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["Checkup", "Health", "InboxHealth", "Probe"]

InboxHealth = Literal["ok", "none", "unavailable", "slow", "misconfigured"]
Probe = Literal["ready", "live"]

_GIVEN_UP = 30.0  # seconds after which a question that hangs is not waited for any more: another thread asks anew
_Answer = Future[InboxStats | Exception]
_Question = tuple[Callable[[], InboxStats], _Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a receiver does.

    Attributes:
        live: whether this process works: not so where the worker that was started in it has died.
        ready: whether deliveries can be accepted.
        inbox: ``ok``; ``none`` in inline mode; else what is wrong: ``unavailable``, ``slow`` (it has not answered in
            time), ``misconfigured``.
        backlog: how many entries wait for a worker now; ``None``, as for what follows, where the inbox does not say.
        oldest_age: for how long the first of them has; zero where none waits.
        entries: how many there are in each state; empty where the inbox does not say.
    """

    live: bool
    ready: bool
    inbox: InboxHealth
    backlog: int | None = None
    oldest_age: timedelta | None = None
    entries: Mapping[EntryState, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def dead(self) -> int | None:
        """How many dead letters there are."""
        return self.entries.get("dead")

    def reply(self, probe: Probe = "ready", *, details: bool = False) -> Reply:
        """The HTTP response to a probe: 200 where all is well, else 503.

        Args:
            probe: ``ready`` or ``live``.
            details: whether to tell what the inbox holds; not for strangers.
        """
        is_well = self.live if probe == "live" else self.ready
        told: dict[str, object] = {"status": probe if is_well else f"not {probe}"}
        if details:
            age = None if self.oldest_age is None else round(self.oldest_age.total_seconds(), 3)
            told |= {"inbox": self.inbox, "backlog": self.backlog, "oldest_seconds": age, "dead": self.dead}
        body = json.dumps(told).encode()
        headers = (
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
        )
        return Reply(200 if is_well else 503, headers, body)


class Checkup:
    """Asks an inbox how it does, in a thread of its own: whoever waits can stop waiting.

    However many ask at once, the inbox is asked one question at a time.

    Args:
        inbox: ``None`` in inline mode.
        clock: Unix time.
    """

    def __init__(self, inbox: Inbox | None, clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._clock = clock
        self._pid = 0
        self._asked_at = 0.0
        self._answer: _Answer | None = None
        self._questions: SimpleQueue[_Question | None]

    def health(self, *, live: bool, within: timedelta, max_age: timedelta) -> Health:
        """See `Receiver.health`."""
        if self._inbox is None:
            return Health(live=live, ready=True, inbox="none")
        try:
            answer = self._ask(self._inbox, max_age).result(within.total_seconds())
        except TimeoutError:
            return Health(live=live, ready=False, inbox="slow")
        return _diagnosed(answer, live=live, now=self._clock())

    async def ahealth(self, *, live: bool, within: timedelta, max_age: timedelta) -> Health:
        """`health` in an asynchronous host."""
        import asyncio  # noqa: PLC0415 - the host has it

        if self._inbox is None:
            return Health(live=live, ready=True, inbox="none")
        try:
            coming = asyncio.wrap_future(self._ask(self._inbox, max_age))
            answer = await asyncio.wait_for(coming, within.total_seconds())
        except TimeoutError:
            return Health(live=live, ready=False, inbox="slow")
        return _diagnosed(answer, live=live, now=self._clock())

    def _ask(self, inbox: Inbox, max_age: timedelta) -> _Answer:
        """The answer to come, or the last one where it was asked for no longer than ``max_age`` ago."""
        with _lock:
            now = time.monotonic()
            if self._pid != os.getpid():  # threads do not survive a fork
                self._pid, self._answer = os.getpid(), None
            if self._answer is not None:
                age = now - self._asked_at
                if age < (max_age.total_seconds() if self._answer.done() else _GIVEN_UP):
                    return self._answer
            if self._answer is None or not self._answer.done():
                if self._answer is not None:
                    self._questions.put(None)
                self._questions = _new_thread(self)
            self._asked_at, self._answer = now, Future()
            self._answer.set_running_or_notify_cancel()  # nobody can cancel it: others wait as well
            self._questions.put((inbox.stats, self._answer))
            return self._answer


def _diagnosed(answer: InboxStats | Exception, *, live: bool, now: float) -> Health:
    """The health that an inbox's answer means, at a Unix time."""
    if isinstance(answer, Exception):
        kind: InboxHealth = "misconfigured" if isinstance(answer, ConfigurationError) else "unavailable"
        return Health(live=live, ready=False, inbox=kind)
    since = answer.oldest_due_at
    return Health(
        live=live,
        ready=True,
        inbox="ok",
        backlog=answer.due,
        oldest_age=timedelta(0) if since is None else timedelta(seconds=max(0.0, now - since.timestamp())),
        entries=MappingProxyType(dict(answer.states)),
    )


def _new_thread(owner: Checkup) -> SimpleQueue[_Question | None]:
    """The questions of a thread that answers them until one is ``None``, at its owner's end at the latest."""
    questions: SimpleQueue[_Question | None] = SimpleQueue()
    finalize(owner, questions.put, None).atexit = False
    threading.Thread(target=_answer_all, args=(questions,), name="licensechain_hooks.health", daemon=True).start()
    return questions


def _answer_all(questions: SimpleQueue[_Question | None]) -> None:
    while (question := questions.get()) is not None:
        look, answer = question
        try:
            answer.set_result(look())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the store is told, not raised
            answer.set_result(error)
        del question, look, answer  # who asked may go while this thread waits


_lock = threading.Lock()


def _forget_lock() -> None:
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()  # another thread may have held it at the fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
