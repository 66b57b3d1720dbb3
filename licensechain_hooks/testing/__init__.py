"""For tests of your own handlers, and for tests of your own adapter."""

from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._events import event_body, make_event
from licensechain_hooks.testing._requests import sign_request

__all__ = ["FrozenClock", "event_body", "make_event", "sign_request"]
