"""The settings: one dict, ``LICENSECHAIN_HOOKS``, and the receivers that are built from it.

It is read late, so ``override_settings`` works, and checked whole: ``manage.py check`` tells of each key that is
unknown or whose value cannot work. The keys are the names of the attributes of `HookSettings` in capitals::

    LICENSECHAIN_HOOKS = {"SECRETS": [env("LICENSECHAIN_WEBHOOK_SECRET")], "PROCESSING": "worker"}

Without ``SECRETS`` the environment has them: ``LICENSECHAIN_WEBHOOK_SECRET``, a comma list, newest first, or
``LICENSECHAIN_WEBHOOK_SECRET_FILE``, a file with one on each line.

Several endpoints have secrets and limits of their own, and share an inbox, a worker and the handlers, which may say
``@on(…, endpoint="eu")``::

    LICENSECHAIN_HOOKS = {
        "TOLERANCE": timedelta(seconds=60),  # of each that does not say otherwise
        "ENDPOINTS": {
            "eu": {"SECRETS": [env("EU_SECRET")]},
            "us": {"SECRETS": [env("US_SECRET")], "PROFILE": "compat"},
        },
    }

Included at ``webhooks/licensechain/``, `urls` then takes their deliveries at ``webhooks/licensechain/eu/`` and
``webhooks/licensechain/us/``. Their environment variables are ``LICENSECHAIN_WEBHOOK_SECRET_EU`` and so on.

For tenants ``SECRETS`` is a callable, sync or async, or the dotted path of one: it is given the `HookRequest` of each
delivery and returns the secrets of its tenant; see `Endpoint`.
"""

import threading

from django.core.signals import setting_changed

from licensechain_hooks import ConfigurationError, Receiver
from licensechain_hooks.contrib.django._reading import endpoint_names, problems, read_settings
from licensechain_hooks.contrib.django._receivers import Receivers, stand_in
from licensechain_hooks.contrib.django._values import SETTING, EndpointSettings, HookSettings

__all__ = [
    "EndpointSettings",
    "HookSettings",
    "Receivers",
    "endpoint_names",
    "get_receiver",
    "get_receivers",
    "get_settings",
    "problems",
    "receiver_or_stand_in",
]

_lock = threading.RLock()  # reentrant: a dotted path may lead to a module that asks for the receiver
_receivers: Receivers | None = None


def get_settings() -> HookSettings:
    """The settings as they are now.

    Raises:
        ConfigurationError: an unknown key, or a value of a wrong type.
    """
    return read_settings()


def get_receivers() -> Receivers:
    """The receivers of this process, their inbox and their worker; new ones once the settings have changed.

    Raises:
        ConfigurationError: see `get_settings`.
    """
    global _receivers  # noqa: PLW0603
    receivers = _receivers
    if receivers is None:
        with _lock:
            receivers = _receivers = _receivers or Receivers(get_settings())
    return receivers


def get_receiver(name: str | None = None) -> Receiver:
    """The receiver of an endpoint; built at the first call.

    Args:
        name: the endpoint's; not needed where there is one.

    Raises:
        ConfigurationError: says which setting and why; no endpoint of that name.
    """
    return get_receivers().get(name)


def receiver_or_stand_in(name: str | None = None) -> Receiver:
    """`get_receiver`; where it cannot be built, a receiver that tells the log why and the sender to come back."""
    try:
        return get_receiver(name)
    except ConfigurationError as exc:
        return stand_in(exc)


def _forget_receivers(*, setting: str, **_: object) -> None:
    global _receivers  # noqa: PLW0603
    if setting == SETTING:
        _receivers = None


setting_changed.connect(_forget_receivers)
