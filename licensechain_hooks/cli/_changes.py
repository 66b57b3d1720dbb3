"""Changing many entries at once: say what would happen, ask, do it, say what was done."""

import sys
from dataclasses import dataclass

import click

from licensechain_hooks._entries import EntryFilter
from licensechain_hooks._stores import Inbox
from licensechain_hooks.cli._output import echo, echo_json, note
from licensechain_hooks.operations.changes import (
    Change,
    announce_purge,
    purge_facts,
    run_purge,
    spell_purged,
)
from licensechain_hooks.operations.progress import progress

__all__ = ["Question", "make_change", "purge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Asks before anything is changed.

    Raises:
        click.UsageError: nobody is there to be asked, and ``yes`` does not say so beforehand.
    """

    yes: bool

    def __post_init__(self) -> None:
        """Refuse at once: before a database is opened."""
        if not self.yes and not _can_ask():
            msg = "there is no terminal to ask at whether to go on; --yes answers it"
            raise click.UsageError(msg)

    def allows(self, what: str) -> bool:
        """Whether to go on; says what would happen."""
        if self.yes:
            return True
        note(what)
        if click.confirm("Go on?", err=True):
            return True
        note("nothing was changed")
        return False


def make_change(change: Change, inbox: Inbox, wanted: EntryFilter, question: Question, *, as_json: bool) -> int:
    """Change entries, once it is agreed to; the exit code."""
    plan = change.plan(inbox, wanted)
    for line in plan.refused:
        note(line)
    if plan.matching and not question.allows(plan.announcement):
        return 1
    changed = change.apply(inbox, plan.chosen) if plan.matching else 0
    if as_json:
        echo_json(change.facts(plan, changed))
    else:
        text, rest = change.tell(plan, changed)
        echo(text)
        if rest:
            note(rest)
    return 1 if plan.refused else 0


def purge(inbox: Inbox, question: Question, *, as_json: bool) -> int:
    """Delete what is past its retention, once it is agreed to; the exit code."""
    if not question.allows(announce_purge(inbox)):
        return 1
    with progress("purging", note) as tell:
        purged = run_purge(inbox.purge(), tell)
    if as_json:
        echo_json(purge_facts(purged))
    else:
        echo(f"deleted {spell_purged(purged)}")
    return 0


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
