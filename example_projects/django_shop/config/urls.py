"""The shop's addresses."""

from django.contrib import admin
from django.urls import include, path
from shop.views import seat

urlpatterns = [
    path("admin/", admin.site.urls),
    path("seats/<int:pk>/", seat),
    path("webhooks/licensechain/", include("licensechain_hooks.contrib.django.urls")),
]
