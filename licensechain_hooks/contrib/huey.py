"""Huey: its consumer runs the handlers.

::

    receiver = Receiver(endpoint, hooks, inbox=SqlInbox(url), queue=HueyQueue(huey))

The module that builds the receiver has to be imported by the one that ``huey_consumer`` is given. Once a minute, as
often as Huey's scheduler can, the consumer sends what is due and has not been run.
"""

from datetime import datetime
from typing import Any

try:
    from huey.api import Huey
except ImportError as exc:
    msg = "this module needs Huey: pip install 'licensechain-hooks[huey]'"
    raise ImportError(msg) from exc

from licensechain_hooks import EngineQueue

__all__ = ["HueyQueue"]


class HueyQueue(EngineQueue):
    """Entries as messages of Huey, in whatever storage it has.

    Args:
        huey: the Huey. One queue for each.
    """

    def __init__(self, huey: Huey) -> None:
        super().__init__()

        def run_entry(pk: int) -> None:
            self.run_entry(pk)

        def sweep() -> None:
            self.sweep()

        for function in (run_entry, sweep):
            function.__module__ = self.RUN_ENTRY.partition(".")[0]  # Huey's names are a module's and a function's
        self._run_entry: Any = huey.task(retries=0)(run_entry)
        huey.periodic_task(_every_time, retries=0)(sweep)

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        self._in_time(lambda: self._run_entry(pk))


def _every_time(_now: datetime) -> bool:
    return True
