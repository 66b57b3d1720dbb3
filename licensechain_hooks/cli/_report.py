"""What ``listen`` and ``worker`` print while they run: a line for each delivery and for each attempt that has ended."""

import threading
from collections.abc import Callable
from typing import Any

from licensechain_hooks import HookRequest, Outcome
from licensechain_hooks.cli._output import echo, echo_json, paint, printable
from licensechain_hooks.cli._watched import Attempt
from licensechain_hooks.operations.words import spell_duration

__all__ = ["Report"]

_GOOD = {"processed", "ignored"}


class Report:
    """Prints lines, from any thread.

    Args:
        as_json: one JSON object on each line.

    Attributes:
        stop: called once nobody reads the lines any more.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._broken: BrokenPipeError | None = None
        self.stop: Callable[[], object] = lambda: None

    def begin(self, text: str, facts: dict[str, Any]) -> None:
        """Print the first line."""
        self._print(text, facts)

    def on_outcome(self, outcome: Outcome, _request: HookRequest, seconds: float) -> None:
        """Print the line of a delivery."""
        self._print(_outcome_line(outcome, seconds), _outcome_facts(outcome, seconds))

    def on_attempt(self, attempt: Attempt) -> None:
        """Print the line of an attempt."""
        self._print(_attempt_line(attempt), _attempt_facts(attempt))

    def _print(self, line: str, facts: dict[str, Any]) -> None:
        """Print; where nobody reads it any more, stop."""
        try:
            echo_json(facts) if self.as_json else echo(line)
        except BrokenPipeError as error:
            self._broken = error
            threading.Thread(target=self.stop, daemon=True).start()

    def end(self) -> None:
        """Say that stdout broke, if it did.

        Raises:
            BrokenPipeError: which click ends quietly with.
        """
        if self._broken is not None:
            raise self._broken


def _outcome_facts(outcome: Outcome, seconds: float) -> dict[str, Any]:
    return {
        "outcome": outcome.name,
        "status": outcome.status,
        "type": None if outcome.event is None else outcome.event.type,
        "id": None if outcome.event is None else outcome.event.id,
        "ms": round(seconds * 1000, 3),
        "reason": outcome.reason or None,
        "detail": None if outcome.error is None else str(outcome.error),
        "handlers": [run.handler for run in outcome.runs],
    }


def _outcome_line(outcome: Outcome, seconds: float) -> str:
    event = outcome.event
    name = paint(f"{outcome.name:<11}", good=outcome.status < 400)
    parts = [name, str(outcome.status), f"{seconds * 1000:7.1f} ms"]
    if event is not None:
        parts += [f"{event.type:<22}", event.id]
    if outcome.error is not None:
        parts.append(f"{outcome.reason}: {outcome.error}")
    return "  ".join([parts[0], *map(printable, parts[1:])])


def _attempt_facts(attempt: Attempt) -> dict[str, Any]:
    settlement, claim = attempt.settlement, attempt.settlement.claim
    return {
        "state": settlement.state,
        "entry": claim.pk,
        "attempt": claim.attempts,
        "type": claim.event_type,
        "id": claim.event_id,
        "handlers": _ran(attempt),
        "error_code": settlement.error_code or None,
        "next_attempt_in": settlement.delay.total_seconds() if settlement.state == "failed" else None,
    }


def _attempt_line(attempt: Attempt) -> str:
    settlement, claim = attempt.settlement, attempt.settlement.claim
    names = ", ".join(name.rpartition(".")[2] for name in _ran(attempt))
    parts = [
        "run",
        f"attempt {claim.attempts:<2}",
        f"{claim.event_type:<22}",
        claim.event_id,
        f"entry {claim.pk}",
        names,
    ]
    if settlement.error_code:
        after = f", again in {spell_duration(settlement.delay)}" if settlement.state == "failed" else ""
        parts.append(f"{settlement.error_code}{after}")
    verdict = paint(f"{settlement.state:<11}", good=settlement.state in _GOOD)
    return "  ".join([verdict, *(printable(part) for part in parts if part)])


def _ran(attempt: Attempt) -> list[str]:
    """The names of the handlers that ran."""
    return list(dict.fromkeys(row.handler for row in attempt.runs if row.state != "skipped"))
