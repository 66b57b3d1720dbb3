"""Watching what becomes of the entries of an inbox."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from licensechain_hooks._entries import LedgerRow, Settlement
from licensechain_hooks._stores import Inbox

__all__ = ["Attempt", "WatchedInbox"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has ended: how, and the ledger rows it wrote."""

    settlement: Settlement
    runs: tuple[LedgerRow, ...]


class WatchedInbox:
    """An inbox that also tells of each attempt once what came of it is stored.

    Args:
        inbox: where everything goes.
        on_attempt: is told of each attempt.
    """

    def __init__(self, inbox: Inbox, on_attempt: Callable[[Attempt], object] | None) -> None:
        self._inbox = inbox
        self._on_attempt = on_attempt
        self._begun: dict[tuple[int, str], tuple[LedgerRow, ...]] = {}  # rows written while an attempt goes on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)

    @property
    def itself(self) -> Inbox:
        """This, as the inbox it is: what is not here, the other one has."""
        return cast("Inbox", self)

    def settle_many(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See `Inbox.settle_many`."""
        held = self._inbox.settle_many(settlements)
        if self._on_attempt is not None:
            for settlement, is_held in zip(settlements, held, strict=True):
                self._see(settlement, self._on_attempt, is_held=is_held)
        return held

    def _see(self, settlement: Settlement, on_attempt: Callable[[Attempt], object], *, is_held: bool) -> None:
        held = (settlement.claim.pk, settlement.claim.token)
        runs = (*self._begun.pop(held, ()), *settlement.runs)
        if not is_held:
            return
        if settlement.state == "processing":
            self._begun[held] = runs
        else:
            on_attempt(Attempt(settlement, runs))
