"""The time of an event, as type checkers see it: this file is checked, never run."""

from datetime import datetime
from typing import assert_type

from licensechain_hooks import LicenseRevoked, UnknownEvent


def times(revoked: LicenseRevoked, unknown: UnknownEvent) -> None:
    # A fault: mypy gives frozen subclasses an attribute by the field's alias, "timestamp", which hides the property.
    # validation_alias and serialization_alias in place of alias mend it; then mypy calls these comments unused.
    assert_type(revoked.timestamp, datetime)  # type: ignore[assert-type]
    assert_type(unknown.timestamp, datetime)  # type: ignore[assert-type]
