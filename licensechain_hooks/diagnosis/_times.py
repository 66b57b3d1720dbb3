"""What the times of a delivery say: when it was sent, when it arrived, when the event happened."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from licensechain_hooks._endpoint import Profile
from licensechain_hooks._rfc3339 import parse_rfc3339
from licensechain_hooks.diagnosis._finding import Finding
from licensechain_hooks.diagnosis._signatures import TIMESTAMP_HEADERS
from licensechain_hooks.diagnosis.captures import Capture

__all__ = ["time_findings"]

_CLOCK = "compare the clocks of sender and receiver (NTP); if the delivery was held up on the way, send it again"


def time_findings(
    capture: Capture,
    fields: Any,
    *,
    profile: Profile,
    tolerance: timedelta,
    max_event_age: timedelta | None,
    is_without_header: bool,
) -> Iterator[Finding]:
    """The findings about a delivery's times.

    Args:
        capture: the delivery.
        fields: its body, parsed.
        profile: the endpoint's.
        tolerance: the endpoint's.
        max_event_age: the endpoint's.
        is_without_header: whether it is of a dialect that has no timestamp header.
    """
    sent = [(name, value) for name in TIMESTAMP_HEADERS if (value := capture.header(name)) is not None]
    if sent:
        yield from _sent(capture, *sent[0], profile=profile, tolerance=tolerance)
    elif not is_without_header:
        yield _missing(capture, profile)
    happened_at = _moment(fields.get("timestamp")) if isinstance(fields, dict) else None
    if None not in {happened_at, capture.received_at, max_event_age}:
        yield from _age(capture.received_at, happened_at, max_event_age)


def _missing(capture: Capture, profile: Profile) -> Finding:
    other = next((name for name, _ in capture.headers if "timestamp" in name), None)
    what = "no header says when it was sent" if other is None else f"when it was sent stands in the header {other}"
    return Finding(
        code="timestamp-missing" if other is None else "timestamp-name",
        verdict="fail" if profile == "guide" else "warn",
        what=what,
        why="the guide's header is X-Webhook-Timestamp; without it an endpoint needs the profile compat",
        todo='let the sender add X-Webhook-Timestamp (a proxy may have removed it), or set profile="compat"',
    )


def _sent(capture: Capture, name: str, value: str, *, profile: Profile, tolerance: timedelta) -> Iterator[Finding]:
    sent_at, form = _read(value)
    if sent_at is None:
        yield Finding(
            code="timestamp-malformed",
            verdict="fail",
            what=f"the header {name} holds no time",
            why="the guide says Unix seconds, such as 1767225600",
            todo="let the sender write Unix seconds, once",
        )
        return
    if form:
        yield Finding(
            code=f"timestamp-{form[0]}",
            verdict="fail" if profile == "guide" else "ok",
            what=f"the time in the header {name} is {form[1]}",
            why="the guide says Unix seconds, such as 1767225600; the profile compat also reads this",
            todo="" if profile == "compat" else 'let the sender write Unix seconds, or set profile="compat"',
        )
    if capture.received_at is None:
        yield Finding(
            code="clock-distance",
            verdict="skipped",
            what="when it arrived is not known",
            why="the capture has no received_at",
            todo="add it to the capture, such as 2026-01-31T12:00:00Z",
        )
        return
    yield _distance(capture.received_at - sent_at, tolerance)


def _distance(late: timedelta, tolerance: timedelta) -> Finding:
    far = abs(late)
    what = f"its header says it was sent {_spell(far)} {'before' if late >= timedelta(0) else 'after'} it arrived"
    if far <= tolerance:
        return Finding(code="clock-distance", verdict="ok", what=what)
    return Finding(
        code="timestamp-outside-tolerance",
        verdict="fail",
        what=f"{what}: {_spell(far - tolerance)} more than the tolerance of {_spell(tolerance)}",
        why="one of the clocks is wrong, the delivery was held up, or an old one was sent again",
        todo=_CLOCK,
    )


def _age(
    received_at: datetime | None, happened_at: datetime | None, max_event_age: timedelta | None
) -> Iterator[Finding]:
    if received_at is None or happened_at is None or max_event_age is None:
        return
    age = received_at - happened_at
    if age > max_event_age:
        yield Finding(
            code="event-too-old",
            verdict="fail",
            what=f"the event happened {_spell(age)} before: {_spell(age - max_event_age)} more than max_event_age",
            why="an old delivery that is sent again is refused, for that is how a replay attack looks",
            todo="if old events have to be taken, raise max_event_age of the endpoint and the retention of its inbox",
        )


def _read(value: str) -> tuple[datetime | None, tuple[str, str] | None]:
    """The time, and where it is not Unix seconds a code and words for how it is written."""
    text = value.strip()
    verdict: tuple[str, str] | None = None
    try:
        if re.fullmatch(r"[0-9]{1,12}", text):
            return datetime.fromtimestamp(int(text), UTC), None
        if re.fullmatch(r"[0-9]{13}", text):
            return datetime.fromtimestamp(int(text) / 1000, UTC), ("milliseconds", "in milliseconds")
        verdict = ("iso", "written as ISO 8601")
        return parse_rfc3339(text).astimezone(UTC), verdict
    except (ValueError, OverflowError, OSError):
        return None, None


def _moment(value: Any) -> datetime | None:
    try:
        return parse_rfc3339(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _spell(time: timedelta) -> str:
    seconds = time.total_seconds()
    if seconds < 7200:
        return f"{seconds:.3g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
