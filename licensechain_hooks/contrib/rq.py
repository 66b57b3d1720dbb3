"""RQ: its workers run the handlers.

::

    receiver = Receiver(endpoint, hooks, inbox=SqlInbox(url), queue=RQQueue(Queue(connection=redis), module=__name__))

A worker forks for each job, and the fork imports that module; ``rq worker --config shop.webhooks`` imports it once and
before, which is much faster. ``rq cron`` enqueues what is due and has not been run, with `RQQueue.register_sweep` in
its configuration, in RQ's default serializer; or run ``licensechain-hooks sweep`` every half a minute.
"""

from importlib import import_module

try:
    from rq import Queue, cron, get_current_job
except ImportError as exc:
    msg = "this module needs RQ: pip install 'licensechain-hooks[rq]'"
    raise ImportError(msg) from exc

from licensechain_hooks import ConfigurationError, EngineQueue

__all__ = ["RQQueue", "run_entry", "sweep"]

_MODULE = "licensechain_hooks.module"
_FOR_EVER = -1  # RQ's own limit of three minutes may strike anywhere; a handler's is in WorkerSettings

_queues: "list[RQQueue]" = []  # of this process


class RQQueue(EngineQueue):
    """Entries as jobs of RQ.

    Args:
        queue: RQ's queue; with `rq.serializers.JSONSerializer` it needs no pickles.
        module: the name of the module that builds the receiver, which a worker imports for each job that it forks for.
            Not needed where the workers' program has imported it.

    Raises:
        ConfigurationError: workers cannot import a module of that name.
    """

    def __init__(self, queue: Queue, *, module: str = "") -> None:
        super().__init__()
        if module == "__main__":
            msg = "RQ's workers cannot import __main__: build the receiver in a module"
            raise ConfigurationError(msg)
        self._queue = queue
        self._meta = {_MODULE: module} if module else {}
        _queues.append(self)

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        self._in_time(
            lambda: self._queue.enqueue(
                run_entry, pk, description=self.RUN_ENTRY, job_timeout=_FOR_EVER, result_ttl=0, meta=self._meta
            )
        )

    def register_sweep(self, *, interval: int = 30) -> None:
        """In the configuration of ``rq cron``: enqueue what is due every so many seconds."""
        cron.register(sweep, self._queue.name, interval=interval, result_ttl=0, meta=self._meta)


def run_entry(pk: int) -> None:
    """What a job does: run an entry's handlers, if it is due."""
    for queue in _queues_of_job():
        queue.run_entry(pk)


def sweep() -> None:
    """What the periodic job does: enqueue what is due and has not been run."""
    for queue in _queues_of_job():
        queue.sweep()


def _queues_of_job() -> list[RQQueue]:
    job = get_current_job()
    module = job.meta.get(_MODULE) if job is not None else None
    if module:
        import_module(module)
    if not _queues:
        msg = "this worker knows no receiver: give RQQueue the name of the module that builds it, as module=__name__"
        raise ConfigurationError(msg)
    return _queues
