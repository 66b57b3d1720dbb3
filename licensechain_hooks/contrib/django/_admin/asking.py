"""The page that asks before entries are changed, and does it once it is answered."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import django
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from licensechain_hooks import ConfigurationError, StoreUnavailableError
from licensechain_hooks.contrib.django._admin.changes import Change, by_state, left_alone
from licensechain_hooks.contrib.django._admin.lists import MOST
from licensechain_hooks.contrib.django.conf import get_receivers
from licensechain_hooks.contrib.django.models import Entry

if TYPE_CHECKING:
    from licensechain_hooks.contrib.django.admin import EntryAdmin

__all__ = ["Asking"]

_TEMPLATE = "admin/licensechain_hooks/entry/ask.html"
_NAMED = 20  # entries, before there are only numbers
_COLUMNS = ("pk", "event_type", "event_id", "state", "purged_at")


class Asking:
    """One change, asked about and done.

    Args:
        model_admin: whose entries.
        change: what is to be done.
        request: of a person.

    Raises:
        PermissionDenied: who asks may not do this.
    """

    def __init__(self, model_admin: "EntryAdmin", change: Change, request: HttpRequest) -> None:
        if not (model_admin.has_view_permission(request) and model_admin.may(change.name, request)):
            raise PermissionDenied
        self.model_admin = model_admin
        self.change = change
        self.request = request

    def respond(self) -> HttpResponse:
        """To a GET with what is asked, to a POST by doing it."""
        given = self.request.POST if self.request.method == "POST" else self.request.GET
        pks = _numbers(given.get("pks", ""))
        if self.request.method != "POST":
            return self.ask(pks)
        return self._done(pks, force="force" in given)

    def ask_about(self, queryset: QuerySet[Entry]) -> HttpResponse:
        """The page for what is chosen in the list."""
        return self.ask(list(queryset.values_list("pk", flat=True)[:MOST]))

    def ask(self, pks: Sequence[int]) -> HttpResponse:
        """The page."""
        entries = self._entries(pks)
        fitting = [entry for entry in entries if self._fits(entry, force=False)]
        context = {
            **self.model_admin.admin_site.each_context(self.request),
            "title": self.change.question(len(fitting)) if fitting else self.change.label,
            "opts": Entry._meta,  # noqa: SLF001 - documented
            "media": self.model_admin.media,
            "crumbs_are_listed": django.VERSION >= (6, 1),  # as Django's style sheet has it
            "change": self.change,
            "pks": ",".join(map(str, pks)),
            "named": entries[:_NAMED],
            "unnamed": len(entries) - len(entries[:_NAMED]),
            "fitting": len(fitting),
            "states": by_state([entry.state for entry in fitting], dict(Entry.State.choices)),
            "left_alone": left_alone(len(entries) - len(fitting)) if len(fitting) < len(entries) else "",
            "forced": sum(self._fits(entry, force=True) for entry in entries) - len(fitting),
            "is_cut": len(pks) == MOST,
            "most": MOST,
            "back": self._back(pks),
            "action_url": reverse(f"admin:licensechain_hooks_entry_{self.change.name}", current_app=self._site),
        }
        self.request.current_app = self._site
        return TemplateResponse(self.request, _TEMPLATE, context)

    def _done(self, pks: Sequence[int], *, force: bool) -> HttpResponse:
        chosen = [entry for entry in self._entries(pks) if self._fits(entry, force=force)]
        try:
            changed = self.change.make(get_receivers().inbox, [entry.pk for entry in chosen], force=force)
        except (ConfigurationError, StoreUnavailableError) as error:
            messages.error(self.request, str(error))
            return HttpResponseRedirect(self._back(pks))
        if chosen:
            log: Any = LogEntry.objects
            log.log_actions(self.request.user.pk, chosen, CHANGE, str(self.change.log))
        if changed:
            messages.success(self.request, self.change.report(changed))
        if changed < len(pks):
            messages.warning(self.request, left_alone(len(pks) - changed))
        return HttpResponseRedirect(self._back(pks))

    def _entries(self, pks: Sequence[int]) -> list[Entry]:
        """In the list's order, without payloads."""
        entries = self.model_admin.get_queryset(self.request).filter(pk__in=pks).order_by("-received_at", "-pk")
        return list(entries.only(*_COLUMNS))

    def _fits(self, entry: Entry, *, force: bool) -> bool:
        return entry.state in self.change.states(force=force) and entry.purged_at is None

    def _back(self, pks: Sequence[int]) -> str:
        if len(pks) == 1:
            return reverse("admin:licensechain_hooks_entry_change", args=pks, current_app=self._site)
        return reverse("admin:licensechain_hooks_entry_changelist", current_app=self._site)

    @property
    def _site(self) -> str:
        return self.model_admin.admin_site.name


def _numbers(given: str) -> list[int]:
    """The numbers of entries in a parameter.

    Raises:
        BadRequest: there are none, or too many.
    """
    pieces = given.split(",")
    if len(pieces) > MOST or not all(piece.isascii() and piece.isdigit() and len(piece) < 19 for piece in pieces):
        raise BadRequest(_("These are no numbers of entries."))
    return [int(piece) for piece in dict.fromkeys(pieces)]
