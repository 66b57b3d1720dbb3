"""The fixture ``webhooks`` for pytest with pytest-django; see `licensechain_hooks.contrib.django.test`."""

from collections.abc import Iterator

import pytest

from licensechain_hooks.contrib.django.test import WebhookClient, webhook_settings

__all__ = ["webhooks"]


@pytest.fixture
def webhooks(db: None) -> Iterator[WebhookClient]:  # noqa: ARG001 - pytest-django's
    """Delivers events to the project, and runs its handlers; everything is undone after the test."""
    with webhook_settings():
        yield WebhookClient()
