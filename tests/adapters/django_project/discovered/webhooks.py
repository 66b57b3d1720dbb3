"""The handlers of this app; nobody imports this module by name."""

import sys

from licensechain_hooks import LicenseRevoked, on


@on("license.revoked")
def lock_seat(event: LicenseRevoked) -> None:
    sys.stdout.write(f"locked {event.data.id}\n")
