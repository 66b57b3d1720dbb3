"""The options that say which entries of an inbox are meant."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from licensechain_hooks import canonical_type
from licensechain_hooks._stores import ENTRY_STATES, EntryFilter, EntryState
from licensechain_hooks.cli._times import moment

__all__ = ["choose", "filter_options", "make_filter"]

_F = TypeVar("_F", bound=Callable[..., Any])

_PATTERN = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)*\.(\*|[a-z0-9_]+)")
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
    """Add the options to a command, which passes what it gets to `make_filter`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_filter(
    *,
    pks: Sequence[int] = (),
    states: Sequence[EntryState],
    event_type: str | None,
    since: datetime | None,
    until: datetime | None,
    license_id: str | None,
    event_id: str | None,
    endpoint: str | None,
) -> EntryFilter:
    """The filter that the options mean.

    Raises:
        click.UsageError: no event can be of this type.
    """
    return EntryFilter(
        pks=tuple(pks) or None,
        states=tuple(states) or None,
        event_type=_type(event_type),
        since=since,
        until=until,
        license_id=license_id,
        event_id=event_id,
        endpoint=endpoint,
    )


def choose(
    action: str, wanted: EntryFilter, *, usual: tuple[EntryState, ...], forced: tuple[EntryState, ...], force: bool
) -> tuple[EntryState, ...]:
    """The states of the entries that something is to be done with.

    Args:
        action: what, for messages.
        wanted: as it was asked for.
        usual: the states it may be done with.
        forced: those it may be done with under ``--force`` only.
        force: whether that was given.

    Raises:
        click.UsageError: nothing says which entries, or a state it cannot be done with.
    """
    if wanted == EntryFilter():
        msg = f"{action} which? Give numbers of entries, or filters such as --state dead or --since 2h"
        raise click.UsageError(msg)
    allowed = (*usual, *forced) if force else usual
    for state in wanted.states or ():
        if state in forced and state not in allowed:
            msg = f"--state {state}: only {_either(usual)} entries are {action}ed without --force"
            raise click.UsageError(msg)
        if state not in allowed:
            msg = f"--state {state}: only {_either((*usual, *forced))} entries can be {action}ed"
            raise click.UsageError(msg)
    return wanted.states or allowed


def _type(pattern: str | None) -> str | None:
    if pattern is None or pattern == "*":
        return None
    if _PATTERN.fullmatch(pattern) is None:
        msg = f"--type: {pattern!r} is no event type; they look like 'license.revoked' or 'license.*'"
        raise click.UsageError(msg)
    return pattern if pattern.endswith("*") else canonical_type(pattern)


def _either(states: Sequence[str]) -> str:
    *others, last = states
    return f"{', '.join(others)} and {last}" if others else last
