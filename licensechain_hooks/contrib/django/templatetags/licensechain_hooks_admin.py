"""What the admin's templates ask for."""

from typing import Any

from django import template

from licensechain_hooks.contrib.django._admin.dates import choices
from licensechain_hooks.contrib.django._admin.lists import MOST, in_state
from licensechain_hooks.contrib.django._entries import stored
from licensechain_hooks.contrib.django.models import Entry

__all__ = ["register"]

register = template.Library()


@register.inclusion_tag("admin/date_hierarchy.html")
def received_dates(changelist: Any) -> dict[str, Any]:
    """The way down to a day."""
    return choices(changelist)


@register.inclusion_tag("licensechain_hooks/admin/dead_letters.html", takes_context=True)
def dead_letters(context: Any) -> dict[str, Any]:
    """How many entries are out of attempts, for whoever may see them."""
    request = context.get("request")
    if request is None or not request.user.has_perm("licensechain_hooks.view_entry"):
        return {}
    count = in_state(stored(), Entry.State.DEAD).order_by().values("pk")[: MOST + 1].count()
    return {"count": min(count, MOST), "is_more": count > MOST}
