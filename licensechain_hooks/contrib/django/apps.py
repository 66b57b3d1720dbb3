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
        from licensechain_hooks.contrib.django.checks import check_handlers, check_settings  # noqa: PLC0415

        checks.register(check_settings, self.label)
        checks.register(check_handlers, self.label)
        autodiscover_modules("webhooks")
