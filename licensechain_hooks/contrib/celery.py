"""Celery: its workers run the handlers.

::

    receiver = Receiver(endpoint, hooks, inbox=SqlInbox(url), queue=CeleryQueue(app))

The module that builds the receiver has to be among those that Celery's workers import (``include``), and ``celery
beat`` has to run somewhere: its entry ``licensechain_hooks.sweep`` sends what is due and has not been run.
"""

from datetime import timedelta
from typing import Any

try:
    from celery import Celery
    from celery.app import app_or_default
    from kombu.pools import producers
except ImportError as exc:
    msg = "this module needs Celery: pip install 'licensechain-hooks[celery]'"
    raise ImportError(msg) from exc

from licensechain_hooks import EngineQueue

__all__ = ["CeleryQueue"]

# To connect, Celery tries for six seconds, and waits for an answer without an end. A delivery is answered before that.
_IMPATIENT = {"max_retries": 1, "interval_start": 0, "socket_connect_timeout": 1, "socket_timeout": 1}


class CeleryQueue(EngineQueue):
    """Entries as messages of Celery, on whatever broker the app has.

    Args:
        app: the Celery app; by default the one that is current where the queue is built, for the current one is each
            thread's own. One queue for each app.
        queue: the name of Celery's queue; by default the app's routes say.
        sweep_every: how often ``celery beat`` sends what is due.
    """

    def __init__(
        self, app: Celery | None = None, *, queue: str | None = None, sweep_every: timedelta = timedelta(seconds=30)
    ) -> None:
        super().__init__()
        self._app: Any = app_or_default(app)

        def run_entry(pk: int) -> None:
            self.run_entry(pk)

        def sweep() -> None:
            self.sweep()

        task = self._app.task
        self._options = {"serializer": "json", "retry": False} | ({} if queue is None else {"queue": queue})
        self._sweep_every = sweep_every.total_seconds()
        self._run_entry: Any = task(name=self.RUN_ENTRY, acks_late=True, ignore_result=True)(run_entry)
        self._sweep: Any = task(name=self.SWEEP, ignore_result=True)(sweep)
        if self._app.finalized:
            self._schedule(self._app)
        else:
            self._app.on_after_finalize.connect(self._schedule, weak=False)

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        options = {**self._app.conf.broker_transport_options, **_IMPATIENT}
        connection = self._app.connection_for_write(connect_timeout=1, transport_options=options)
        with producers[connection].acquire(block=True, timeout=1) as producer:
            self._run_entry.apply_async((pk,), producer=producer, **self._options)

    def _schedule(self, sender: Any, **_: object) -> None:
        options = {**self._options, "expires": self._sweep_every}
        sender.add_periodic_task(self._sweep_every, self._sweep.s(), name=self.SWEEP, **options)
