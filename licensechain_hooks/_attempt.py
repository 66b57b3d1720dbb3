"""An attempt as those see it who measure it: one run of the handlers of an event."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["ATTEMPT_STATES", "Around", "Attempt", "AttemptState", "surrounding"]

logger = logging.getLogger("licensechain_hooks")

AttemptState = Literal["processed", "ignored", "failed", "dead", "lost", "released"]
ATTEMPT_STATES: tuple[AttemptState, ...] = get_args(AttemptState)
"""Every end of an attempt; the fixed vocabulary of metrics."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One run of the handlers of an event, for functions under `Hooks.around`.

    Attributes:
        endpoint: the name of the endpoint it came to.
        event_type: canonical.
        event_id: of the event.
        number: which run this is, from 1.
        mode: ``durable`` where a worker runs it, ``inline`` where the sender waits for it.
        state: how it has ended, one of `ATTEMPT_STATES`; ``None`` while it goes on. ``failed`` is run again, ``dead``
            is not; ``lost``: another worker has it by now; ``released``: the store or the host broke it off.
        error_code: the class of the error it ended with; empty where there was none.
    """

    endpoint: str
    event_type: str
    event_id: str
    number: int
    mode: Literal["durable", "inline"]
    state: AttemptState | None = None
    error_code: str = ""


Around = Callable[[Attempt], AbstractContextManager[object]]


@contextmanager
def surrounding(arounds: Iterable[Around], attempt: Attempt) -> Iterator[None]:
    """Enter what the functions return, and leave it when the attempt has ended; what any of them raises is logged."""
    entered: list[AbstractContextManager[object]] = []
    for around in arounds:
        try:
            manager = around(attempt)
            manager.__enter__()
        except Exception:
            logger.exception("around.failed")
        else:
            entered.append(manager)
    try:
        yield
    finally:
        attempt.state = attempt.state or "released"
        for manager in reversed(entered):
            try:
                manager.__exit__(None, None, None)
            except Exception:
                logger.exception("around.failed")
