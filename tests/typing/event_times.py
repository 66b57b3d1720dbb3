"""The time of an event, as type checkers see it: this file is checked, never run."""

from datetime import datetime
from typing import assert_type

from licensechain_hooks import LicenseRevoked, UnknownEvent


def times(revoked: LicenseRevoked, unknown: UnknownEvent) -> None:
    assert_type(revoked.timestamp, datetime)
    assert_type(unknown.timestamp, datetime)
