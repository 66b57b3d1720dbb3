"""What is told at every start: settings that cannot work, and handlers that wait in vain."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings as django_settings
from django.db import router

from licensechain_hooks import ConfigurationError, Endpoint, Hooks, UnknownEvent, closest_event_type
from licensechain_hooks.contrib.django.checks._check import Check, Project
from licensechain_hooks.contrib.django.conf import EndpointSettings, HookSettings, Receivers, problems
from licensechain_hooks.contrib.django.models import Entry
from licensechain_hooks.contrib.django.signals import signals_with_receivers, types_with_signals

__all__ = ["CHECKS"]

_SHORTEST_SECRET = 16  # characters
_ANY_SECRET = ("0" * 32,)  # to see whether all else can work
_LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1", "testserver", ".localhost"}


def _cannot_work(project: Project) -> Iterator[str]:
    """A key is unknown, or a value is of a wrong type or contradicts another one; there is a message for each."""
    found = problems()
    yield from map(str, found)
    if project.settings is None:
        return
    settings = project.settings
    if _is_short(settings):  # which is told of by itself
        settings = replace(settings, retention=None, payload_retention=None)
    receivers = Receivers(settings)
    endpoints = [replace(endpoint, secrets=_ANY_SECRET) for endpoint in settings.each_endpoint]
    yield from dict.fromkeys(hint for endpoint in endpoints for hint in _told(partial(receivers.build, endpoint)))


def _secret(project: Project) -> Iterator[str]:
    """Whoever knows the secret can sign events, so nothing is taken without one, or with one out of a document."""
    for endpoint in _each(project):
        if not any(True for _ in _told(replace(endpoint, secrets=_ANY_SECRET).endpoint)):
            yield from _told(endpoint.endpoint)


def _retention(project: Project) -> Iterator[str]:
    """An event that is forgotten while it could still be verified would run again: a replay attack needs no more."""
    if project.settings is not None and project.stores:
        for endpoint in _short(project.settings):
            needed = endpoint.max_event_age
            least = "None: its events never expire" if needed is None else f"{needed + endpoint.tolerance} at least"
            yield f"Set RETENTION to {least}, or lower MAX_EVENT_AGE of the endpoint {endpoint.name!r}."


def _short_secret(project: Project) -> Iterator[str]:
    """A signing secret is a key: a short one can be guessed from any delivery somebody has seen."""
    for endpoint in _each(project):
        try:
            built = endpoint.endpoint()
        except ConfigurationError:
            continue
        if _shortest(built) < _SHORTEST_SECRET:
            yield f"{endpoint.place}: whoever guesses it can forge events; let LicenseChain generate one."


def _nobody_listens(project: Project) -> Iterator[str]:
    """Without a handler and without a receiver of a signal every event is acknowledged and ignored."""
    if project.settings is not None and not (_listens(project.settings.hooks) or signals_with_receivers()):
        yield "Register handlers in an app's webhooks.py, with `from licensechain_hooks import on`."


def _misspelt(project: Project) -> Iterator[str]:
    """LicenseChain sends no such event, and a known one is called almost so."""
    if project.settings is None:
        return
    registered = {
        pattern: handler.name for handler in project.settings.hooks.handlers() for pattern in handler.patterns
    }
    for pattern, name in {**dict.fromkeys(types_with_signals(), "event_signal"), **registered}.items():
        meant = closest_event_type(pattern)
        if meant is not None:
            yield f"{name} listens for {pattern!r}: did you mean {meant!r}?"


def _debug(project: Project) -> Iterator[str]:
    """With DEBUG an error page shows a request and the variables around it, and every query is kept in memory."""
    hosts = [host for host in django_settings.ALLOWED_HOSTS if host not in _LOCAL and not host.endswith(".localhost")]
    if django_settings.DEBUG and hosts and project.settings is not None:
        yield f"Set DEBUG to False, or take {', '.join(map(repr, hosts))} out of ALLOWED_HOSTS."


def _elsewhere(project: Project) -> Iterator[str]:
    """``Entry.objects`` would look into another database than the one that deliveries are stored in."""
    if project.database is not None and project.stores and router.db_for_read(Entry) != project.database.alias:
        yield (
            f"Add 'licensechain_hooks.contrib.django.routers.InboxRouter' to DATABASE_ROUTERS, and run "
            f"`manage.py migrate --database {project.database.alias}`."
        )


def _each(project: Project) -> tuple[EndpointSettings, ...]:
    return () if project.settings is None else project.settings.each_endpoint


def _told(work: Any) -> Iterator[str]:
    try:
        work()
    except ConfigurationError as error:
        yield str(error)


def _short(settings: HookSettings) -> Iterator[EndpointSettings]:
    for endpoint in settings.each_endpoint:
        age = endpoint.max_event_age
        if settings.retention is not None and (age is None or settings.retention < age + endpoint.tolerance):
            yield endpoint


def _is_short(settings: HookSettings) -> bool:
    return any(True for _ in _short(settings))


def _shortest(endpoint: Endpoint) -> float:
    secrets: Any = endpoint.secrets
    return float("inf") if callable(secrets) else min(len(secret.get_secret_value()) for secret in secrets)


def _listens(hooks: Hooks) -> bool:
    """Whether there is a handler or a fallback, which an event of no known type finds."""
    fields = {"id": "check", "type": "check.check", "timestamp": "2024-01-01T00:00:00Z", "data": {}}
    return any(True for _ in hooks.handlers()) or bool(hooks.handlers_for(UnknownEvent.model_validate(fields)))


CHECKS = (
    Check(
        id="licensechain_hooks.E001",
        level="error",
        when="always",
        message="LICENSECHAIN_HOOKS cannot work: LicenseChain's deliveries are answered 503.",
        find=_cannot_work,
    ),
    Check(
        id="licensechain_hooks.E002",
        level="error",
        when="always",
        message="There is no signing secret to verify deliveries with: they are answered 503.",
        find=_secret,
    ),
    Check(
        id="licensechain_hooks.E003",
        level="error",
        when="always",
        message="Events are forgotten before they are too old to be accepted: deliveries are answered 503.",
        find=_retention,
    ),
    Check(
        id="licensechain_hooks.W001",
        level="warning",
        when="always",
        message=f"A signing secret has fewer than {_SHORTEST_SECRET} characters.",
        find=_short_secret,
    ),
    Check(
        id="licensechain_hooks.W002",
        level="warning",
        when="always",
        message="No handler and no signal receiver listens for LicenseChain's events: all of them are ignored.",
        find=_nobody_listens,
    ),
    Check(
        id="licensechain_hooks.W003",
        level="warning",
        when="always",
        message="A handler listens for an event type that LicenseChain does not send.",
        find=_misspelt,
    ),
    Check(
        id="licensechain_hooks.W004",
        level="warning",
        when="always",
        message="DEBUG is on, and ALLOWED_HOSTS lets others in than this machine.",
        find=_debug,
    ),
    Check(
        id="licensechain_hooks.W012",
        level="warning",
        when="always",
        message="The inbox is in another database than the ORM looks for it.",
        find=_elsewhere,
    ),
)
