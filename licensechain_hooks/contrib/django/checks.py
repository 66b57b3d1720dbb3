"""System checks: ``manage.py check`` and every start of a server tell what would fail at the first delivery."""

from typing import Any

from django.core import checks
from django.db import connections

from licensechain_hooks import ConfigurationError, Endpoint, Hooks, UnknownEvent
from licensechain_hooks.contrib.django.conf import Receivers, get_settings, problems
from licensechain_hooks.contrib.django.signals import signals_with_receivers

__all__ = ["check_database", "check_handlers", "check_settings"]

_SHORTEST_SECRET = 16  # characters


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001: ``LICENSECHAIN_HOOKS`` cannot work. W001: a signing secret is short enough to be guessed."""
    msg = "LICENSECHAIN_HOOKS cannot work: LicenseChain's deliveries are answered 503."
    if found := problems():
        return [checks.Error(msg, hint=str(error), id="licensechain_hooks.E001") for error in found]
    try:
        endpoints = [receiver.endpoint for receiver in Receivers(get_settings()).every()]
    except ConfigurationError as error:
        return [checks.Error(msg, hint=str(error), id="licensechain_hooks.E001")]
    if min(map(_shortest, endpoints)) < _SHORTEST_SECRET:
        msg = f"A signing secret has fewer than {_SHORTEST_SECRET} characters."
        hint = "Whoever guesses it can forge events; let LicenseChain generate one."
        return [checks.Warning(msg, hint=hint, id="licensechain_hooks.W001")]
    return []


def check_database(**_: Any) -> list[checks.CheckMessage]:
    """W003, with ``check --deploy``: deliveries and readers of a SQLite file wait for each other."""
    try:
        settings = get_settings()
        if settings.processing == "inline" or Receivers(settings).inbox.many_writers:
            return []
    except ConfigurationError:
        return []  # E001 tells
    options = connections.settings[settings.database]["OPTIONS"]
    if "wal" in str(options.get("init_command", "")).lower():
        return []
    msg = f"The database {settings.database!r}, which deliveries are stored in, is SQLite without a write-ahead log."
    hint = 'Set its OPTIONS to {"init_command": "PRAGMA journal_mode=WAL;", "transaction_mode": "IMMEDIATE"}.'
    return [checks.Warning(msg, hint=hint, id="licensechain_hooks.W003")]


def check_handlers(**_: Any) -> list[checks.CheckMessage]:
    """W002: nothing listens."""
    try:
        hooks = get_settings().hooks
    except ConfigurationError:
        return []  # E001 tells
    if _listens(hooks) or signals_with_receivers():
        return []
    msg = "No handler and no signal receiver listens for LicenseChain's events: all of them are ignored."
    hint = "Register handlers in an app's webhooks.py, with `from licensechain_hooks import on`."
    return [checks.Warning(msg, hint=hint, id="licensechain_hooks.W002")]


def _shortest(endpoint: Endpoint) -> float:
    secrets: Any = endpoint.secrets
    return float("inf") if callable(secrets) else min(len(secret.get_secret_value()) for secret in secrets)


def _listens(hooks: Hooks) -> bool:
    """Whether there is a handler or a fallback, which an event of no known type finds."""
    fields = {"id": "check", "type": "check.check", "timestamp": "2024-01-01T00:00:00Z", "data": {}}
    return any(True for _ in hooks.handlers()) or bool(hooks.handlers_for(UnknownEvent.model_validate(fields)))
