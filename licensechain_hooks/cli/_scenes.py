"""What ``demo`` plays, step by step, and what comes of each."""

import json
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from time import perf_counter
from typing import Any

import click

from licensechain_hooks import Event
from licensechain_hooks.cli._child import ListenProcess
from licensechain_hooks.cli._delivery import Tamper, make_delivery
from licensechain_hooks.cli._target import Answer, Target, post
from licensechain_hooks.cli.inbox import command as inbox
from licensechain_hooks.testing import make_event

__all__ = ["Finding", "Stage", "Step", "make_steps", "warm_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A delivery or the replay of an entry, and what should come of it.

    Attributes:
        title: what people call it.
        event: which it brings.
        tamper: what is wrong with the delivery.
        is_replay: whether the event's entry is replayed, and nothing delivered.
        status, outcome, reason: of the answer.
        states: how the worker's attempts end.
        handlers: those that run, over all attempts.
    """

    title: str
    event: Event
    tamper: Tamper | None = None
    is_replay: bool = False
    status: int | None
    outcome: str
    reason: str | None = None
    states: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of a step: the answer over HTTP, and the receiver's own lines.

    Attributes:
        line: of the delivery.
        attempts: the lines of the worker's attempts.
        unasked: lines of other events, which nobody has delivered now.
    """

    step: Step
    answer: Answer
    line: dict[str, Any]
    attempts: Sequence[dict[str, Any]] = ()
    unasked: Sequence[dict[str, Any]] = ()

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
        step, answer, line = self.step, self.answer, self.line
        expected_id = step.event.id if (step.status or 0) < 400 else None
        answered = (answer.status, answer.outcome) == (step.status, step.outcome)
        told = (line.get("outcome"), line.get("reason"), line.get("id")) == (step.outcome, step.reason, expected_id)
        checks = {
            f"the answer should be {step.status or ''} {step.outcome}".replace("  ", " "): answered,
            f"the receiver should tell of {step.outcome} {step.reason or step.event.id}": told or step.is_replay,
            f"the worker's attempts should end {', '.join(step.states) or 'nowhere'}": self.states == step.states,
            f"the handlers should be {', '.join(step.handlers) or '-'}": self.handlers == step.handlers,
            answer.error: not answer.error,
            **{f"{line.get('id')} ran unasked": False for line in self.unasked},
        }
        return [difference for difference, is_as_expected in checks.items() if not is_as_expected]


def make_steps() -> tuple[Step, ...]:
    """The steps."""
    created, revoked = make_event("license.created"), make_event("license.revoked")
    unknown = make_event("starship.launched")
    runs: dict[str, Any] = {"status": 200, "outcome": "accepted", "states": ("processed",)}
    return (
        Step(title="license.created", event=created, **runs, handlers=("welcome_customer", "audit_license")),
        Step(title="license.revoked", event=revoked, **runs, handlers=("lock_seats", "audit_license")),
        Step(title="the same again", event=revoked, status=200, outcome="duplicate"),
        Step(title="body changed", event=created, tamper="body", **_refused("signature_mismatch")),
        Step(title="an hour old", event=created, tamper="timestamp", **_refused("timestamp_outside_tolerance")),
        Step(title="an unknown type", event=unknown, **runs, handlers=("log_other",)),
        *_failures(),
    )


def _failures() -> tuple[Step, ...]:
    """Handlers that fail, and what an inbox is for."""
    extended, transferred = make_event("license.extended"), make_event("license.transferred")
    accepted: dict[str, Any] = {"status": 200, "outcome": "accepted"}
    return (
        Step(
            title="fails twice",
            event=extended,
            **accepted,
            states=("failed", "failed", "processed"),
            handlers=("audit_license", *["mail_customer"] * 3),
        ),
        Step(
            title="fails always",
            event=transferred,
            **accepted,
            states=("failed", "failed", "dead"),
            handlers=("audit_license", *["update_crm"] * 3),
        ),
        Step(
            title="its replay",
            event=transferred,
            is_replay=True,
            status=None,
            outcome="replayed",
            states=("processed",),
            handlers=("update_crm",),
        ),
    )


def _refused(reason: str) -> dict[str, Any]:
    return {"status": 401, "outcome": "rejected", "reason": reason}


class Stage:
    """Where the steps are played.

    Args:
        process: a receiver.
        target: where it listens.
        secret: the signing secret.
        inbox: the URL of its inbox.
    """

    def __init__(self, process: ListenProcess, target: Target, secret: str, inbox: str) -> None:
        self._process = process
        self._target = target
        self._secret = secret
        self._inbox = inbox
        self._entries: dict[str, int] = {}
        self.commands: list[str] = []

    def play(self, steps: Sequence[Step]) -> Iterator[Finding]:
        """Play one step after the other."""
        for step in steps:
            yield self._watch(step, self._replay(step.event) if step.is_replay else self._deliver(step))

    def _deliver(self, step: Step) -> Answer:
        delivery = make_delivery(step.event, self._secret, tamper=step.tamper)
        return post(self._target, delivery.body, delivery.headers)

    def _replay(self, event: Event) -> Answer:
        pk = self._entries.get(event.id)
        if pk is None:
            return Answer(status=None, error="there is no entry to replay")
        command = ("replay", str(pk), "--inbox", self._inbox)
        self.commands.append(" ".join(("licensechain-hooks inbox", *command)))
        started = perf_counter()
        try:
            changed = _run_inbox(*command, "--yes", "--format", "jsonl")["changed"]
        except click.ClickException as exc:
            return Answer(status=None, error=exc.format_message())
        milliseconds = (perf_counter() - started) * 1000
        return Answer(status=None, milliseconds=milliseconds, outcome="replayed" if changed == 1 else "")

    def _watch(self, step: Step, answer: Answer) -> Finding:
        """What the receiver tells of a step, until it is through with it."""
        line: dict[str, Any] = {}
        attempts: list[dict[str, Any]] = []
        unasked: list[dict[str, Any]] = []
        while not (answer.error or _is_over(step, line, attempts)):
            told = self._process.line()
            if not told:
                break
            if told["id"] not in {None, step.event.id}:
                unasked.append(told)
            elif "outcome" in told:
                line = told
            else:
                attempts.append(told)
                self._entries[step.event.id] = told["entry"]
        return Finding(step=step, answer=answer, line=line, attempts=attempts, unasked=unasked)


def warm_up() -> None:
    """Load what the replay needs: in a thread, while the receiver starts."""
    with suppress(ImportError):
        import licensechain_hooks.inbox.sql  # noqa: F401, PLC0415


def _run_inbox(*arguments: str) -> Any:
    """Run the command ``inbox`` in this process: another one would take as long as all the rest of the demo."""
    with redirect_stdout(StringIO()) as said:
        inbox.main(arguments, standalone_mode=False)
    return json.loads(said.getvalue())


def _is_over(step: Step, line: dict[str, Any], attempts: Sequence[dict[str, Any]]) -> bool:
    """Whether no more is to come; lines of a delivery and of its attempts come in any order."""
    if not line and not step.is_replay:
        return False
    if step.is_replay or line["outcome"] == "accepted":
        return bool(attempts) and attempts[-1]["state"] != "failed"
    return True
