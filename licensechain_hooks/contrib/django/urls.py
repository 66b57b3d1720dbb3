"""The URLs, to be included: ``path("webhooks/licensechain/", include("licensechain_hooks.contrib.django.urls"))``.

Deliveries arrive at exactly that path, slash and all.
"""

from django.urls import path

from licensechain_hooks.contrib.django.views import webhook

__all__ = ["app_name", "urlpatterns"]

app_name = "licensechain_hooks"
urlpatterns = [path("", webhook, name="webhook")]
