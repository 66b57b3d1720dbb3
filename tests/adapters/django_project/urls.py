"""The project's URLs: deliveries at several paths, and views beside them that nothing exempts."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from licensechain_hooks.contrib.django.conf import get_receiver
from licensechain_hooks.contrib.django.views import (
    async_health_view,
    async_webhook,
    to_django_response,
    to_hook_request,
)


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


@api_view(["POST"])
@permission_classes([AllowAny])
def rest(request: Request) -> HttpResponse:
    if "parse" in request.query_params:
        assert request.data
    return to_django_response(get_receiver().receive(to_hook_request(request)))


urlpatterns = [
    path("sync/", include("licensechain_hooks.contrib.django.urls")),
    path("async/", include("licensechain_hooks.contrib.django.async_urls", namespace="asynchronous")),
    path("sync/<slug:tenant>/", include("licensechain_hooks.contrib.django.urls", namespace="tenants")),
    path("async/<slug:tenant>/", async_webhook),
    path("sync-health/", include("licensechain_hooks.contrib.django.health_urls")),
    path("async-health/", async_health_view()),
    path("async-health/live/", async_health_view(probe="live")),
    path("admin/", admin.site.urls),
    path("plain/", plain),
    path("rest/", rest),
]
