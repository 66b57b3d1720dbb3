"""What LicenseChain's events do here."""

from models import License, Seat

from licensechain_hooks import HandlerContext, Hooks, LicenseEvent

hooks = Hooks()
LOCKING = {"license.revoked", "license.suspended", "license.expired", "license.deleted"}


# One handler for all of them: latest_only lets it skip an event that is older than what it has seen of this license, so
# that a late "created" does not unlock what a "revoked" has locked. transactional: what it writes by the context's
# session is committed together with the note that it ran, so it happens exactly once.
@hooks.on("license.*", transactional=True, latest_only=True)
def follow_license(event: LicenseEvent, context: HandlerContext) -> None:
    """Keep a license as LicenseChain has it; without it nobody works at its seats."""
    data = event.data
    if event.type == "license.validated":  # that somebody has asked about it changes nothing
        return
    license_ = context.session.get(License, data.id)
    if license_ is None:
        license_ = License(id=data.id, seats=[Seat()])
        context.session.add(license_)
    license_.status = data.status or ""
    is_locked = event.type in LOCKING or data.status not in {None, "active"}
    for seat in license_.seats:
        seat.is_locked = is_locked
