"""What the processes of the suite share: a receiver whose handlers do as an event tells them, and note their runs."""

import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from licensechain_hooks._endpoint import Endpoint
from licensechain_hooks._handler import HandlerContext
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._receiver import Receiver
from licensechain_hooks._stores import Enqueuer
from licensechain_hooks.events import Event
from licensechain_hooks.worker import WorkerSettings

__all__ = [
    "BOOKED",
    "EFFECTS",
    "LEASE",
    "SECRET",
    "SETTINGS",
    "WORKED",
    "Plan",
    "conformance_hooks",
    "conformance_receiver",
]

SECRET = "the-signing-secret-of-this-conformance-suite"  # noqa: S105 - of nothing else
BOOKED = "license.updated"  # events that the transactional handler is given
WORKED = "license.extended"  # and the plain one
EFFECTS = "licensechain_hooks_conformance_effects"
LEASE = timedelta(seconds=4)
SETTINGS = WorkerSettings(lease=LEASE, backoff=lambda _attempt: timedelta(seconds=1))
_VARIABLE = "LICENSECHAIN_CONFORMANCE_PLAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a process has to know; it comes with the environment.

    Attributes:
        inbox: the URL of the inbox's database.
        runs: the file that handlers note their runs in.
        ordering_key: see `Receiver`.
    """

    inbox: str
    runs: str
    ordering_key: Any = None

    @classmethod
    def of_environment(cls) -> "Plan":
        """The plan of this process."""
        return cls(**json.loads(os.environ[_VARIABLE]))

    def environment(self) -> dict[str, str]:
        """What to add to the environment of another one."""
        return {_VARIABLE: json.dumps(asdict(self))}


def conformance_receiver(queue: Enqueuer | None, *, ahead: float = 0.0) -> Receiver:
    """The receiver of a process that the suite has started, web process or worker.

    Args:
        queue: which is tested.
        ahead: by how many seconds the inbox's clock is fast.
    """
    from licensechain_hooks.inbox.sql import SqlInbox  # noqa: PLC0415 - SQLAlchemy is an extra

    plan = Plan.of_environment()
    clock = (lambda: time.time() + ahead) if ahead else None
    return Receiver(
        Endpoint(secrets=[SECRET]),
        conformance_hooks(),
        inbox=SqlInbox(plan.inbox, clock=clock),
        queue=queue,
        ordering_key=plan.ordering_key,
        worker=SETTINGS,
    )


def conformance_hooks() -> Hooks:
    """The handlers of a process that the suite has started."""
    hooks = Hooks()
    runs = Path(Plan.of_environment().runs)

    @hooks.on(BOOKED, transactional=True)
    def book(event: Event, context: HandlerContext) -> None:
        statement = f"INSERT INTO {EFFECTS} (event_id) VALUES ('{event.id}')"  # noqa: S608 - of the suite's own events
        if hasattr(context.connection, "exec_driver_sql"):
            context.connection.exec_driver_sql(statement)
        else:  # Django's
            with context.connection.cursor() as cursor:
                cursor.execute(statement)
        _do_as_told(runs, context)

    @hooks.on(WORKED)
    def work(_event: Event, context: HandlerContext) -> None:
        _do_as_told(runs, context)

    return hooks


def _do_as_told(runs: Path, context: HandlerContext) -> None:
    told = json.loads(context.raw_body)
    line = f"{json.dumps({'event': told['id'], 'attempt': context.attempt, 'pid': os.getpid()})}\n"
    with runs.open("ab", buffering=0) as file:
        file.write(line.encode())  # at once, so that lines of several processes do not mix
    if context.attempt <= told["data"].get("hangs", 0):
        time.sleep(600)
    time.sleep(told["data"].get("lasts", 0))
    if context.attempt <= told["data"].get("fails", 0):
        msg = "as the event tells"
        raise ValueError(msg)
