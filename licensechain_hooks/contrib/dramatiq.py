"""Dramatiq: its workers run the handlers.

::

    receiver = Receiver(endpoint, hooks, inbox=SqlInbox(url), queue=DramatiqQueue(broker))

The module that builds the receiver has to be one that ``dramatiq`` is told to import. Dramatiq has no scheduler: run
`DramatiqQueue.send_sweep` every half a minute from the one you have, or ``licensechain-hooks sweep``.
"""

from typing import Any

try:
    import dramatiq
except ImportError as exc:
    msg = "this module needs Dramatiq: pip install 'licensechain-hooks[dramatiq]'"
    raise ImportError(msg) from exc

from licensechain_hooks import EngineQueue

__all__ = ["DramatiqQueue"]

# Dramatiq's own limit of ten minutes may strike anywhere; a handler's is in WorkerSettings.
_OPTIONS = {"max_retries": 0, "time_limit": float("inf")}


class DramatiqQueue(EngineQueue):
    """Entries as messages of Dramatiq, on Redis or on RabbitMQ.

    Args:
        broker: the broker; by default the one that is set. One queue for each broker.
        queue_name: the name of Dramatiq's queue.
    """

    def __init__(self, broker: dramatiq.Broker | None = None, *, queue_name: str = "default") -> None:
        super().__init__()
        options: dict[str, Any] = {**_OPTIONS, "queue_name": queue_name, "broker": broker or dramatiq.get_broker()}
        actor: Any = dramatiq.actor
        self._run_entry = actor(self._run, actor_name=self.RUN_ENTRY, **options)
        self._sweep = actor(self._sweep_now, actor_name=self.SWEEP, **options)

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        self._in_time(lambda: self._run_entry.send(pk))

    def send_sweep(self) -> None:
        """Let a worker enqueue what is due and has not been run; for a scheduler, every half a minute or so."""
        self._sweep.send()

    def _run(self, pk: int) -> None:
        self.run_entry(pk)

    def _sweep_now(self) -> None:
        self.sweep()
