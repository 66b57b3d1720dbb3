"""The processes of the suite, and what can be asked about them."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from licensechain_hooks._entries import Entry, EntryFilter
from licensechain_hooks.testing._events import event_body, make_event
from licensechain_hooks.testing._queue_conformance.receiver import BOOKED, EFFECTS, SECRET, Plan
from licensechain_hooks.testing._requests import sign_request

__all__ = ["Run", "Site", "TestedEngine"]

_LIMIT = 90.0  # seconds for whatever has to become so
_LOOK = 0.1
_WEB = "licensechain_hooks.testing._queue_conformance.web"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedEngine:
    """An engine with its broker.

    Attributes:
        module: the name of a module with a ``queue`` and a ``receiver``, made by ``conformance_receiver(queue)``; where
            the web process is to be an asynchronous one, with a ``lifespan`` too. Every process imports it.
        worker: the command of a worker.
        environment: what it and the module need to know, such as the broker's address and ``PYTHONPATH``.
        kill_broker, start_broker: end the broker as a crash does, and start it again with what it had on its disk;
            without them no test does.
    """

    __test__ = False

    module: str
    worker: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    kill_broker: Callable[[], object] | None = None
    start_broker: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a handler: which attempt, and in which process."""

    attempt: int
    pid: int


class Site:
    """A web process and a worker process of an engine.

    Args:
        engine: which.
        plan: what they share.
        folder: for their logs.
    """

    def __init__(self, engine: TestedEngine, plan: Plan, folder: Path) -> None:
        from licensechain_hooks.inbox.sql import SqlInbox  # noqa: PLC0415 - SQLAlchemy is an extra

        self.engine = engine
        self.plan = plan
        self._folder = folder
        self._environment = {**os.environ, **engine.environment, **plan.environment()}
        self._inbox = SqlInbox(plan.inbox)
        self._inbox.create_schema()
        with self._inbox.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE {EFFECTS} (event_id VARCHAR(100) NOT NULL)")
        self._log = folder.joinpath("log").open("ab")
        self.worker: subprocess.Popen[bytes] | None = None
        self._web = self._start([sys.executable, "-m", _WEB, engine.module], stdin=subprocess.PIPE)
        if self._line() != "ready":
            raise AssertionError(self._told("the web process has not started"))
        self.start_worker()

    @property
    def web_pid(self) -> int:
        """The process that receives deliveries."""
        return self._web.pid

    def start_worker(self) -> None:
        """Start a worker, in a process group of its own."""
        self.worker = self._start(self.engine.worker)

    def kill_worker(self, run: Run) -> None:
        """End a worker with all its processes, first of all that of ``run``, as a crash does."""
        assert self.worker is not None
        with suppress(ProcessLookupError):
            os.kill(run.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(self.worker.pid, signal.SIGKILL)
        self.worker.wait(_LIMIT)

    def close(self) -> None:
        """End all processes that were started here."""
        for process in (self._web, self.worker):
            if process is not None:
                _end(process)
        self._log.close()
        self._inbox.close()

    # What is done

    def deliver(self, *event_ids: str, event_type: str = BOOKED, **data: Any) -> list[str]:
        """Deliver events, several at once; the names of the outcomes.

        Args:
            event_ids: of each delivery.
            event_type: of all.
            data: what the handler shall do: ``fails`` and ``hangs`` in so many attempts, ``lasts`` so many seconds.
        """
        bodies = [event_body(make_event(event_type, event_id=event_id, data=data)) for event_id in event_ids]
        headers = [sign_request(body, SECRET) for body in bodies]
        encoded = [base64.b64encode(body).decode() for body in bodies]
        outcomes: list[str] = self._ask(do="deliver", bodies=encoded, headers=headers)
        return outcomes

    def copy(self, event_id: str, count: int) -> None:
        """Enqueue an event's entry so many times more."""
        self._ask(do="copy", pk=self.entry(event_id).pk, count=count)

    def sweep(self, *, ahead: float = 0.0) -> object:
        """Sweep, as if it were so many seconds later; how many entries were enqueued, or what was raised."""
        return self._ask(do="sweep", ahead=ahead)

    def until(self, is_so: Callable[[], object], *, sweep_ahead: float | None = None) -> None:
        """Wait until something is so, sweeping meanwhile; a worker that has ended is started again, as supervisors do.

        Some engines' workers end themselves when their broker goes away at the wrong moment.

        Args:
            is_so: what.
            sweep_ahead: by how many seconds each sweep is early; ``None``: there are none.
        """
        end = time.monotonic() + _LIMIT
        sweep_at, pause = 0.0, 1.0
        while not is_so():
            if time.monotonic() > end:
                raise AssertionError(self._told("it has not become so"))
            if self.worker is not None and self.worker.poll() is not None:
                self.start_worker()
            if sweep_ahead is not None and time.monotonic() > sweep_at:
                sweep_at, pause = time.monotonic() + pause, min(2 * pause, 10.0)  # no flood for an engine that is slow
                self.sweep(ahead=sweep_ahead)
            time.sleep(_LOOK)

    # What came of it

    def entry(self, event_id: str) -> Entry:
        """The entry of an event."""
        (entry,) = self._inbox.entries(EntryFilter(event_id=event_id))
        return entry

    def are_processed(self, *event_ids: str) -> bool:
        """Whether events are done."""
        return all(self.entry(event_id).state == "processed" for event_id in event_ids)

    def runs(self, event_id: str) -> list[Run]:
        """The runs of an event's handler, in their order."""
        path = Path(self.plan.runs)
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [Run(line["attempt"], line["pid"]) for line in lines if line["event"] == event_id]

    def effects(self, event_id: str) -> int:
        """How often the transactional handler's write for an event is there."""
        statement = f"SELECT event_id FROM {EFFECTS}"  # noqa: S608 - a constant
        with self._inbox.engine.connect() as connection:
            return [found for (found,) in connection.exec_driver_sql(statement)].count(event_id)

    # How

    def _start(self, command: Sequence[str], *, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a process, whose stdout is a pipe where its stdin is one."""
        return subprocess.Popen(  # noqa: S603 - what the test tells
            command,
            env=self._environment,
            cwd=self._folder,
            stdin=stdin,
            stdout=self._log if stdin == subprocess.DEVNULL else subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    def _ask(self, **order: Any) -> Any:
        assert self._web.stdin is not None
        self._web.stdin.write(f"{json.dumps(order)}\n".encode())
        self._web.stdin.flush()
        return json.loads(self._line() or "null")

    def _line(self) -> str:
        assert self._web.stdout is not None
        return self._web.stdout.readline().decode().strip()

    def _told(self, what: str) -> str:
        log = self._folder.joinpath("log").read_text(errors="replace")
        entries = [(entry.event_id, entry.state, entry.attempts, entry.error) for entry in self._entries()]
        return f"{what}; entries: {entries}; the processes' log ends with:\n{log[-4000:]}"

    def _entries(self) -> list[Entry]:
        return self._inbox.entries(EntryFilter(), limit=10)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here, kindly at first, and what it has started."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(15)
    if process.stdout is not None:
        process.stdout.close()
