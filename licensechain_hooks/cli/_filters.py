"""The options that say which entries of an inbox are meant."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from licensechain_hooks._entries import ENTRY_STATES, EntryFilter
from licensechain_hooks.cli._times import moment
from licensechain_hooks.operations.filters import ChoiceError, make_filter

__all__ = ["as_usage_error", "filter_options", "usual_filter"]

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--state", "states", type=click.Choice(ENTRY_STATES), multiple=True, help="May be given repeatedly."),
    click.option("--type", "event_type", metavar="TYPE", help="An event type, or a wildcard such as 'license.*'."),
    click.option("--since", type=moment, metavar="TIME", help="Received then or later: RFC 3339, or 2h, 3d (ago)."),
    click.option("--until", type=moment, metavar="TIME", help="Received before."),
    click.option("--license", "license_id", metavar="ID", help="About this license."),
    click.option("--event-id", metavar="ID", help="Of this event."),
    click.option("--endpoint", metavar="NAME", help="Received at the endpoint of this name."),
)


def filter_options(function: _F) -> _F:
    """Add the options to a command, which passes what it gets to `usual_filter`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def usual_filter(**given: Any) -> EntryFilter:
    """The filter that the options mean.

    Raises:
        click.UsageError: no event can be of this type.
    """
    with as_usage_error():
        return make_filter(**given)


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Say what makes no sense as click does.

    Raises:
        click.UsageError: for a `ChoiceError`.
    """
    try:
        yield
    except ChoiceError as exc:
        raise click.UsageError(str(exc)) from exc
