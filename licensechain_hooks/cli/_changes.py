"""Changing many entries at once: say what would happen, ask, do it, say what was done."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from licensechain_hooks._stores import EntryFilter, EntryState, Inbox, Purged
from licensechain_hooks.cli._entries import spell_count
from licensechain_hooks.cli._output import echo, echo_json, note
from licensechain_hooks.cli._progress import progress
from licensechain_hooks.cli._times import spell_duration

__all__ = ["Change", "Question", "purge"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that is done with entries.

    Attributes:
        action, done: the verb and its participle.
        effect: what it does, following the number of entries.
        states: the states of the entries it is done with.
        apply: does it; how many it has been done with.
    """

    action: str
    done: str
    effect: str
    states: tuple[EntryState, ...]
    apply: Callable[[EntryFilter], int]

    def make(self, inbox: Inbox, wanted: EntryFilter, question: Question, *, as_json: bool) -> int:
        """Do it, once it is agreed to; the exit code."""
        refused = self._refused(inbox, wanted)
        for line in refused:
            note(line)
        chosen = replace(wanted, states=self.states)
        counts: Mapping[EntryState, int] = {
            state: inbox.count(replace(chosen, states=(state,))) for state in self.states
        }
        matching = sum(counts.values())
        if matching and not question.allows(self._announcement(counts, matching)):
            return 1
        changed = self.apply(chosen) if matching else 0
        if as_json:
            echo_json({"action": self.action, "matching": matching, "changed": changed, "refused": len(refused)})
        else:
            self._tell(matching, changed)
        return 1 if refused else 0

    def _refused(self, inbox: Inbox, wanted: EntryFilter) -> list[str]:
        """Why entries that were named stay as they are."""
        pks = wanted.pks or ()
        found = {entry.pk: entry for entry in inbox.entries(wanted, limit=len(pks))} if pks else {}
        known = replace(wanted, states=None)
        states = {entry.pk: entry.state for entry in inbox.entries(known, limit=len(pks))} if pks else {}
        missing = [f"{pk}: there is no such entry" for pk in pks if pk not in states]
        unfit = [
            f"{pk}: it is {state}; {self.done} are {' or '.join(self.states)} ones"
            for pk, state in sorted(states.items())
            if pk not in found or state not in self.states
        ]
        return missing + unfit

    def _announcement(self, counts: Mapping[EntryState, int], matching: int) -> str:
        parts = [f"{number:,} {state}" for state, number in counts.items() if number]
        return f"{spell_count(matching, 'entry')} ({', '.join(parts)}) will be {self.done}: {self.effect}."

    def _tell(self, matching: int, changed: int) -> None:
        echo(f"{self.done} {spell_count(changed, 'entry')}" if matching else "no entry matches")
        if changed < matching:
            left = spell_count(matching - changed, "entry")
            note(f"{left} stayed: the payload is deleted, or the state has changed meanwhile")


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def purge(inbox: Inbox, question: Question, *, as_json: bool) -> int:
    """Delete what is past its retention, once it is agreed to; the exit code."""
    if not question.allows(_purge_announcement(inbox)):
        return 1
    purged = _watched(inbox.purge())
    if as_json:
        echo_json({"action": "purge", "payloads": purged.payloads, "entries": purged.entries})
    else:
        echo(f"deleted {_spell_purged(purged)}")
    return 0


def _watched(steps: Iterator[Purged]) -> Purged:
    purged = Purged()
    with progress("purging") as tell:
        for purged in steps:
            tell(_spell_purged(purged))
    return purged


def _purge_announcement(inbox: Any) -> str:
    if inbox.retention is None:
        kept = "it keeps entries for ever"
    else:
        kept = f"entries {spell_duration(inbox.retention)} after they were done"
    payload_retention = getattr(inbox, "payload_retention", None)
    if payload_retention is not None:
        kept += f", payloads after {spell_duration(payload_retention)}"
    return f"What is past its retention will be deleted: {kept}. Dead entries stay."


def _spell_purged(purged: Purged) -> str:
    return f"{spell_count(purged.payloads, 'payload')}, {spell_count(purged.entries, 'entry')}"
