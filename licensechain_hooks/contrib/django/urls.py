"""The URLs of deliveries.

To be included::

    path("webhooks/licensechain/", include("licensechain_hooks.contrib.django.urls"))

Deliveries arrive at exactly that path, slash and all. Where the settings name several ``ENDPOINTS``, those of each
arrive below it, at ``webhooks/licensechain/eu/``: ``reverse("licensechain_hooks:endpoint", args=["eu"])``.
"""

from licensechain_hooks.contrib.django._routes import routes
from licensechain_hooks.contrib.django.views import webhook

__all__ = ["app_name", "urlpatterns"]

app_name = "licensechain_hooks"
urlpatterns = routes(webhook)
