"""Which entries of an inbox are meant."""

import re
from collections.abc import Sequence
from datetime import datetime

from licensechain_hooks._entries import EntryFilter, EntryState
from licensechain_hooks.events import canonical_type
from licensechain_hooks.operations.words import either

__all__ = ["ChoiceError", "choose", "make_filter"]

_PATTERN = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)*\.(\*|[a-z0-9_]+)")


class ChoiceError(ValueError):
    """What was asked for makes no sense; the text says which option and why."""


def make_filter(
    *,
    pks: Sequence[int] = (),
    states: Sequence[EntryState] = (),
    event_type: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    license_id: str | None = None,
    event_id: str | None = None,
    endpoint: str | None = None,
) -> EntryFilter:
    """The filter that the options of a command mean.

    Raises:
        ChoiceError: no event can be of this type.
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
        ChoiceError: nothing says which entries, or a state it cannot be done with.
    """
    if wanted == EntryFilter():
        msg = f"{action} which? Give numbers of entries, or filters such as --state dead or --since 2h"
        raise ChoiceError(msg)
    allowed = (*usual, *forced) if force else usual
    for state in wanted.states or ():
        if state in forced and state not in allowed:
            msg = f"--state {state}: only {either(usual)} entries are {action}ed without --force"
            raise ChoiceError(msg)
        if state not in allowed:
            msg = f"--state {state}: only {either((*usual, *forced))} entries can be {action}ed"
            raise ChoiceError(msg)
    return wanted.states or allowed


def _type(pattern: str | None) -> str | None:
    if pattern is None or pattern == "*":
        return None
    if _PATTERN.fullmatch(pattern) is None:
        msg = f"--type: {pattern!r} is no event type; they look like 'license.revoked' or 'license.*'"
        raise ChoiceError(msg)
    return pattern if pattern.endswith("*") else canonical_type(pattern)
