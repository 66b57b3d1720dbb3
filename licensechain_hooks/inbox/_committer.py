"""One call of a store for several callers, and what becomes of each of them."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from licensechain_hooks.exceptions import ConfigurationError, StoreUnavailableError

__all__ = ["Committer", "Failure", "Limits", "failures", "unavailable", "verdict_of"]

logger = logging.getLogger("licensechain_hooks")

_EVERYONES = (StoreUnavailableError, ConfigurationError)  # of the store as a whole

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Limits:
    max_batch: int
    max_waiting: int
    budget: timedelta

    def too_many(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.max_waiting} others wait for the store already; see how long its commits take, and for what"
        )

    def too_slow(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the store has not committed within {self.budget.total_seconds():g} s; "
            "look at its disk, at what holds its locks, and at how many write to it"
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Instead of a verdict."""

    error: StoreUnavailableError | ConfigurationError


def verdict_of(outcome: R | Failure) -> R:
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def unavailable(why: str, cause: BaseException) -> StoreUnavailableError:
    """What ``cause`` is for the caller; its class is named, its message may hold a payload."""
    error = StoreUnavailableError(f"{why}: {type(cause).__name__}")
    error.__cause__ = cause
    return error


def failures(error: StoreUnavailableError | ConfigurationError, count: int) -> list[Failure]:
    """One error for many callers: each raises its own copy, because to raise one changes it."""
    copies = [Failure(error)]
    for _ in range(count - 1):
        copies.append(Failure(copy.copy(error)))
        copies[-1].error.__cause__ = error
    return copies


class Committer(Generic[T, R]):
    """Calls ``commit``; an outcome for each item, whatever it raises (but an interruption, which goes through)."""

    def __init__(self, commit: Callable[[Sequence[T]], list[R]], *, many_writers: bool) -> None:
        self._commit = commit
        self._turn: AbstractContextManager[object] = nullcontext() if many_writers else threading.Lock()

    def __call__(self, items: Sequence[T]) -> list[R | Failure]:
        with self._turn:
            try:
                return [*self._checked(items)]
            except _EVERYONES as error:
                return [*failures(error, len(items))]
            except Exception as error:  # noqa: BLE001 - one item must not fail the others
                if len(items) == 1:
                    return [Failure(unavailable("the store could not commit", error))]
                facts = {"size": len(items), "error": type(error).__name__}
                text = "inbox.batch_failed size=%(size)s error=%(error)s: each is committed by itself"
                logger.warning(text, facts, extra=facts)
            return self._singly(items)

    def _singly(self, items: Sequence[T]) -> list[R | Failure]:
        outcomes: list[R | Failure] = []
        for item in items:
            try:
                outcomes += self._checked([item])
            except _EVERYONES as error:  # the others need not find out one by one
                return outcomes + failures(error, len(items) - len(outcomes))
            except Exception as error:  # noqa: BLE001
                outcomes.append(Failure(unavailable("the store could not commit", error)))
        return outcomes

    def _checked(self, items: Sequence[T]) -> list[R]:
        verdicts = list(self._commit(items))
        if len(verdicts) != len(items):
            facts = {"size": len(items), "verdicts": len(verdicts)}
            text = "inbox.verdicts_missing size=%(size)s verdicts=%(verdicts)s: a fault of this inbox"
            logger.error(text, facts, extra=facts)
            msg = "the inbox did not give one verdict for each item; that is a fault of the inbox"
            raise StoreUnavailableError(msg)
        return verdicts
