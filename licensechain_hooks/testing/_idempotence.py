"""Whether a handler can run twice for one event, as after a crash it has to."""

import time
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any

from licensechain_hooks._handler import HandlerContext
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._loop import run_awaitable
from licensechain_hooks.events import Event
from licensechain_hooks.testing._events import event_body

__all__ = ["assert_idempotent"]

_SHOWN = 1000


def assert_idempotent(handler: Callable[..., Any], event: Event, *, snapshot: Callable[[], Any]) -> None:
    """Run a handler twice for one event, and see to it that the second run changes nothing.

    ::

        assert_idempotent(lock_seat, event, snapshot=lambda: list(Seat.objects.order_by("id").values()))

    Both runs get the same ``context.idempotency_key``, as they would of an inbox.

    Args:
        handler: ``def`` or ``async def``; with or without a context. One that is transactional need not be idempotent.
        event: what both runs are given.
        snapshot: shows what the handler changes, and what it sent to others, as values that compare: rows, mails.

    Raises:
        AssertionError: the second run changed what ``snapshot`` shows; or the first one did not, so that there was
            nothing to compare.
        TypeError: what ``snapshot`` shows cannot be compared.
    """
    hooks = Hooks()
    hooks.on("*")(handler)
    (registered,) = hooks.handlers()
    before = _taken(snapshot)
    seen: list[Any] = []
    for attempt in (1, 2):
        context = HandlerContext(
            endpoint="default",
            handler=registered.name,
            idempotency_key=f"{event.id}:{registered.name}",
            attempt=attempt,
            raw_body=event_body(event),
            received_at=datetime.fromtimestamp(time.time(), UTC),
        )
        returned = registered.bind(event, context if registered.wants_context else None)()
        if isawaitable(returned):
            run_awaitable(returned)
        seen.append(_taken(snapshot))
    if seen[0] == before:
        msg = f"the first run of {registered.name} changed nothing that snapshot() shows, so nothing was compared"
        raise AssertionError(msg)
    if seen[0] != seen[1]:
        first, second = (_shown(each) for each in seen)
        msg = f"{registered.name} is not idempotent: after its first run {first}; after its second run {second}"
        raise AssertionError(msg)


def _taken(snapshot: Callable[[], Any]) -> Any:
    """A copy: what is shown may be the very list that the next run appends to."""
    shown = snapshot()
    compares: object = type(shown).__eq__
    if compares is object.__eq__:
        msg = f"snapshot() gives a {type(shown).__name__}, which equals nothing but itself: give values, such as a list"
        raise TypeError(msg)
    return deepcopy(shown)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
