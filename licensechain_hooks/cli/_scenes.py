"""What ``demo`` plays, step by step, and what should come of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from licensechain_hooks.operations.sending import Answer

__all__ = ["Action", "Finding", "Step", "make_steps"]

Action = Literal["create", "update", "extend", "expire", "revoke", "delete", "again", "replay", "watch"]
"""What is done: something happens to the license, its last event is sent again, the event's entry is replayed, or the
monitor looks."""

_AN_HOUR_AGO = -3600  # seconds, beyond every sensible tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that is done, and what should come of it.

    Attributes:
        title: what people call it.
        action: what is done.
        faults: of the emulator's, while it is done.
        is_down: whether the receiver is.
        status, outcome, reason: of the answer.
        states: how the worker's attempts end.
        handlers: those that run, over all attempts.
        findings: the kinds of what the monitor reports.
    """

    title: str
    action: Action
    faults: Mapping[str, Any] = field(default_factory=dict)
    is_down: bool = False
    status: int | None = None
    outcome: str = ""
    reason: str | None = None
    states: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of a step: the answer over HTTP, and the receiver's own lines.

    Attributes:
        event_id, event_type: what was delivered; empty, where nothing was.
        line: of the delivery.
        attempts: the lines of the worker's attempts.
        unasked: lines of other events, which nobody has delivered now.
        findings: the kinds of what the monitor reported.
    """

    step: Step
    answer: Answer
    event_id: str = ""
    event_type: str = ""
    line: Mapping[str, Any] = field(default_factory=dict)
    attempts: Sequence[Mapping[str, Any]] = ()
    unasked: Sequence[Mapping[str, Any]] = ()
    findings: tuple[str, ...] = ()

    @property
    def states(self) -> tuple[str, ...]:
        """How the attempts ended."""
        return tuple(attempt["state"] for attempt in self.attempts)

    @property
    def handlers(self) -> tuple[str, ...]:
        """The names of the handlers that ran, over all attempts."""
        ran = [name for line in (self.line, *self.attempts) for name in line.get("handlers", ())]
        return tuple(name.rpartition(".")[2] for name in ran)

    @property
    def differences(self) -> list[str]:
        """What is not as it should be."""
        step, answer = self.step, self.answer
        checks = {
            f"the answer should be {_spelled(step)}": (answer.status, answer.outcome) == (step.status, step.outcome),
            f"the receiver should tell of {step.outcome} {step.reason or self.event_id}": self._is_told(),
            f"the worker's attempts should end {', '.join(step.states) or 'nowhere'}": self.states == step.states,
            f"the handlers should be {', '.join(step.handlers) or '-'}": self.handlers == step.handlers,
            f"the monitor should report {', '.join(step.findings) or 'nothing'}": self.findings == step.findings,
            answer.error: not answer.error or step.is_down,
            **{f"{line.get('id')} ran unasked": False for line in self.unasked},
        }
        return [difference for difference, is_as_expected in checks.items() if not is_as_expected]

    def _is_told(self) -> bool:
        """Whether the receiver's line of the delivery is what it should be."""
        step, line = self.step, self.line
        if step.status is None:
            return not line
        told = (line.get("outcome"), line.get("reason"), line.get("id"))
        return told == (step.outcome, step.reason, self.event_id if step.status < 400 else None)


def _spelled(step: Step) -> str:
    return " ".join(filter(None, [str(step.status or ""), step.outcome])) or "none"


def make_steps() -> tuple[Step, ...]:
    """The steps: the life of a license, what enemies and clocks do, and what an inbox is for."""
    accepted: dict[str, Any] = {"status": 200, "outcome": "accepted"}
    runs: dict[str, Any] = {**accepted, "states": ("processed",)}
    refused: dict[str, Any] = {"action": "again", "status": 401, "outcome": "rejected"}
    audit = "audit_license"
    return (
        Step(title="license created", action="create", **runs, handlers=("welcome_customer", audit)),
        Step(title="license updated", action="update", **runs, handlers=(audit,)),
        Step(
            title="extended; a handler fails twice",
            action="extend",
            **accepted,
            states=("failed", "failed", "processed"),
            handlers=(audit, *["mail_customer"] * 3),
        ),
        Step(
            title="expired; a handler fails always",
            action="expire",
            **accepted,
            states=("failed", "failed", "dead"),
            handlers=(audit, *["update_crm"] * 3),
        ),
        Step(
            title="its dead letter is replayed",
            action="replay",
            outcome="replayed",
            states=("processed",),
            handlers=("update_crm",),
        ),
        Step(title="license revoked", action="revoke", **runs, handlers=("lock_seats", audit)),
        Step(title="the same event again", action="again", status=200, outcome="duplicate"),
        Step(title="with a changed body", faults={"tamper": "body"}, reason="signature_mismatch", **refused),
        Step(
            title="sent an hour ago",
            faults={"clockSkewSeconds": _AN_HOUR_AGO},
            reason="timestamp_outside_tolerance",
            **refused,
        ),
        Step(title="deleted; the receiver is down", action="delete", is_down=True),
        Step(title="the monitor looks", action="watch", is_down=True, findings=("failed", "missing")),
        Step(title="up again, sent again", action="again", **runs, handlers=(audit,)),
        Step(title="the monitor looks again", action="watch"),
    )
