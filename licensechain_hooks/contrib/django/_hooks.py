"""The project's handlers and its signals, as one collection."""

from licensechain_hooks import Envelope, Event, Handler, Hooks
from licensechain_hooks.contrib.django._host import hosted
from licensechain_hooks.contrib.django.signals import signal_handlers, signal_listeners

__all__ = ["DjangoHooks"]


class DjangoHooks(Hooks):
    """`Hooks` whose coroutines run where Django wants them, and whose events are sent as signals too.

    Args:
        hooks: the project's.
    """

    def __init__(self, hooks: Hooks) -> None:
        super().__init__()
        self.include(hooks)

    def handlers_for(self, event: Event | Envelope, *, endpoint: str = "default") -> tuple[Handler, ...]:
        """The sending of signals, where any receiver is connected, then the project's handlers."""
        found = super().handlers_for(event, endpoint=endpoint)
        return (*signal_handlers(event), *map(hosted, found))

    def befores(self) -> tuple[Handler, ...]:
        """See `Hooks.befores`."""
        return tuple(map(hosted, super().befores()))

    def error_listeners(self) -> tuple[Handler, ...]:
        """See `Hooks.error_listeners`."""
        return tuple(map(hosted, super().error_listeners()))

    def conflict_listeners(self) -> tuple[Handler, ...]:
        """See `Hooks.conflict_listeners`."""
        return (*signal_listeners("conflict"), *map(hosted, super().conflict_listeners()))

    def processed_listeners(self) -> tuple[Handler, ...]:
        """See `Hooks.processed_listeners`."""
        return (*signal_listeners("processed"), *map(hosted, super().processed_listeners()))

    def failed_listeners(self) -> tuple[Handler, ...]:
        """See `Hooks.failed_listeners`."""
        return (*signal_listeners("failed"), *map(hosted, super().failed_listeners()))

    def dead_listeners(self) -> tuple[Handler, ...]:
        """See `Hooks.dead_listeners`."""
        return (*signal_listeners("dead"), *map(hosted, super().dead_listeners()))
