"""Taskiq: its workers run the handlers.

::

    receiver = Receiver(endpoint, hooks, inbox=SqlInbox(url), queue=TaskiqQueue(broker))

The module that builds the receiver has to be one that ``taskiq worker`` imports, and ``taskiq scheduler`` has to run
somewhere, with a ``LabelScheduleSource`` of the broker: once a minute it sends what is due and has not been run.
"""

import asyncio

try:
    from taskiq import AsyncBroker
except ImportError as exc:
    msg = "this module needs Taskiq: pip install 'licensechain-hooks[taskiq]'"
    raise ImportError(msg) from exc

from licensechain_hooks import EngineQueue

__all__ = ["TaskiqQueue"]

_PATIENCE = 2.0  # seconds


class TaskiqQueue(EngineQueue):
    """Entries as messages of Taskiq, on whatever broker it has.

    Args:
        broker: the broker, which the host starts and shuts down. One queue for each.
        cron: when ``taskiq scheduler`` sends what is due.
    """

    def __init__(self, broker: AsyncBroker, *, cron: str = "* * * * *") -> None:
        super().__init__()

        async def run_entry(pk: int) -> None:
            await self.arun_entry(pk)

        async def sweep() -> None:
            await self.asweep()

        once = {"retry_on_error": False, "max_retries": 0}  # whatever middlewares say of other tasks
        self._run_entry = broker.register_task(run_entry, task_name=self.RUN_ENTRY, **once)
        broker.register_task(sweep, task_name=self.SWEEP, schedule=[{"cron": cron}], **once)

    async def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        async with asyncio.timeout(_PATIENCE):
            await self._run_entry.kiq(pk)
