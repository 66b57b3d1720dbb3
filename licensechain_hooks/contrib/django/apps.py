"""The app."""

from django.apps import AppConfig
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
        """Register the system checks, and import ``webhooks.py`` of every app, so that its handlers register.

        Where a task queue runs them, this is also where its workers learn of their task.
        """
        from licensechain_hooks.contrib.django import checks  # noqa: PLC0415 - needs the apps
        from licensechain_hooks.contrib.django._reading import prepare_queue  # noqa: PLC0415

        checks.register(self.label)
        autodiscover_modules("webhooks")
        prepare_queue()
