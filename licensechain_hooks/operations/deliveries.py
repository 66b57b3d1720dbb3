"""Deliveries as LicenseChain would send them, and as an enemy would."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from licensechain_hooks import Event, PayloadError, UnknownEvent, closest_event_type
from licensechain_hooks.operations.sending import Answer, Target, post
from licensechain_hooks.operations.words import printable
from licensechain_hooks.testing import Tamper, make_delivery, make_event

__all__ = ["Attempted", "WishError", "deliver", "event_of_wish", "oddity"]

_TYPE = re.compile(r"(?=.{1,100}\Z)[a-z0-9_]+(\.[a-z0-9_]+)+")
_ID = re.compile(r"[!-~]{1,255}")


class WishError(ValueError):
    """No event can be what was asked for; the text says which option and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """A delivery that was sent."""

    event: Event
    answer: Answer
    tamper: Tamper | None

    @property
    def expected(self) -> str:
        """The status it should be answered with."""
        return "2xx" if self.tamper is None else "401"

    @property
    def is_good(self) -> bool:
        """Whether it was."""
        status = self.answer.status or 0
        return 200 <= status < 300 if self.tamper is None else status == 401

    @property
    def verdict(self) -> str:
        """That, in words."""
        return "as expected" if self.is_good else f"expected {self.expected}"

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        answer = self.answer
        return {
            "type": self.event.raw_type,
            "id": self.event.id,
            "tamper": self.tamper,
            "status": answer.status,
            "outcome": answer.outcome or None,
            "ms": round(answer.milliseconds, 3),
            "error": answer.error or None,
            "expected": self.expected,
            "ok": self.is_good,
        }


def deliver(event: Event, target: Target, secret: str, *, tamper: Tamper | None, times: int) -> Iterator[Attempted]:
    """Deliver ``times`` times, each signed anew; no more once there is no answer."""
    for _ in range(times):
        delivery = make_delivery(event, secret, tamper=tamper)
        answer = post(target, delivery.body, delivery.headers)
        yield Attempted(event=event, answer=answer, tamper=tamper)
        if answer.status is None:
            return


def event_of_wish(event_type: str, event_id: str | None, data: Sequence[str]) -> Event:
    """The event that somebody describes on a command line.

    Args:
        event_type: its type.
        event_id: by default a new one.
        data: fields of its data, each ``KEY=VALUE``; a value that is no JSON is a text.

    Raises:
        WishError: there is no such event.
    """
    if _TYPE.fullmatch(event_type) is None:
        msg = f"{event_type!r} is no event type: at most 100 characters of a-z, 0-9, _ and dots, like license.revoked"
        raise WishError(msg)
    if event_id is not None and _ID.fullmatch(event_id) is None:
        msg = "--id: an event's id is 1 to 255 characters of printable ASCII, without spaces"
        raise WishError(msg)
    try:
        return make_event(event_type, event_id=event_id, data=dict(map(_field, data)))
    except PayloadError as exc:
        msg = f"--data: no event can look like this: {printable(exc.detail)}"
        raise WishError(msg) from exc
    except UnicodeEncodeError as exc:
        msg = "--data: a value is not valid text"
        raise WishError(msg) from exc


def _field(pair: str) -> tuple[str, Any]:
    key, equals, text = pair.partition("=")
    if not key or not equals:
        msg = f"--data: {pair!r} is not KEY=VALUE"
        raise WishError(msg)
    try:
        return key, json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return key, text
    except RecursionError as exc:
        msg = f"--data: the value of {key!r} is nested too deeply"
        raise WishError(msg) from exc


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are not JSON (RFC 8259, section 6)."""
    raise ValueError(name)


def oddity(event: Event) -> str:
    """What a receiver will make of an event that is not one of those this version knows; else nothing."""
    if event.is_known and isinstance(event, UnknownEvent):
        return f"a receiver gets this as an UnknownEvent: {printable(event.validation_error or '')}"
    if event.is_known:
        return ""
    close = closest_event_type(event.raw_type)
    hint = f"; did you mean {close}?" if close else ""
    return f"{event.raw_type} is no event type this version knows{hint}"
