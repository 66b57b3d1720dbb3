"""The sender: signed deliveries to a receiver in durable mode, some of them again."""

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from licensechain_hooks import Endpoint, Enqueuer, HookRequest, Hooks, Outcome, Receiver, WorkerSettings
from licensechain_hooks.testing import event_body, make_event, sign_request
from tests.scenarios.crash._crew import CrashTestError

_SECRET = "the-signing-secret-of-the-crash-test"
_REDELIVERED = 0.1


class Sender:
    """Delivers events of some licenses, those of one license one after the other.

    Args:
        inbox: what the receiver stores them in.
        hooks: of the workers.
        chance: what it chooses by.
        licenses: how many.
        queue: where the receiver sends entries to; ``None``: nowhere.
        check: called while the store is unavailable; it raises when the run takes too long.

    Attributes:
        event_ids: of all that were delivered.
        redelivered: how many deliveries brought a known event.
        refused: how many were answered 503, and repeated.
    """

    def __init__(
        self,
        inbox: Any,
        hooks: Hooks,
        *,
        chance: random.Random,
        licenses: int,
        queue: Enqueuer | None,
        check: Callable[[], None],
    ) -> None:
        self.event_ids: list[str] = []
        self.redelivered = 0
        self.refused = 0
        self._receiver = Receiver(
            Endpoint(secrets=[_SECRET]),
            hooks,
            inbox=inbox,
            worker=WorkerSettings(embedded=False),
            queue=queue,
            ordering_key="license",
        )
        self._chance = chance
        self._licenses = [f"lic_{number}" for number in range(licenses)]
        self._places: Counter[str] = Counter()
        self._bodies: list[bytes] = []
        self._check = check

    def send(self, count: int) -> None:
        """Deliver so many new events, and now and then an old one."""
        for _ in range(count):
            license_id = self._chance.choice(self._licenses)
            self._places[license_id] += 1
            event_id = f"{license_id}-{self._places[license_id]}"
            body = event_body(make_event("license.updated", event_id=event_id, data={"id": license_id}))
            self._deliver(body, "accepted")
            self.event_ids.append(event_id)
            self._bodies.append(body)
            if self._chance.random() < _REDELIVERED:
                # Of the latest ones, which may be in work now.
                self._deliver(self._chance.choice(self._bodies[-30:]), "duplicate")
                self.redelivered += 1

    def _deliver(self, body: bytes, wanted: str) -> None:
        wanted_names = {wanted}
        while (outcome := self._receive(body)).name == "unavailable":  # as the sender does, come back
            self._check()
            self.refused += 1
            wanted_names.add("duplicate")  # it may be stored all the same
            time.sleep(0.05)
        if outcome.name not in wanted_names:
            msg = f"a delivery that was to be {wanted} was {outcome.name}"
            raise CrashTestError(msg)

    def _receive(self, body: bytes) -> Outcome:
        return self._receiver.receive(HookRequest(body=body, headers=sign_request(body, _SECRET)))
