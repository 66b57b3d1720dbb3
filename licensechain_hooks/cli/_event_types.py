"""Which event types a webhook is to have: those that are named, or those that an application's handlers listen for."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from licensechain_hooks import ConfigurationError, Hooks, Receiver
from licensechain_hooks.cli._app import load_app
from licensechain_hooks.cli._output import note, printable
from licensechain_hooks.operations.words import spell_count

__all__ = ["EventTypes", "app_types", "events_options", "given_types", "named_types"]

_F = TypeVar("_F", bound=Callable[..., Any])

_APP_HELP = (
    "Those that the handlers of this application listen for: Hooks, a Receiver, a Worker, a Flask app, or Django's "
    "ASGI or WSGI application."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypes:
    """Event types, and what wildcards came to.

    Attributes:
        types: canonical where a handler asks for them, as they were spelled where a person does.
        wildcards: the known types that each wildcard stands for.
    """

    types: tuple[str, ...]
    wildcards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def tell(self) -> None:
        """Say beside the results what the wildcards mean."""
        for wildcard, types in self.wildcards.items():
            note(f"{wildcard} stands for the {spell_count(len(types), 'type')} of it that this version knows")
        if self.wildcards:
            note("LicenseChain knows no wildcards: a type it adds later needs its own name here, or a newer version")


def events_options(function: _F) -> _F:
    """``--events`` and ``--app``."""
    events = click.option(
        "--events",
        metavar="TYPE,TYPE…",
        multiple=True,
        help="Event types; 'license.*' and '*' stand for those that this version knows.",
    )
    return events(click.option("--app", metavar="MODULE:NAME", help=_APP_HELP)(function))


def given_types(events: Sequence[str], app: str | None) -> EventTypes | None:
    """What ``--events`` or ``--app`` mean; ``None`` where neither is given.

    Raises:
        click.UsageError: both are, or one leads nowhere.
    """
    if events and app is not None:
        msg = "--events names the types, --app takes them from an application: give one"
        raise click.UsageError(msg)
    if app is not None:
        return app_types(app)
    return named_types(events) if events else None


def named_types(lists: Iterable[str]) -> EventTypes:
    """The types that comma lists name, in their order.

    Raises:
        click.UsageError: no event can be of one of them.
    """
    names = [name.strip() for names in lists for name in names.split(",") if name.strip()]
    if not names:
        msg = "--events: name at least one event type, such as license.revoked"
        raise click.UsageError(msg)
    wildcards = {name: _checked(name) for name in names}
    types = [spelled for name in names for spelled in (wildcards[name] if "*" in name else (name,))]
    return EventTypes(
        types=tuple(dict.fromkeys(types)),
        wildcards={name: found for name, found in wildcards.items() if "*" in name},
    )


def app_types(spec: str) -> EventTypes:
    """The types that the handlers of an application listen for, canonical and sorted.

    Of a receiver or a worker those count that listen at its endpoint.

    Raises:
        click.UsageError: there is no such application, or none of its handlers listens for anything.
    """
    hooks, endpoints = _hooks_of(load_app(spec), spec)
    patterns = {
        pattern
        for handler in hooks.handlers()
        if endpoints is None or handler.endpoint is None or handler.endpoint in endpoints
        for pattern in handler.patterns
    }
    with warnings.catch_warnings(action="ignore"):  # it warned when the handler was registered
        expanded = {pattern: _expand(pattern) for pattern in sorted(patterns)}
    types = sorted({name for names in expanded.values() for name in names})
    if not types:
        msg = f"--app: {spec}: no handler listens for a known type; is the module imported that registers them?"
        raise click.UsageError(msg)
    return EventTypes(
        types=tuple(types), wildcards={pattern: names for pattern, names in expanded.items() if "*" in pattern}
    )


def _hooks_of(thing: Any, spec: str) -> tuple[Hooks, tuple[str, ...] | None]:
    from licensechain_hooks.worker import Worker  # noqa: PLC0415 - only who names an application needs it

    if type(thing).__module__.startswith("django.core.handlers."):
        return _hooks_of_django()
    if isinstance(thing, Hooks):
        return thing, None
    if isinstance(thing, Receiver):
        return thing.hooks, (thing.endpoint.name,)
    if isinstance(thing, Worker):
        return thing.hooks, tuple(thing.endpoints)
    msg = f"--app: {spec} is of the type {type(thing).__name__}; what is needed is Hooks, a Receiver or a Worker"
    raise click.UsageError(msg)


def _hooks_of_django() -> tuple[Hooks, tuple[str, ...]]:
    from licensechain_hooks.contrib.django.conf import get_receivers  # noqa: PLC0415 - loads Django

    try:
        receivers = get_receivers()
    except ConfigurationError as exc:
        raise click.ClickException(printable(str(exc))) from exc
    return receivers.hooks, receivers.names


def _checked(name: str) -> tuple[str, ...]:
    try:
        with warnings.catch_warnings(record=True, action="always") as doubts:
            found = _expand(name)
    except ConfigurationError as exc:
        msg = f"--events: {printable(str(exc))}"
        raise click.UsageError(msg) from exc
    for doubt in doubts:
        note(f"--events: {doubt.message}")
    if not found or len(name) > 100:
        msg = (
            f"--events: {name!r} is longer than 100 characters"
            if found
            else f"--events: {name!r} matches no known type"
        )
        raise click.UsageError(msg)
    return found


def _expand(pattern: str) -> tuple[str, ...]:
    """What a pattern stands for, in the words of `Hooks.event_types`."""
    hooks = Hooks()
    hooks.on(pattern)(_nothing)
    return hooks.event_types()


def _nothing(_event: Any) -> None:
    """A handler for a pattern to belong to."""
