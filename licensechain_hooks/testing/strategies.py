"""Hypothesis strategies: what LicenseChain may send, and what an enemy may make of it.

::

    @given(deliveries(SECRET))
    def test_every_event_is_taken(delivery):
        assert receiver.receive(delivery.request()).status == 200

    @given(tampered(deliveries(SECRET)))
    def test_nothing_else_is(delivery):
        assert receiver.receive(delivery.request()).status == 401
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

try:
    from hypothesis import strategies as st
except ImportError as exc:
    msg = "this module needs hypothesis: pip install hypothesis"
    raise ImportError(msg) from exc

from pydantic.alias_generators import to_snake

from licensechain_hooks.events import ALIASES, EVENT_CLASSES, Event, parse_event
from licensechain_hooks.testing._events import as_json, as_written, example_data
from licensechain_hooks.testing._made import Delivery, make_delivery

__all__ = ["deliveries", "events", "tampered"]

_SIGNATURE, _TIMESTAMP = "X-Webhook-Signature", "X-Webhook-Timestamp"
_OLDEST = timedelta(days=25)  # younger than an endpoint's max_event_age, with room for a test that moves its clock
_HEX = "0123456789abcdef"

_texts = st.text(st.characters(codec="utf-8"), max_size=30)
_plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
_json: st.SearchStrategy[Any] = st.recursive(
    _plain | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_unknown_types = st.from_regex(r"[a-z0-9_]{1,12}(\.[a-z0-9_]{1,12}){1,3}", fullmatch=True)
_all_types = st.sampled_from([*EVENT_CLASSES, *ALIASES]) | _unknown_types
_ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


def events(*event_types: str, clock: Callable[[], float] = time.time) -> st.SearchStrategy[Event]:
    """Events as LicenseChain may send them, of the last 25 days.

    Args:
        event_types: of these types; by default of all, in all spellings, and of some that nobody knows.
        clock: Unix time in seconds.
    """
    return _bodies(event_types, clock).map(parse_event)


def deliveries(secret: str, *event_types: str, clock: Callable[[], float] = time.time) -> st.SearchStrategy[Delivery]:
    """Deliveries of `events`, well signed, now.

    Fields of ``data`` may be missing, be spelled in snake_case, be joined by ones that nobody knows, and have a status
    in capitals.

    Args:
        secret: the signing secret.
        event_types: see `events`.
        clock: Unix time in seconds.
    """
    return _bodies(event_types, clock).map(lambda body: make_delivery(body, secret, timestamp=clock()))


@st.composite
def _bodies(draw: st.DrawFn, event_types: tuple[str, ...], clock: Callable[[], float]) -> bytes:
    event_type = draw(st.sampled_from(event_types) if event_types else _all_types)
    seed = draw(st.integers(0, 2**32))
    moment = datetime.fromtimestamp(clock(), UTC) - draw(st.timedeltas(timedelta(0), _OLDEST))
    data = draw(st.dictionaries(_texts.map("x{}".format), _json, max_size=2))
    for name, value in example_data(event_type, moment, seed).items():
        if name == "id" or draw(st.booleans()):
            is_loud = name == "status" and draw(st.booleans())
            spelled = draw(st.sampled_from([name, to_snake(name)]))
            data[spelled] = value.upper() if is_loud else value
    event_id = draw(_ids | st.uuids().map(str))
    return as_json({"id": event_id, "type": event_type, "data": data, "timestamp": as_written(moment)})


@st.composite
def tampered(
    draw: st.DrawFn, deliveries: st.SearchStrategy[Delivery], *, tolerance: timedelta = timedelta(seconds=300)
) -> Delivery:
    """Deliveries with one thing wrong, each of which a receiver under the profile "guide" has to answer with 401.

    The body was changed after it was signed; the signature is another one, is cut off, has more to it, or is missing;
    the timestamp is too far off, is no number, or is missing.

    Args:
        draw: given by hypothesis.
        deliveries: good ones.
        tolerance: that of the endpoint.
    """
    return draw(st.sampled_from(_CHANGES))(draw, draw(deliveries), int(tolerance.total_seconds()))


def _change_body(draw: st.DrawFn, delivery: Delivery, _tolerance: int) -> Delivery:
    at = draw(st.integers(0, len(delivery.body) - 1))
    other = bytes([delivery.body[at] ^ draw(st.integers(1, 255))])
    body = delivery.body
    changed = draw(st.sampled_from([body[:at] + other + body[at + 1 :], body[:at], body + other, body + b" "]))
    return replace(delivery, body=changed)


def _change_signature(draw: st.DrawFn, delivery: Delivery, _tolerance: int) -> Delivery:
    signature = delivery.headers[_SIGNATURE]
    at = draw(st.integers(0, len(signature) - 1))
    digit = draw(st.sampled_from([digit for digit in _HEX if digit != signature[at]]))
    changed = draw(
        st.sampled_from(
            [
                signature[:at] + digit + signature[at + 1 :],
                signature[:at],
                signature + digit,
                f"sha1={signature}",
                f"sha256=sha256={signature}",
                f"{signature},{digit * 64}",
            ]
        )
    )
    return _with_header(delivery, _SIGNATURE, changed)


def _change_timestamp(draw: st.DrawFn, delivery: Delivery, tolerance: int) -> Delivery:
    sent_at = int(delivery.headers[_TIMESTAMP])
    beyond = tolerance + draw(st.integers(60, 10**6))  # a test may take a while
    texts = [str(max(0, sent_at - beyond)), str(sent_at + beyond), f"-{sent_at}", f"{sent_at}.0", "nan", "1e9", ""]
    return _with_header(delivery, _TIMESTAMP, draw(st.sampled_from(texts)))


def _drop_header(draw: st.DrawFn, delivery: Delivery, _tolerance: int) -> Delivery:
    dropped = draw(st.sampled_from([_SIGNATURE, _TIMESTAMP]))
    return replace(delivery, headers={name: value for name, value in delivery.headers.items() if name != dropped})


def _with_header(delivery: Delivery, name: str, value: str) -> Delivery:
    return replace(delivery, headers={**delivery.headers, name: value})


_CHANGES = (_change_body, _change_signature, _change_timestamp, _drop_header)
