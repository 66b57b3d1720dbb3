"""The inbox in Django's admin: look at entries, and replay them, discard them, purge their payloads.

Nothing can be edited. To look takes the permission ``view_entry``; what can be done takes ``replay_entry``,
``discard_entry`` and ``purge_entry``.
"""

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, TextChoices
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from licensechain_hooks.contrib.django._admin.asking import Asking
from licensechain_hooks.contrib.django._admin.changes import CHANGES
from licensechain_hooks.contrib.django._admin.chart import deliveries_per_hour
from licensechain_hooks.contrib.django._admin.dates import FIELD
from licensechain_hooks.contrib.django._admin.lists import (
    EndpointFilter,
    EntryList,
    FirstPages,
    StateFilter,
    TypeFilter,
    distinct,
    found,
)
from licensechain_hooks.contrib.django._admin.texts import payload_text, spelled_out
from licensechain_hooks.contrib.django._entries import stored
from licensechain_hooks.contrib.django.models import Entry, HandlerRun

__all__ = ["EntryAdmin"]

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Entry]
else:
    _ModelAdmin = admin.ModelAdmin

_INDEX = "licensechain_hooks/admin/index.html"
_NOTHING = "-"
_FIELDS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (None, ("badge", "event_type_text", "event_id_text", "license", "endpoint_name", "key", "variant_text")),
    (_("Attempts"), ("attempts", "next_attempt_at", "error_code_text", "error_text")),
    (_("Times"), ("event_timestamp", "received_at", "done_at", "purged_at")),
)
_MAY_LACK = {
    "license": "license_id",
    "key": "ordering_key",
    "variant_text": "variant",
    "next_attempt_at": "next_attempt_at",
    "error_code_text": "error_code",
    "error_text": "error",
    "done_at": "done_at",
    "purged_at": "purged_at",
}


@admin.register(Entry)
class EntryAdmin(_ModelAdmin):
    """Entries, their ledgers and their payloads."""

    list_display = ("event", "state_and_error", "license", "endpoint_name", "received", "attempts")
    list_display_links = ("event",)
    list_filter = (StateFilter, TypeFilter, EndpointFilter)
    sortable_by = ()
    ordering = ("-received_at", "-id")
    date_hierarchy = FIELD
    search_fields = ("event_id", "license_id", "event_type")
    search_help_text = _("An event id, a license id or an event type, all of it; or a family of types, as license.*")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 100
    list_max_show_all = 0
    paginator = FirstPages
    actions = ("replay", "discard", "purge")
    readonly_fields = tuple(name for _title, names in _FIELDS for name in names)

    class Media:
        css = {"all": ("licensechain_hooks/admin.css",)}  # noqa: RUF012 - as Django has it

    def __init__(self, model: type[Entry], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if admin_site.index_template is None:  # else it is the project's own
            admin_site.index_template = _INDEX

    # Who may do what

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:  # noqa: ARG002
        return False

    def may(self, name: str, request: HttpRequest) -> bool:
        """Whether somebody may make this change."""
        user: Any = request.user
        return bool(user.has_perm(f"{self.opts.app_label}.{name}_{self.opts.model_name}"))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return self.may("replay", request)

    def has_discard_permission(self, request: HttpRequest) -> bool:
        return self.may("discard", request)

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return self.may("purge", request)

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        """The entries, where the inbox has them."""
        return super().get_queryset(request).using(stored().db)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Entry],
        search_term: str,
    ) -> tuple[QuerySet[Entry], bool]:
        """See `search_help_text`."""
        return found(queryset, search_term), False

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[EntryList]:  # noqa: ARG002
        return EntryList

    def get_list_display(self, request: HttpRequest) -> Any:
        """The columns; that of endpoints, where there are several."""
        has_one = len(distinct(self.get_queryset(request), "endpoint")) <= 1
        return [name for name in self.list_display if not (has_one and name == "endpoint_name")]

    def get_fieldsets(self, request: HttpRequest, obj: Entry | None = None) -> Any:  # noqa: ARG002
        """The fields that there is something in."""
        return [(title, {"fields": [name for name in names if _has(obj, name)]}) for title, names in _FIELDS]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; its first page begins with the chart."""
        is_first = request.method == "GET" and not request.GET and self.has_view_permission(request)
        chart = deliveries_per_hour(self.get_queryset(request)) if is_first else None
        return super().changelist_view(request, {"chart": chart, **(extra_context or {})})

    @admin.action(permissions=["replay"], description=CHANGES["replay"].choice)
    def replay(self, request: HttpRequest, queryset: QuerySet[Entry]) -> HttpResponse:
        """Ask whether to replay entries."""
        return Asking(self, CHANGES["replay"], request).ask_about(queryset)

    @admin.action(permissions=["discard"], description=CHANGES["discard"].choice)
    def discard(self, request: HttpRequest, queryset: QuerySet[Entry]) -> HttpResponse:
        """Ask whether to discard entries."""
        return Asking(self, CHANGES["discard"], request).ask_about(queryset)

    @admin.action(permissions=["purge"], description=CHANGES["purge"].choice)
    def purge(self, request: HttpRequest, queryset: QuerySet[Entry]) -> HttpResponse:
        """Ask whether to purge payloads."""
        return Asking(self, CHANGES["purge"], request).ask_about(queryset)

    # An entry

    def get_urls(self) -> list[URLPattern]:
        """The changes' pages, and payloads to download, beside Django's own."""
        own = [
            path(f"{name}/", self.admin_site.admin_view(partial(self._respond, name)), name=self._url_name(name))
            for name in CHANGES
        ]
        payload = path(
            "<int:pk>/payload/", self.admin_site.admin_view(self.payload_view), name=self._url_name("payload")
        )
        return [*own, payload, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """An entry with its ledger and its payload."""
        entry = self.get_object(request, object_id) if self.has_view_permission(request) else None
        context = {} if entry is None else self._told(request, entry)
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def payload_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The payload as it was received, to the byte; for no browser to show."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        entry = self.get_object(request, str(pk))
        if entry is None or entry.raw_body is None:
            raise Http404
        headers = {
            "Content-Disposition": f'attachment; filename="entry-{entry.pk}.bin"',
            "Content-Security-Policy": "sandbox",
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(bytes(entry.raw_body), content_type="application/octet-stream", headers=headers)

    def _told(self, request: HttpRequest, entry: Entry) -> dict[str, Any]:
        """What the page of an entry shows beside its fields."""
        return {
            "ledger": [
                {"run": run, "handler": spelled_out(run.handler), "badge": _badge(run.state, HandlerRun.State)}
                for run in HandlerRun.objects.using(stored().db).filter(entry=entry).order_by("handler")
            ],
            "payload": None if entry.raw_body is None else payload_text(bytes(entry.raw_body)),
            "headers": [
                (spelled_out(name), spelled_out(str(value)))
                for name, value in sorted(json.loads(entry.headers).items())
            ],
            "changes": [change for change in CHANGES.values() if self.may(change.name, request)],
        }

    def _respond(self, name: str, request: HttpRequest) -> HttpResponse:
        return Asking(self, CHANGES[name], request).respond()

    def _url_name(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    # What is shown of an entry

    @admin.display(description=_("event"))
    def event(self, entry: Entry) -> SafeString:
        """Type and id."""
        return format_html(
            '<span class="lch-type">{}</span> <span class="lch-id">{}</span>',
            spelled_out(entry.event_type),
            spelled_out(entry.event_id),
        )

    @admin.display(description=_("state"))
    def badge(self, entry: Entry) -> SafeString:
        """The state, coloured."""
        return _badge(entry.state, Entry.State)

    @admin.display(description=_("state"))
    def state_and_error(self, entry: Entry) -> SafeString:
        """The state, and in a word what went wrong last."""
        error = (
            format_html('<span class="lch-error">{}</span>', spelled_out(entry.error_code)) if entry.error_code else ""
        )
        return format_html("{}{}", _badge(entry.state, Entry.State), error)

    @admin.display(description=_("license"))
    def license(self, entry: Entry) -> SafeString:
        """Which license it is about."""
        return format_html('<span class="lch-license">{}</span>', spelled_out(entry.license_id or _NOTHING))

    @admin.display(description=_("endpoint"))
    def endpoint_name(self, entry: Entry) -> str:
        """Where it came to."""
        return spelled_out(entry.endpoint)

    @admin.display(description=_("received at"), ordering=FIELD)
    def received(self, entry: Entry) -> Any:
        """When it came."""
        return entry.received_at

    @admin.display(description=_("event type"))
    def event_type_text(self, entry: Entry) -> str:
        """Its type."""
        return spelled_out(entry.event_type)

    @admin.display(description=_("event id"))
    def event_id_text(self, entry: Entry) -> str:
        """Its id."""
        return spelled_out(entry.event_id)

    @admin.display(description=_("ordering key"))
    def key(self, entry: Entry) -> str:
        """What it is held in order by."""
        return spelled_out(entry.ordering_key or _NOTHING)

    @admin.display(description=_("variant"))
    def variant_text(self, entry: Entry) -> str:
        """Of a conflict: which."""
        return spelled_out(entry.variant or _NOTHING)

    @admin.display(description=_("error code"))
    def error_code_text(self, entry: Entry) -> str:
        """Of the last attempt that failed."""
        return spelled_out(entry.error_code or _NOTHING)

    @admin.display(description=_("last error"))
    def error_text(self, entry: Entry) -> SafeString:
        """All that is known of it."""
        return format_html('<span class="lch-text">{}</span>', spelled_out(entry.error, keep="\n"))


def _has(entry: Entry | None, field: str) -> bool:
    return field not in _MAY_LACK or bool(getattr(entry, _MAY_LACK[field], None))


def _badge(state: str, states: type[TextChoices]) -> SafeString:
    label = dict(states.choices).get(state, state)
    return format_html('<span class="lch-state lch-{}">{}</span>', state, label)
