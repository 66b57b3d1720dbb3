"""How an inbox does, and whether somebody has to look at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from licensechain_hooks._stores import EntryState, InboxStats
from licensechain_hooks.cli._entries import TROUBLE, spell_count
from licensechain_hooks.cli._output import echo, paint, show_table
from licensechain_hooks.cli._times import spell_duration

__all__ = ["InboxStatus"]


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
    def of(cls, stats: InboxStats, *, max_age: timedelta) -> Self:
        """The status now; an entry that has waited for longer than ``max_age`` is a finding."""
        waiting = None if stats.oldest_due_at is None else max(timedelta(0), datetime.now(UTC) - stats.oldest_due_at)
        findings = []
        if dead := stats.states["dead"]:
            findings.append(f"{spell_count(dead, 'dead letter')}: licensechain-hooks inbox list --state dead")
        if waiting is not None and waiting > max_age:
            age = spell_duration(waiting)
            findings.append(f"an entry has been due for {age}, longer than {spell_duration(max_age)}: is a worker up?")
        return cls(states=stats.states, due=stats.due, waiting=waiting, findings=tuple(findings))

    def show(self) -> None:
        """Print it for people."""
        rows = [(state, f"{number:,}") for state, number in self.states.items()]
        good = [not number or state not in TROUBLE for state, number in self.states.items()]
        show_table(("state", "entries"), rows, good=good)
        since = "" if self.waiting is None else f", the first for {spell_duration(self.waiting)}"
        echo(f"{spell_count(self.due, 'entry')} due{since}")
        for finding in self.findings:
            echo(paint(finding, good=False))

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
