"""What the URLs of several endpoints have in common."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path, register_converter

from licensechain_hooks.contrib.django.conf import endpoint_names

__all__ = ["CAPTURED", "routes"]

CAPTURED = "licensechain_endpoint"
"""What a view is told the endpoint's name as; a project's own pattern may capture an "endpoint" of its own."""


class _EndpointConverter:
    """The names under ``ENDPOINTS`` as they are now; every other path is for the project's other patterns."""

    regex = "[A-Za-z0-9_.-]{1,100}"

    def to_python(self, value: str) -> str:
        if value not in endpoint_names():
            raise ValueError(value)
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(_EndpointConverter, CAPTURED)


def routes(view: Callable[..., Any]) -> list[URLPattern]:
    """The URLs of a view."""
    return [
        path("", view, name="webhook"),
        path(f"<{CAPTURED}:{CAPTURED}>/", view, name="endpoint"),
    ]
