"""For tests of your own handlers, and for tests of your own adapter.

Nothing here needs pytest but the conformance suites, and nothing hypothesis but `strategies`.
"""

from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._deliver import deliver
from licensechain_hooks.testing._events import event_body, make_event
from licensechain_hooks.testing._idempotence import assert_idempotent
from licensechain_hooks.testing._made import Delivery, Tamper, make_delivery
from licensechain_hooks.testing._rehearsal import Rehearsal, WatchedRun, rehearse
from licensechain_hooks.testing._requests import sign_request

__all__ = [
    "Delivery",
    "FrozenClock",
    "Rehearsal",
    "Tamper",
    "WatchedRun",
    "assert_idempotent",
    "deliver",
    "event_body",
    "make_delivery",
    "make_event",
    "rehearse",
    "sign_request",
]
