"""Django's own tasks, where their worker runs the handlers: ``PROCESSING = "tasks"``.

They come with Django 6.0, before it with django-tasks; their worker comes with the backend that ``TASKS`` names. They
have no scheduler: enqueue `sweep` every half a minute from the one you have, by `TasksQueue.send_sweep`.
"""

from typing import cast

from django.db import DatabaseError, close_old_connections

try:
    from django.tasks import task
except ImportError:
    try:
        from django_tasks import task  # type: ignore[no-redef]  # the same, but for where it lives
    except ImportError as exc:
        msg = "before Django 6.0 tasks need a package: pip install 'licensechain-hooks[django-tasks]'"
        raise ImportError(msg) from exc

from licensechain_hooks import EngineQueue
from licensechain_hooks.contrib.django.queues import find_queue

__all__ = ["TasksQueue", "run_entry", "sweep"]

# Not called tasks.py: Celery and others import every app's module of that name.


class TasksQueue(EngineQueue):
    """Entries as tasks of Django, in its default backend."""

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        try:
            run_entry.enqueue(pk)
        except DatabaseError:
            close_old_connections()  # else a broken one would stay with this thread
            raise

    def send_sweep(self) -> None:
        """Let a worker enqueue what is due and has not been run."""
        sweep.enqueue()


@task()
def run_entry(pk: int) -> None:
    """Run an entry's handlers, if it is due."""
    _queue().run_entry(pk)


@task()
def sweep() -> None:
    """Enqueue what is due and has not been run."""
    _queue().sweep()


def _queue() -> TasksQueue:
    """The one whose entries are those of the project's receivers."""
    return cast("TasksQueue", find_queue("tasks"))
