"""The project's task queue, where one runs the handlers: ``PROCESSING`` names it.

``"celery"`` is `licensechain_hooks.contrib.celery.CeleryQueue` for the project's Celery app, and ``"tasks"`` Django's
own tasks. Any other queue is named by its dotted path, or that of a class or function that makes one::

    LICENSECHAIN_HOOKS = {"SECRETS": […], "PROCESSING": "shop.queues.queue"}

    # shop/queues.py
    queue = DramatiqQueue(broker)
"""

from functools import cache, partial
from typing import Any

from django.db import transaction
from django.utils.module_loading import import_string

from licensechain_hooks import ConfigurationError, Enqueuer, EntryRunner
from licensechain_hooks.contrib.django._host import call_from_anywhere

__all__ = ["BUILT_IN", "ProjectQueue", "find_queue", "is_queue"]

BUILT_IN = {
    "celery": "licensechain_hooks.contrib.celery.CeleryQueue",
    "tasks": "licensechain_hooks.contrib.django.django_tasks.TasksQueue",
}


def is_queue(processing: str) -> bool:
    """Whether this value of ``PROCESSING`` names a queue."""
    return processing in BUILT_IN or "." in processing


def find_queue(processing: str) -> Enqueuer:
    """The queue that a value of ``PROCESSING`` names; one for each in this process.

    Raises:
        ConfigurationError: there is none of that name, or it is something else.
    """
    try:
        queue = _find(BUILT_IN.get(processing, processing))
    except ConfigurationError:
        raise
    except Exception as exc:
        msg = f"the queue {processing!r} cannot be had: {exc}"
        raise ConfigurationError(msg) from exc
    if not all(callable(getattr(queue, name, None)) for name in ("register", "enqueue")):
        msg = f"{processing!r} is of the type {type(queue).__name__}; what is needed is an Enqueuer"
        raise ConfigurationError(msg)
    found: Enqueuer = queue
    return found


@cache
def _find(path: str) -> Any:
    found = import_string(path)
    queue = found() if isinstance(found, type) or not hasattr(found, "enqueue") else found
    if hasattr(queue, "register"):
        queue.register(_Project())
    return queue


class ProjectQueue:
    """A queue as the project's receivers use it: a message is sent once the transaction it is sent in is committed.

    Deliveries are received outside of transactions, so that is at once, but in a ``TestCase``: there
    ``captureOnCommitCallbacks`` has the messages.

    Args:
        queue: the project's.
        using: the alias of the inbox's database.
    """

    def __init__(self, queue: Enqueuer, using: str) -> None:
        self._send = call_from_anywhere(queue.enqueue)
        self._using = using

    def register(self, runner: EntryRunner) -> None:
        """Nothing: the queue runs what the settings say at that time, and not what some receiver was built from."""

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        transaction.on_commit(partial(self._send, pk), using=self._using)


class _Project:
    """Runs the entries of the project as it is configured then, which need not be built before the first of them."""

    def run_entry(self, pk: int) -> bool:
        from licensechain_hooks.contrib.django.conf import get_receivers  # noqa: PLC0415 - it knows the queues

        return get_receivers().working()[0].run_entry(pk)  # of all endpoints: they share a worker

    async def arun_entry(self, pk: int) -> bool:
        from licensechain_hooks.contrib.django.conf import get_receivers  # noqa: PLC0415

        return await get_receivers().working()[0].arun_entry(pk)

    def sweep(self) -> int:
        from licensechain_hooks.contrib.django.conf import get_receivers  # noqa: PLC0415

        return sum(receiver.sweep() for receiver in get_receivers().working())

    async def asweep(self) -> int:
        from licensechain_hooks.contrib.django.conf import get_receivers  # noqa: PLC0415

        return sum([await receiver.asweep() for receiver in get_receivers().working()])
