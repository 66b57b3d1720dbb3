"""Changing many entries at once: what would happen, and what was done."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from licensechain_hooks._entries import EntryFilter, EntryState, Purged
from licensechain_hooks._stores import Inbox
from licensechain_hooks.operations.filters import choose
from licensechain_hooks.operations.words import spell_count, spell_duration

__all__ = ["Change", "Plan", "announce_purge", "discarding", "purge_facts", "replaying", "run_purge", "spell_purged"]

_FAILED: tuple[EntryState, ...] = ("failed", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a change would do.

    Attributes:
        chosen: the entries.
        counts: how many of them are in each state.
        refused: why entries that were named stay as they are.
        announcement: what would happen, in a sentence.
    """

    chosen: EntryFilter
    counts: Mapping[EntryState, int]
    refused: tuple[str, ...]
    announcement: str

    @property
    def matching(self) -> int:
        """How many entries it would change."""
        return sum(self.counts.values())


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
    apply: Callable[[Inbox, EntryFilter], int]

    def plan(self, inbox: Inbox, wanted: EntryFilter) -> Plan:
        """What it would do."""
        chosen = replace(wanted, states=self.states)
        counts: Mapping[EntryState, int] = {
            state: inbox.count(replace(chosen, states=(state,))) for state in self.states
        }
        return Plan(
            chosen=chosen,
            counts=counts,
            refused=tuple(self._refused(inbox, wanted)),
            announcement=self._announcement(counts),
        )

    def facts(self, plan: Plan, changed: int) -> dict[str, Any]:
        """What was done, for programs."""
        return {
            "action": self.action,
            "matching": plan.matching,
            "changed": changed,
            "refused": len(plan.refused),
        }

    def tell(self, plan: Plan, changed: int) -> tuple[str, str]:
        """What was done, and what was not, for people; the second may be empty."""
        text = f"{self.done} {spell_count(changed, 'entry')}" if plan.matching else "no entry matches"
        if changed >= plan.matching:
            return text, ""
        left = spell_count(plan.matching - changed, "entry")
        return text, f"{left} stayed: the payload is deleted, or the state has changed meanwhile"

    def _refused(self, inbox: Inbox, wanted: EntryFilter) -> list[str]:
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

    def _announcement(self, counts: Mapping[EntryState, int]) -> str:
        parts = [f"{number:,} {state}" for state, number in counts.items() if number]
        return f"{spell_count(sum(counts.values()), 'entry')} ({', '.join(parts)}) will be {self.done}: {self.effect}."


def replaying(wanted: EntryFilter, *, force: bool) -> Change:
    """Running entries again.

    Raises:
        ChoiceError: nothing says which, or a state that cannot be run again.
    """
    return Change(
        action="replay",
        done="replayed",
        effect="all their handlers run again" if force else "the handlers that have not succeeded run again",
        states=choose("replay", wanted, usual=_FAILED, forced=("processed", "ignored"), force=force),
        apply=lambda inbox, chosen: inbox.replay(chosen, force=force),
    )


def discarding(wanted: EntryFilter, *, force: bool) -> Change:
    """Giving entries up.

    Raises:
        ChoiceError: nothing says which, or a state that cannot be given up.
    """
    return Change(
        action="discard",
        done="discarded",
        effect="their handlers do not run any more",
        states=choose("discard", wanted, usual=_FAILED, forced=("received",), force=force),
        apply=lambda inbox, chosen: inbox.discard(chosen),
    )


def announce_purge(inbox: Any) -> str:
    """What a purge would delete, in a sentence."""
    if inbox.retention is None:
        kept = "it keeps entries for ever"
    else:
        kept = f"entries {spell_duration(inbox.retention)} after they were done"
    payload_retention = getattr(inbox, "payload_retention", None)
    if payload_retention is not None:
        kept += f", payloads after {spell_duration(payload_retention)}"
    return f"What is past its retention will be deleted: {kept}. Dead entries stay."


def run_purge(steps: Iterator[Purged], tell: Callable[[str], object]) -> Purged:
    """Delete what is past its retention, and tell from time to time how far that is."""
    purged = Purged()
    for purged in steps:
        tell(spell_purged(purged))
    return purged


def spell_purged(purged: Purged) -> str:
    """How far a purge has come."""
    return f"{spell_count(purged.payloads, 'payload')}, {spell_count(purged.entries, 'entry')}"


def purge_facts(purged: Purged) -> dict[str, Any]:
    """The same for programs."""
    return {"action": "purge", "payloads": purged.payloads, "entries": purged.entries}
