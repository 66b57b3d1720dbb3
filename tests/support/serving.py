"""The scenarios' application under the servers people run it with, in processes of their own."""

import json
import os
import secrets
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import sqlalchemy
from processes import PATIENCE, Processes, wait_for

from licensechain_hooks.inbox.sql import SqlInbox
from licensechain_hooks.testing.server_conformance import socket_exchange

__all__ = ["Application", "Plan", "Stored"]

_SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
_SERVERS = {"starlette": "uvicorn", "django-asgi": "uvicorn", "flask": "gunicorn", "django": "gunicorn"}
_UNFINISHED = ("received", "processing", "failed")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be served, and how.

    Attributes:
        framework: ``starlette`` or ``django-asgi`` (under uvicorn), ``flask`` or ``django`` (under gunicorn's threads).
        folder: an empty one, for what is written down.
        inbox: the URL of an empty database, for SQLAlchemy; without one the handlers run inline.
        redis: the URL of what remembers events then.
        processes: of the server.
        embedded: whether they run the handlers.
        lease: of the worker, in seconds.
        preload: whether gunicorn makes the application before it forks.
        leaking: whether a handler keeps memory and a descriptor of each event: to see that this is noticed.
    """

    framework: str
    folder: str
    inbox: str = ""
    redis: str = ""
    processes: int = 2
    embedded: bool = True
    lease: float = 60.0
    preload: bool = False
    leaking: bool = False


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An entry of the inbox; ``digest`` is that of its body."""

    event_id: str
    is_conflict: bool
    state: str
    digest: str


class Application:
    """`inbox_app`, served on a free port of the loopback interface; a context manager.

    When it is made the tables of its inbox are created, when it is entered the server starts.

    Args:
        plan: what is to be served.

    Attributes:
        plan: what is served.
        address: of the server.
        secret: what deliveries are signed with.
        process: the server's first one.
    """

    def __init__(self, plan: Plan) -> None:
        self.secret = secrets.token_hex(32)
        self.plan = plan
        self._folder = Path(plan.folder)
        environment = os.environ | {
            "SCENARIO": json.dumps(asdict(plan)),
            "LICENSECHAIN_WEBHOOK_SECRET": self.secret,
            "PYTHONPATH": str(_SCENARIOS),
        }
        self._processes = Processes(self._folder / "log", folder=_SCENARIOS, environment=environment)
        if plan.inbox:
            self._engine = sqlalchemy.create_engine(plan.inbox, poolclass=sqlalchemy.NullPool)
            self._create_tables()

    def __enter__(self) -> Self:
        try:
            with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
                self.address: tuple[str, int] = listening.getsockname()
                listening.set_inheritable(True)
                command = _SERVERS[self.plan.framework]
                self.process = self._start(_COMMANDS[command](self.plan, listening.fileno()), listening.fileno())
            wait_for("the server to answer", self._is_served)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._processes.__exit__(kind, error, traceback)

    @property
    def log(self) -> str:
        """What the processes wrote."""
        return self._processes.log

    def lines(self, name: str) -> list[str]:
        """The lines of one of the application's files."""
        file = self._folder / name
        return file.read_text().splitlines() if file.exists() else []

    def processes(self) -> set[str]:
        """The ids of the processes that have answered requests."""
        return {line.split()[0] for line in self.lines("outcomes")}

    def start_worker(self) -> None:
        """Start a worker in a process of its own, by its command."""
        if self.plan.framework.startswith("django"):
            self._manage("licensechain_worker")
        else:
            self._start(["-m", "licensechain_hooks", "worker", "--app", "inbox_app:receiver"])

    def rows(self, statement: str) -> list[Any]:
        """The rows of a query."""
        with self._engine.connect() as connection:
            return list(connection.execute(sqlalchemy.text(statement)))

    def entries(self) -> list[Stored]:
        """What is in the inbox."""
        rows = self.rows("SELECT event_id, variant, state, raw_body FROM licensechain_hooks_entry")
        return [
            Stored(event_id=row[0], is_conflict=row[1] != "", state=row[2], digest=_digest(bytes(row[3])))
            for row in rows
        ]

    def effects_inside(self) -> Counter[tuple[str, str]]:
        """How often the transactional handler has had its effect, by event and digest of its body."""
        return Counter((row[0], row[1]) for row in self.rows("SELECT event_id, digest FROM effect"))

    def effects_outside(self) -> Counter[tuple[str, str]]:
        """How often the plain handler has had its effect, by event and digest of its body."""
        return Counter((event_id, digest) for event_id, digest in map(str.split, self.lines("effects")))

    def wait_until_idle(self) -> None:
        """Wait until every entry of the inbox is finished.

        Raises:
            TimeoutError: that takes too long.
        """
        wait_for("the entries to be finished", self._is_idle)

    def _is_idle(self) -> bool:
        states = {row[0] for row in self.rows("SELECT DISTINCT state FROM licensechain_hooks_entry")}
        return states.isdisjoint(_UNFINISHED)

    def _is_served(self) -> bool:
        """Whether all processes of the server answer; a GET does not reach the inbox."""
        if self.process.poll() is not None:
            msg = f"the server has ended with {self.process.returncode}"
            raise RuntimeError(msg)
        request = b"GET /webhooks/licensechain HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        answers = [socket_exchange(self.address, request, seconds=PATIENCE) for _ in range(4)]
        return None not in answers and len(self.processes()) == self.plan.processes

    def _create_tables(self) -> None:
        """As whoever deploys the application would."""
        if self.plan.framework.startswith("django"):
            if self._manage("migrate", "--verbosity", "0").wait(PATIENCE):
                raise RuntimeError(self.log)
        else:
            inbox = SqlInbox(self.plan.inbox)
            inbox.create_schema()
            inbox.close()
        with self._engine.begin() as connection:
            statement = "CREATE TABLE effect (event_id VARCHAR(255) NOT NULL, digest CHAR(64) NOT NULL)"
            connection.execute(sqlalchemy.text(statement))

    def _manage(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Django's ``manage.py``."""
        manage = "import sys, inbox_app; from django.core import management; management.call_command(*sys.argv[1:])"
        return self._start(["-c", manage, *arguments])

    def _start(self, arguments: list[str], *descriptors: int) -> subprocess.Popen[bytes]:
        if "gunicorn" in arguments:  # an option of newer ones only; older ones ignore it here
            (self._folder / "gunicorn.py").write_text("control_socket_disable = True\n")
        return self._processes.start(arguments, *descriptors)


def _uvicorn(plan: Plan, descriptor: int) -> list[str]:
    many = ["--workers", str(plan.processes)] if plan.processes > 1 else []
    options = ["--log-level", "warning", "--timeout-keep-alive", "60", *many]
    return ["-m", "uvicorn", "inbox_app:app", "--fd", str(descriptor), *options]


def _gunicorn(plan: Plan, descriptor: int) -> list[str]:
    options = ["--worker-class", "gthread", "--threads", "8", "--keep-alive", "60", "--log-level", "warning"]
    options += ["--config", str(Path(plan.folder) / "gunicorn.py"), *(["--preload"] if plan.preload else [])]
    return [
        "-m",
        "gunicorn",
        "inbox_app:app",
        "--bind",
        f"fd://{descriptor}",
        "--workers",
        str(plan.processes),
        *options,
    ]


_COMMANDS: Mapping[str, Callable[[Plan, int], list[str]]] = MappingProxyType(
    {"uvicorn": _uvicorn, "gunicorn": _gunicorn}
)


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()
