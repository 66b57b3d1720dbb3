"""What LicenseChain's events do here. Django finds this file as it finds ``admin.py``."""

from licensechain_hooks import Discard, LicenseEvent, on

from .models import Customer, License

_LOCKING = {"license.revoked", "license.suspended", "license.expired", "license.deleted"}


# One handler for all of them: latest_only lets it skip an event that is older than what it has seen of this license, so
# that a late "created" does not unlock what a "revoked" has locked. transactional: all of this happens exactly once.
@on("license.*", transactional=True, latest_only=True)
def follow_license(event: LicenseEvent) -> None:
    """Keep a license as LicenseChain has it; without it nobody works at its seats."""
    data = event.data
    if event.type == "license.validated":  # that somebody has asked about it changes nothing
        return
    try:
        customer = Customer.objects.get(reference=data.user_id)
    except Customer.DoesNotExist:
        why = f"no customer {data.user_id}: add one in the admin, then replay this entry"
        raise Discard(why) from None
    fields = {"customer": customer, "status": data.status or "", "expires_at": data.expires_at}
    license_, is_new = License.objects.update_or_create(id=data.id, defaults=fields)
    if is_new:
        license_.seats.create()
    license_.seats.update(is_locked=event.type in _LOCKING or data.status not in (None, "active"))
