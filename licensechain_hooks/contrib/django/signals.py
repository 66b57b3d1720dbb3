"""Signals, for projects that rather connect receivers than register handlers.

`webhook_received` is sent for every event, `event_signal` gives the signal of one type::

    @receiver(event_signal("license.revoked"))
    def lock_seat(sender, event, **kwargs): ...

Receivers are given the ``event`` and its ``context``, a `HandlerContext`; the ``sender`` is the event's class. They run
before the handlers, once the event is verified and known to be no duplicate; in inline mode they run again, should a
handler fail and the event arrive again. Signals stand beside handlers: what a receiver raises is logged and changes
nothing, so what must not be lost belongs into a handler.
"""

import re
import warnings
from collections.abc import Coroutine
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from django.dispatch import Signal

from licensechain_hooks import (
    ALIASES,
    EVENT_CLASSES,
    ConfigurationError,
    Envelope,
    Event,
    Handler,
    HandlerContext,
    UnknownEvent,
    UnknownEventTypeWarning,
    canonical_type,
)
from licensechain_hooks.contrib.django._host import in_worker, on_event_loop

__all__ = ["event_signal", "signal_handlers", "signals_with_receivers", "webhook_received"]

_EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_by_type: dict[str, Signal] = {}

webhook_received = Signal(use_caching=True)
"""Sent with every event that is verified and no duplicate, of any type."""


def event_signal(event_type: str) -> Signal:
    """The signal of one event type; both spellings of a type have the same.

    Args:
        event_type: such as ``"license.revoked"``. One that looks like a misspelling warns with
            `UnknownEventTypeWarning` and the closest match.

    Raises:
        ConfigurationError: no event can have this type.
    """
    if _EVENT_TYPE.fullmatch(event_type) is None or len(event_type) > 100:
        msg = f"{event_type!r} is no event type; event types look like 'license.revoked'"
        raise ConfigurationError(msg)
    canonical = canonical_type(event_type)
    close = [] if canonical in EVENT_CLASSES else get_close_matches(event_type, [*EVENT_CLASSES, *ALIASES], 1, 0.8)
    if close:
        msg = f"no event is called {event_type!r}; did you mean {close[0]!r}?"
        warnings.warn(msg, UnknownEventTypeWarning, stacklevel=2)
    return _by_type.setdefault(canonical, Signal(use_caching=True))


def signals_with_receivers() -> list[Signal]:
    """The signals that a receiver is connected to."""
    return [signal for signal in (webhook_received, *_by_type.values()) if signal.receivers]


def signal_handlers(event: Event | Envelope) -> tuple[Handler, ...]:
    """What sends an event to the receivers of its signals; nothing, where it has none."""
    if not _signals_for(event):
        return ()
    return (_SEND_IN_THREAD if in_worker() else _SEND,)


def _signals_for(event: Event | Envelope) -> list[Signal]:
    # Whether the data is that of an envelope's class, nobody knows yet.
    senders = (event.event_class, UnknownEvent) if isinstance(event, Envelope) else (type(event),)
    signals = (webhook_received, _by_type.get(event.type))
    return [
        signal for signal in signals if signal is not None and any(signal.has_listeners(sender) for sender in senders)
    ]


def _send(event: Event, context: HandlerContext) -> Coroutine[Any, Any, None] | None:
    """Send the signals; where the host is asynchronous, once awaited."""
    if on_event_loop():
        return _asend(event, context)
    for signal in _signals_for(event):
        signal.send_robust(type(event), event=event, context=context)
    return None


async def _asend(event: Event, context: HandlerContext) -> None:
    for signal in _signals_for(event):
        await signal.asend_robust(type(event), event=event, context=context)


_SEND = Handler(name=f"{__name__}.send", function=_send, is_async=True, wants_context=True)
_SEND_IN_THREAD = replace(_SEND, is_async=False)
