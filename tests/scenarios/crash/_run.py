"""One run: events are delivered while workers are killed and stopped, until nothing is left to do."""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from licensechain_hooks import StoreUnavailableError
from tests.scenarios.crash._crew import CrashTestError, Crew, WorkerProcess
from tests.scenarios.crash._databases import create_schema, open_inbox
from tests.scenarios.crash._deliveries import Sender
from tests.scenarios.crash._effects import OUTSIDE, WITHIN, Effects
from tests.scenarios.crash._engines import Sweeper, make_queue
from tests.scenarios.crash._handlers import PLAIN, TRANSACTIONAL, Moment, make_hooks
from tests.scenarios.crash._plan import Plan
from tests.scenarios.crash._report import Progress, Result

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["CrashTestError", "Run", "Scale"]

Fault = Literal["kill", "stop", "plain", "transactional"]

_SOONEST = 0.05  # seconds within which a fault follows its events
_WAITING = 50  # entries that may wait when the next fault comes: those that a worker loses come after them


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything.

    Attributes:
        events: to deliver.
        kills, stops: SIGKILLs, SIGSTOPs past the lease.
        workers: processes.
        lease, deadline: in seconds.
        is_fenced: whether claims are checked.
        engine, broker: see `Plan`.
    """

    events: int
    kills: int
    stops: int
    workers: int
    lease: float
    deadline: float
    is_fenced: bool
    engine: str = ""
    broker: str = ""


class Run:
    """A run in a database that is empty; a context manager, which leaves no process behind."""

    def __init__(self, kind: str, url: str, scale: Scale, *, seed: int, progress: Progress) -> None:
        self._kind = kind
        self._scale = scale
        self._seed = seed
        self._progress = progress
        self._chance = random.Random(seed)
        self._began_at = time.monotonic()
        self._folder = tempfile.TemporaryDirectory(prefix="crash-")
        self._inbox = open_inbox(kind, url)
        create_schema(self._inbox)
        self._effects = Effects(url, patience=0.5)  # for who is to be continued by this process
        self._effects.create()
        plan = Plan(kind=kind, url=url, claims="", seed=seed, lease=scale.lease, is_fenced=scale.is_fenced)
        plan = replace(plan, engine=scale.engine, broker=scale.broker)
        queue = make_queue(scale.engine, scale.broker) if scale.engine else None
        hooks = make_hooks(self._effects, Moment(seed, longest=0, failing=0))
        self._sweeper = None
        if queue is not None:
            ahead = open_inbox(kind, url, clock=lambda: time.time() + Sweeper.LATER)
            self._sweeper = Sweeper(queue, ahead, hooks)
        self._crew = Crew(
            scale.workers, plan, Path(self._folder.name), check=self._check, held_by=self._effects.held_by
        )
        self._sender = Sender(
            self._inbox,
            hooks,
            chance=self._chance,
            queue=queue,
            licenses=max(10, scale.events // 50),
            check=self._crew.tick,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._crew.__exit__(kind, error, traceback)
        self._folder.cleanup()

    def finish(self) -> Result:
        """Deliver, kill, stop, wait for the rest, and count.

        Raises:
            CrashTestError: it takes longer than the deadline; a worker ended by itself; a delivery was answered wrong.
        """
        faults = self._faults()
        for number, fault in enumerate(faults):
            self._strike(fault, (self._scale.events - len(self._sender.event_ids)) // (len(faults) - number))
            self._progress.step(f"{number + 1} of {len(faults)} kills and stops")
        self._send(self._scale.events - len(self._sender.event_ids))
        self._wait_until_left(0)
        self._crew.dismiss()
        return self._count()

    def _faults(self) -> list[Fault]:
        aims: tuple[Fault, ...] = ("plain", "transactional", "stop")
        faults: list[Fault] = ["kill"] * self._scale.kills
        faults += [aims[number % len(aims)] for number in range(self._scale.stops)]
        self._chance.shuffle(faults)
        return faults

    def _strike(self, fault: Fault, share: int) -> None:
        """Deliver a share of the events, and hit a worker while there is work to do."""
        self._wait_until_left(_WAITING)
        pause = self._scale.lease * self._chance.uniform(1.3, 2.0)
        if fault in {"plain", "transactional"}:
            victim = self._chance.choice(self._crew.victims(for_stop=True))
            self._crew.stop(victim, pause, aim=fault)
            self._send(share)
            self._send_until_stopped(victim)
            return
        self._crew.victims(for_stop=fault == "stop")
        self._send(share)
        time.sleep(self._chance.uniform(0, _SOONEST))
        victims = self._crew.victims(for_stop=fault == "stop")
        victim = self._chance.choice(self._crew.holding(victims) or victims)
        if fault == "stop":
            self._crew.stop(victim, pause)
        else:
            self._crew.kill(victim)

    def _send(self, count: int) -> None:
        for _ in range(count):
            self._sender.send(1)
            self._crew.tick()

    def _send_until_stopped(self, victim: WorkerProcess) -> None:
        """Deliver events that were meant for later, until the worker has come to the handler that it stops in."""
        for _ in range((self._scale.events - len(self._sender.event_ids)) // 4):
            if victim.stop_by is None:
                return
            self._send(1)
            time.sleep(0.02)

    def _wait_until_left(self, most: int) -> None:
        while (left := self._effects.unfinished()) is None or left > most:
            self._crew.tick()
            self._progress.step(f"{left or 'some'} entries left", 0)
            time.sleep(0.02)

    def _check(self) -> None:
        if self._sweeper is not None:
            with suppress(StoreUnavailableError):
                self._sweeper.tick()
        if time.monotonic() - self._began_at > self._scale.deadline:
            msg = f"it is not over after {self._scale.deadline:g} seconds; entries: {self._states()}"
            raise CrashTestError(msg)

    def _states(self) -> str:
        try:
            return ", ".join(f"{count} {state}" for state, count in self._inbox.stats().states.items() if count)
        except StoreUnavailableError:
            return "unknown"

    def _count(self) -> Result:
        event_ids = self._sender.event_ids
        return Result(
            kind=self._kind,
            seed=self._seed,
            is_fenced=self._scale.is_fenced,
            events=len(event_ids),
            redelivered=self._sender.redelivered,
            refused=self._sender.refused,
            kills=self._crew.kills,
            fruitful=self._crew.fruitful,
            stops=self._crew.stops,
            aimed=self._crew.aimed,
            overtaken=self._crew.overtaken,
            seconds=time.monotonic() - self._began_at,
            transactional=self._effects.tally(WITHIN, TRANSACTIONAL, event_ids),
            plain=self._effects.tally(OUTSIDE, PLAIN, event_ids),
            states=self._inbox.stats().states,
        )
