"""The app."""

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import autodiscover_modules

__all__ = ["LicenseChainHooksConfig"]


class LicenseChainHooksConfig(AppConfig):
    """LicenseChain's webhooks in a Django project."""

    name = "licensechain_hooks.contrib.django"
    label = "licensechain_hooks"
    verbose_name = "LicenseChain webhooks"
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def ready(self) -> None:
        """Register the system checks, and import ``webhooks.py`` of every app, so that its handlers register."""
        from licensechain_hooks.contrib.django.checks import (  # noqa: PLC0415
            check_database,
            check_handlers,
            check_settings,
        )

        checks.register(check_settings, self.label)
        checks.register(check_handlers, self.label)
        checks.register(check_database, self.label, deploy=True)
        autodiscover_modules("webhooks")
