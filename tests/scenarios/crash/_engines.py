"""Engines whose workers run the handlers, each in one process with threads, so that a signal hits all of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from licensechain_hooks import Endpoint, EngineQueue, Hooks, Receiver, WorkerSettings
from tests.support.valkey_server import ValkeyServer

if TYPE_CHECKING:
    from tests.scenarios.crash._plan import Plan

__all__ = ["ENGINES", "Sweeper", "broker_of", "make_queue", "work"]

ENGINES = ("celery", "dramatiq", "huey")

_THREADS = 4
_LATER = 31.0  # seconds: when a new entry is no longer left for its message
_SWEEP_EVERY = 0.25


@contextmanager
def broker_of(engine: str | None) -> Iterator[str]:
    """The URL of a Valkey of one's own; empty without an engine."""
    if engine is None:
        yield ""
        return
    with ValkeyServer() as server:
        yield server.url


def make_queue(engine: str, broker: str) -> EngineQueue:
    """The queue of an engine."""
    if engine == "celery":
        from celery import Celery

        from licensechain_hooks.contrib.celery import CeleryQueue

        app = Celery("crash", broker=broker)
        app.conf.update(worker_hijack_root_logger=False, worker_prefetch_multiplier=1)
        return CeleryQueue(app)
    if engine == "dramatiq":
        from dramatiq.brokers.redis import RedisBroker

        from licensechain_hooks.contrib.dramatiq import DramatiqQueue

        return DramatiqQueue(RedisBroker(url=broker))
    from huey import RedisHuey

    from licensechain_hooks.contrib.huey import HueyQueue

    return HueyQueue(RedisHuey("crash", url=broker))


def work(plan: Plan, inbox: Any, hooks: Hooks, settings: WorkerSettings, listen: Callable[[], None]) -> None:
    """Be a worker of the plan's engine until SIGTERM.

    Args:
        plan: the process's.
        inbox, hooks, settings: of the receiver whose entries it runs.
        listen: is called when the engine has set its own signal handlers.
    """
    queue = make_queue(plan.engine, plan.broker)
    make_receiver(queue, inbox, hooks, settings)
    {"celery": _work_celery, "dramatiq": _work_dramatiq, "huey": _work_huey}[plan.engine](queue, listen)


def make_receiver(queue: EngineQueue, inbox: Any, hooks: Hooks, settings: WorkerSettings | None = None) -> Receiver:
    """The receiver of a worker, which receives nothing."""
    endpoint = Endpoint(secrets=["of-nothing-that-is-received-here"])
    return Receiver(endpoint, hooks, inbox=inbox, queue=queue, worker=settings, ordering_key="license")


class Sweeper:
    """Enqueues what is due, again and again, as an engine's schedule does.

    Args:
        queue: where.
        inbox: with a clock that is ahead by `_LATER`.
        hooks: of the workers.
    """

    LATER = _LATER

    def __init__(self, queue: EngineQueue, inbox: Any, hooks: Hooks) -> None:
        self._receiver = make_receiver(queue, inbox, hooks)
        self._sweep_at = 0.0

    def tick(self) -> None:
        """Sweep, if it is time to."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_EVERY
            self._receiver.sweep()


def _work_celery(queue: Any, listen: Callable[[], None]) -> None:
    from celery.signals import worker_ready

    worker_ready.connect(lambda **_: listen(), weak=False)
    name = ("--hostname", f"crash-{os.getpid()}@localhost", "--without-mingle", "--without-gossip")
    options = ("--pool", "threads", "--concurrency", str(_THREADS), "--loglevel", "ERROR")
    queue._app.worker_main(["worker", *name, *options])


def _work_dramatiq(queue: Any, listen: Callable[[], None]) -> None:
    import dramatiq

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    listen()
    worker = dramatiq.Worker(queue._run_entry.broker, worker_threads=_THREADS, worker_timeout=50)
    worker.start()
    ended.wait()
    worker.stop()


def _work_huey(queue: Any, listen: Callable[[], None]) -> None:
    listen()
    huey = queue._run_entry.huey
    huey.create_consumer(workers=_THREADS, periodic=False, initial_delay=0.02, max_delay=0.05).run()
