"""What is delivered: mostly new events, and some of everything else that happens to a receiver."""

import random
import threading
from collections import deque
from dataclasses import replace

from tests.support.sending import Answered, Delivery, new_delivery

__all__ = ["Mix", "is_as_expected"]

_KINDS = {"new": 60, "failing": 5, "again": 15, "conflict": 5, "forged": 10, "broken": 5}
_EXPECTED = {"forged": 401, "broken": 400}
_REMEMBERED = 200  # deliveries that may come again


class Mix:
    """Makes deliveries: new ones, such whose handlers fail at first, redeliveries, conflicts, forgeries, no events.

    Args:
        secret: what they are signed with.
        seed: of its choices.
    """

    def __init__(self, secret: str, *, seed: int) -> None:
        self._secret = secret
        self._chance = random.Random(seed)
        self._recent: deque[Delivery] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()
        self._number = 0

    def __call__(self) -> Delivery:
        """The next one; its ``event_id`` begins with its kind."""
        with self._lock:
            self._number += 1
            (kind,) = self._chance.choices(list(_KINDS), weights=list(_KINDS.values()))
            if kind in {"again", "conflict"} and self._recent:
                earlier = self._chance.choice(self._recent)
                return earlier if kind == "again" else self._new(earlier.event_id, note="other content")
            return self._made(kind)

    def _made(self, kind: str) -> Delivery:
        event_id = f"{kind}-{self._number}"
        if kind == "forged":
            delivery = self._new(event_id)
            return replace(delivery, request=delivery.request.replace(b'"data"', b'"daTa"'))
        if kind == "broken":
            return new_delivery(self._secret, event_id=event_id, body=b'{"id":"broken"}')
        delivery = self._new(event_id, failing=kind == "failing")
        self._recent.append(delivery)
        return delivery

    def _new(self, event_id: str, *, note: str = "", failing: bool = False) -> Delivery:
        event_type = "license.suspended" if failing else "license.created"
        return new_delivery(self._secret, event_id=event_id, event_type=event_type, note=note)


def is_as_expected(answer: Answered) -> bool:
    """Whether a delivery was answered as its kind should be."""
    return answer.status == _EXPECTED.get(answer.event_id.partition("-")[0], 200)
