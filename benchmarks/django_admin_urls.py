"""The admin that is measured, and a plain one beside it."""

from django.contrib import admin
from django.urls import path

from licensechain_hooks.contrib.django.models import Entry

_plain = admin.AdminSite("plain")
_plain.register(
    Entry,
    list_display=("event_type", "event_id", "state", "license_id", "endpoint", "received_at", "attempts"),
    list_filter=("state", ("event_type", admin.AllValuesFieldListFilter), ("endpoint", admin.AllValuesFieldListFilter)),
    date_hierarchy="received_at",
    search_fields=("event_id", "license_id", "event_type"),
)
admin.autodiscover()
urlpatterns = [path("admin/", admin.site.urls), path("plain/", _plain.urls)]
