"""URLs for probes, to be included: ``path("healthz/", include("licensechain_hooks.contrib.django.health_urls"))``.

There it answers whether deliveries can be accepted, at ``live/`` below it whether this process works.
"""

from django.urls import path

from licensechain_hooks.contrib.django.views import health, live

__all__ = ["app_name", "urlpatterns"]

app_name = "licensechain_health"
urlpatterns = [path("", health, name="ready"), path("live/", live, name="live")]
