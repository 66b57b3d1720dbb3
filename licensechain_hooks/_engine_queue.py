"""What the queues of all engines have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

from licensechain_hooks._caller import Caller
from licensechain_hooks._stores import EntryRunner
from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["EngineQueue"]

_PATIENCE = 2.0  # seconds


class EngineQueue(ABC):
    """An `Enqueuer` whose engine's tasks call `run_entry` and `sweep`, or their asynchronous forms.

    Several receivers may use one. Each task then asks all of them: an entry is due at its own endpoint only.

    Attributes:
        RUN_ENTRY, SWEEP: what the two tasks are called.
    """

    RUN_ENTRY: Final = "licensechain_hooks.run_entry"
    SWEEP: Final = "licensechain_hooks.sweep"

    def __init__(self) -> None:
        self._runners: list[EntryRunner] = []
        self._caller = Caller()

    @abstractmethod
    def enqueue(self, pk: int, /) -> Awaitable[object] | object:
        """See `Enqueuer`."""

    def register(self, runner: EntryRunner) -> None:
        """See `Enqueuer`."""
        self._runners.append(runner)

    def run_entry(self, pk: int) -> bool:
        """What the task does that a message names: run the entry's handlers, if it is due.

        Returns:
            Whether it was.

        Raises:
            StoreUnavailableError: the inbox cannot answer. No engine needs to try again, for a sweep does.
            ConfigurationError: no receiver uses this queue in this process.
        """
        return sum(runner.run_entry(pk) for runner in self._known()) > 0

    async def arun_entry(self, pk: int) -> bool:
        """`run_entry` in an asynchronous engine."""
        return sum([await runner.arun_entry(pk) for runner in self._known()]) > 0

    def sweep(self) -> int:
        """What the periodic task does: enqueue the entries that are due and have not been run.

        Returns:
            How many were.

        Raises:
            ConfigurationError: no receiver uses this queue in this process.
        """
        return sum(runner.sweep() for runner in self._known())

    async def asweep(self) -> int:
        """`sweep` in an asynchronous engine."""
        return sum([await runner.asweep() for runner in self._known()])

    def _in_time(self, send: Callable[[], object]) -> None:
        """Call a client that may wait for a broker without an end: in a thread of its own, and for two seconds only.

        Raises:
            TimeoutError: it has not come back.
        """
        self._caller.call(send, seconds=_PATIENCE)

    def _known(self) -> list[EntryRunner]:
        if not self._runners:
            msg = (
                f"no Receiver uses this {type(self).__name__} in this process: "
                "let the engine's workers import the module that builds it"
            )
            raise ConfigurationError(msg)
        return self._runners
