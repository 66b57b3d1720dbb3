"""How an inbox does, and whether somebody has to look at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from licensechain_hooks._entries import EntryState, InboxStats
from licensechain_hooks.operations.words import spell_count, spell_duration

__all__ = ["TROUBLE", "InboxStatus"]

TROUBLE: frozenset[EntryState] = frozenset({"failed", "dead", "conflict"})
"""The states that somebody may have to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxStatus:
    """An inbox at one moment.

    Attributes:
        states: how many entries are in each state.
        due: how many wait for a worker.
        waiting: how long the first of them has; ``None`` where none does.
        findings: what somebody has to look at.
    """

    states: Mapping[EntryState, int]
    due: int
    waiting: timedelta | None
    findings: tuple[str, ...]

    @classmethod
    def of(cls, stats: InboxStats, *, max_age: timedelta, look: str) -> Self:
        """The status now.

        Args:
            stats: what the inbox says.
            max_age: an entry that has waited for longer is a finding.
            look: where to look at dead letters.
        """
        waiting = None if stats.oldest_due_at is None else max(timedelta(0), datetime.now(UTC) - stats.oldest_due_at)
        findings = []
        if dead := stats.states["dead"]:
            findings.append(f"{spell_count(dead, 'dead letter')}: {look}")
        if waiting is not None and waiting > max_age:
            age = spell_duration(waiting)
            findings.append(f"an entry has been due for {age}, longer than {spell_duration(max_age)}: is a worker up?")
        return cls(states=stats.states, due=stats.due, waiting=waiting, findings=tuple(findings))

    @property
    def rows(self) -> list[tuple[str, str]]:
        """A table of states and numbers."""
        return [(state, f"{number:,}") for state, number in self.states.items()]

    @property
    def good(self) -> list[bool]:
        """For each row whether nobody has to look at it."""
        return [not number or state not in TROUBLE for state, number in self.states.items()]

    @property
    def backlog(self) -> str:
        """What waits, in words."""
        since = "" if self.waiting is None else f", the first for {spell_duration(self.waiting)}"
        return f"{spell_count(self.due, 'entry')} due{since}"

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "ok": not self.findings,
            "states": dict(self.states),
            "due": self.due,
            "oldest_due_seconds": None if self.waiting is None else round(self.waiting.total_seconds(), 3),
            "dead_letters": self.states["dead"],
            "findings": list(self.findings),
        }
