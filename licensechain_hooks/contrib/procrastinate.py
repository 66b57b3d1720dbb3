"""Procrastinate: its workers run the handlers, and PostgreSQL is the broker.

::

    receiver = Receiver(endpoint, hooks, inbox=SqlInbox(url), queue=ProcrastinateQueue(app))

The module that builds the receiver has to be one that the app's workers import (``import_paths``). They also send what
is due and has not been run, once a minute. A web process need not open the app.
"""

from typing import Any

try:
    from procrastinate import App
except ImportError as exc:
    msg = "this module needs Procrastinate: pip install 'licensechain-hooks[procrastinate]'"
    raise ImportError(msg) from exc

from licensechain_hooks import EngineQueue

__all__ = ["ProcrastinateQueue"]


class ProcrastinateQueue(EngineQueue):
    """Entries as jobs of Procrastinate.

    Args:
        app: the app. One queue for each.
        queue: the name of Procrastinate's queue.
        cron: when workers send what is due.
    """

    def __init__(self, app: App, *, queue: str = "default", cron: str = "* * * * *") -> None:
        super().__init__()
        self._queue = queue
        # Apart from what a worker, or an asynchronous host, opens on its event loop.
        self._sender = app.with_connector(app.connector.get_sync_connector())
        app.task(name=self.RUN_ENTRY, queue=queue)(self._run)
        app.periodic(cron=cron)(app.task(name=self.SWEEP, queue=queue, queueing_lock=self.SWEEP)(self._sweep_now))

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        self._in_time(lambda: self._send(pk))

    def _send(self, pk: int) -> None:
        self._sender.open()  # in this process, at the first time
        job: Any = self._sender.configure_task(self.RUN_ENTRY, queue=self._queue)
        job.defer(pk=pk)

    async def _run(self, pk: int) -> None:
        await self.arun_entry(pk)

    async def _sweep_now(self, timestamp: int) -> None:  # noqa: ARG002 - Procrastinate tells for when it is
        await self.asweep()
