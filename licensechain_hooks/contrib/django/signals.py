"""Signals, for projects that rather connect receivers than register handlers.

`webhook_received` is sent for every event, `event_signal` gives the signal of one type::

    @receiver(event_signal("license.revoked"))
    def lock_seat(sender, event, **kwargs): ...

Both come before the handlers, once the event is verified and known to be no duplicate; in inline mode they come again,
should a handler fail and the event arrive again. What follows tells how it went on:

=====================  ==================================================================  =======================
signal                 is sent                                                             beside ``event`` with
=====================  ==================================================================  =======================
`webhook_received`     before the handlers                                                 ``context``
`event_processed`      when all handlers have succeeded                                    ``context``
`event_failed`         when one has not, once for each attempt, and there will be another  ``context``, ``error``
`event_dead`           when an event is given up                                           ``context``
`event_conflict`       when an event has the id of another one                             ``context``
`webhook_rejected`     when a delivery was refused: nothing of it is verified, so there    ``outcome``, ``request``
                       is no ``event``
=====================  ==================================================================  =======================

The ``sender`` is the event's class, of `webhook_rejected` the error's. The ``context`` is a `HandlerContext`. A process
sends the signals of what it does: the web process `webhook_rejected` and `event_conflict`, whoever runs the handlers (a
thread, ``licensechain_worker``, an engine's task) the others; in inline mode all are the web process's, and the sender
waits for their receivers.

Receivers may be sync or async. They stand beside handlers: what one raises is logged, the others are called, and
neither an answer nor an entry changes. So what must not be lost belongs into a handler. After a crash a signal may be
sent again.
"""

import logging
import re
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.dispatch import Signal

from licensechain_hooks import (
    EVENT_CLASSES,
    ConfigurationError,
    Envelope,
    Event,
    Handler,
    HandlerContext,
    HookRequest,
    Outcome,
    UnknownEvent,
    UnknownEventTypeWarning,
    canonical_type,
    closest_event_type,
)
from licensechain_hooks.contrib.django._host import in_worker, on_event_loop, run_in_thread

__all__ = [
    "asend_rejected",
    "event_conflict",
    "event_dead",
    "event_failed",
    "event_processed",
    "event_signal",
    "send_rejected",
    "signal_handlers",
    "signal_listeners",
    "signals_with_receivers",
    "types_with_signals",
    "webhook_received",
    "webhook_rejected",
]

logger = logging.getLogger("licensechain_hooks")

_EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_by_type: dict[str, Signal] = {}

webhook_received = Signal(use_caching=True)
"""Sent with every event that is verified and no duplicate, of any type."""
webhook_rejected = Signal(use_caching=True)
"""Sent with every delivery that is refused. Anybody can cause it, so its receivers should be cheap."""
event_processed = Signal(use_caching=True)
"""Sent with an event whose handlers have all succeeded."""
event_failed = Signal(use_caching=True)
"""Sent with an event, and the first error of its handlers, that will run again."""
event_dead = Signal(use_caching=True)
"""Sent with an event that is given up: it is out of attempts, or was discarded."""
event_conflict = Signal(use_caching=True)
"""Sent with an event whose id was seen with other content; its handlers do not run."""


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
    close = None if canonical in EVENT_CLASSES else closest_event_type(event_type)
    if close is not None:
        msg = f"no event is called {event_type!r}; did you mean {close!r}?"
        warnings.warn(msg, UnknownEventTypeWarning, stacklevel=2)
    return _by_type.setdefault(canonical, Signal(use_caching=True))


def signals_with_receivers() -> list[Signal]:
    """The signals that a receiver is connected to, of those that come before the handlers."""
    return [signal for signal in (webhook_received, *_by_type.values()) if signal.receivers]


def types_with_signals() -> list[str]:
    """The event types whose signal was asked for."""
    return [*_by_type]


def signal_handlers(event: Event | Envelope) -> tuple[Handler, ...]:
    """What sends an event to the receivers of its signals; nothing, where it has none."""
    if not _signals_for(event):
        return ()
    return (_SEND_IN_THREAD if in_worker() else _SEND,)


def signal_listeners(name: str) -> tuple[Handler, ...]:
    """What sends a signal of those that come after the handlers; nothing, where nobody receives it.

    Args:
        name: the signal's, without ``event_``.
    """
    sending = _AFTER[name]
    if not sending.signal.receivers:
        return ()
    return (Handler(name=f"{__name__}.event_{name}", function=sending, is_async=True, wants_context=True),)


def send_rejected(outcome: Outcome, request: HookRequest) -> None:
    """Send `webhook_rejected`, where that is what became of a delivery."""
    if outcome.name == "rejected" and webhook_rejected.receivers:
        _send_one(webhook_rejected, type(outcome.error), outcome=outcome, request=request)


async def asend_rejected(outcome: Outcome, request: HookRequest) -> None:
    """`send_rejected` on an event loop."""
    if outcome.name == "rejected" and webhook_rejected.receivers:
        await run_in_thread(partial(send_rejected, outcome, request))


def _send_one(signal: Signal, sender: type, **named: Any) -> None:
    """Call the receivers, whatever they raise, in this thread; asgiref runs async ones."""
    try:
        signal.send_robust(sender, **named)
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit and CancelledError, which Django takes for no errors
        logger.exception("receiver.failed")


@dataclass(frozen=True, slots=True)
class _Sending:
    """Sends one signal with what a listener of `Hooks` is given."""

    signal: Signal
    names: tuple[str, ...]

    def __call__(self, *given: Any) -> Awaitable[None] | None:
        named = dict(zip((*self.names, "context"), given, strict=True))
        return _send_from_anywhere(partial(_send_one, self.signal, type(named["event"]), **named))


_AFTER = {
    "processed": _Sending(event_processed, ("event",)),
    "failed": _Sending(event_failed, ("error", "event")),
    "dead": _Sending(event_dead, ("event",)),
    "conflict": _Sending(event_conflict, ("event",)),
}


def _signals_for(event: Event | Envelope) -> list[Signal]:
    # Whether the data is that of an envelope's class, nobody knows yet.
    senders = (event.event_class, UnknownEvent) if isinstance(event, Envelope) else (type(event),)
    signals = (webhook_received, _by_type.get(event.type))
    return [
        signal for signal in signals if signal is not None and any(signal.has_listeners(sender) for sender in senders)
    ]


def _send(event: Event, context: HandlerContext) -> Awaitable[None] | None:
    def send() -> None:
        for signal in _signals_for(event):
            _send_one(signal, type(event), event=event, context=context)

    return _send_from_anywhere(send)


def _send_from_anywhere(send: Callable[[], None]) -> Awaitable[None] | None:
    """Send signals; on an event loop, once awaited, in a thread: there no receiver can end the loop by `SystemExit`."""
    if on_event_loop():
        return run_in_thread(send)
    send()
    return None


_SEND = Handler(name=f"{__name__}.send", function=_send, is_async=True, wants_context=True)
_SEND_IN_THREAD = replace(_SEND, is_async=False)
