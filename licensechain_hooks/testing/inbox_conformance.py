"""The behaviour every inbox must have, as a pytest class: subclass it and say how to open your inbox.

::

    class TestMyInbox(InboxConformance):
        def make_inbox(self, clock, **settings):
            return MyInbox(clock=clock, **settings)
"""

import pytest

pytest.register_assert_rewrite("licensechain_hooks.testing._inbox_conformance")

from licensechain_hooks.testing._clock import FrozenClock  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.claiming import ClaimingConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.latest import LatestConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.looking import LookingConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.ordering import OrderingConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.purging import PurgingConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.recording import RecordingConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.replaying import ReplayingConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.settling import SettlingConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.suite import new_entry  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.transactions import TransactionConformance  # noqa: E402
from licensechain_hooks.testing._inbox_conformance.waking import WakingConformance  # noqa: E402

__all__ = ["FrozenClock", "InboxConformance", "new_entry"]


class InboxConformance(
    RecordingConformance,
    ClaimingConformance,
    OrderingConformance,
    WakingConformance,
    SettlingConformance,
    LatestConformance,
    TransactionConformance,
    LookingConformance,
    ReplayingConformance,
    PurgingConformance,
):
    """An inbox against the protocol `Inbox`. Override `make_inbox`, and what else your inbox can do."""
