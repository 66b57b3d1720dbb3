"""The handlers: one at least once, two exactly once."""

import os
import random
import signal
import time

from licensechain_hooks import Event, HandlerContext, Hooks
from tests.scenarios.crash._effects import Effects

PLAIN = ("tell_others",)
TRANSACTIONAL = ("book", "lock_seat")
AIMS = {"plain": signal.SIGUSR1, "transactional": signal.SIGUSR2}
"""A process that gets such a signal stops itself the next time it is inside a handler of that kind."""


class Moment:
    """The moment inside a handler, after its effect: it lasts, it may fail, it may be one to stop the process at.

    Args:
        seed: of chance.
        longest: seconds it lasts at most.
        failing: the share that fails.
    """

    def __init__(self, seed: int, *, longest: float, failing: float) -> None:
        self._random = random.Random(seed)
        self._longest = longest
        self._failing = failing
        self._aims: list[str] = []

    def listen(self) -> None:
        """Be ready for the signals in `AIMS`."""
        for kind, number in AIMS.items():
            signal.signal(number, lambda *_, kind=kind: self._aims.append(kind))

    def last(self, kind: str) -> None:
        """Be inside a handler of this kind."""
        time.sleep(self._random.uniform(0, self._longest))
        if kind in self._aims:
            self._stop(kind)
        if self._random.random() < self._failing:
            msg = "by chance"
            raise RuntimeError(msg)

    def _stop(self, kind: str) -> None:
        try:
            self._aims.remove(kind)
        except ValueError:
            return  # another thread was faster
        os.kill(os.getpid(), signal.SIGSTOP)


def make_hooks(effects: Effects, moment: Moment) -> Hooks:
    """Hooks with `PLAIN` and `TRANSACTIONAL` handlers for every event."""
    hooks = Hooks()

    @hooks.on("*")
    def tell_others(event: Event, context: HandlerContext) -> None:
        effects.outside(event, context)
        moment.last("plain")

    @hooks.on("*", transactional=True)
    def book(event: Event, context: HandlerContext) -> None:
        effects.within(event, context)
        moment.last("transactional")

    @hooks.on("*", transactional=True)
    def lock_seat(event: Event, context: HandlerContext) -> None:
        effects.within(event, context)
        moment.last("transactional")

    return hooks
