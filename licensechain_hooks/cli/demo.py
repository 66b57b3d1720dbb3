"""``licensechain-hooks demo``: real deliveries to a real server, and what came of each."""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from licensechain_hooks import Event
from licensechain_hooks.cli._child import ListenProcess
from licensechain_hooks.cli._delivery import Tamper, make_delivery
from licensechain_hooks.cli._options import DEFAULT_PATH, format_option
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable, show_table
from licensechain_hooks.cli._servers import FRAMEWORKS
from licensechain_hooks.cli._target import Answer, Target, parse_target, post
from licensechain_hooks.testing import make_event

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A delivery, and what should come of it."""

    title: str
    event: Event
    tamper: Tamper | None = None
    status: int
    outcome: str
    reason: str | None = None
    handlers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of a delivery: the answer over HTTP, and the receiver's own line."""

    step: Step
    answer: Answer
    line: dict[str, Any]

    @property
    def handlers(self) -> tuple[str, ...]:
        """The names of the handlers that ran."""
        return tuple(name.rpartition(".")[2] for name in self.line.get("handlers", ()))

    @property
    def differences(self) -> list[str]:
        """What is not as it should be."""
        step, answer, line = self.step, self.answer, self.line
        expected_id = step.event.id if step.status < 400 else None
        answered = (answer.status, answer.outcome) == (step.status, step.outcome)
        told = (line.get("outcome"), line.get("reason"), line.get("id")) == (step.outcome, step.reason, expected_id)
        checks = {
            f"the answer should be {step.status} {step.outcome}": answered,
            f"the receiver should tell of {step.outcome} {step.reason or step.event.id}": told,
            f"the handlers should be {_names(step.handlers)}": self.handlers == step.handlers,
            answer.error: not answer.error,
        }
        return [difference for difference, is_as_expected in checks.items() if not is_as_expected]


@click.command("demo")
@click.option("--framework", type=click.Choice(FRAMEWORKS), default=FRAMEWORKS[0], show_default=True)
@format_option("text", "json", "jsonl")
@click.pass_context
def command(context: click.Context, *, framework: str, form: str) -> None:
    """Send real deliveries to a real server and show what comes of each.

    A receiver starts on a free port of this machine, in a process of its own, with a secret made for this run. Exits
    with 1 if any answer, or any handler that ran, is not what it should be.
    """
    started = time.perf_counter()
    secret = secrets.token_urlsafe(32)
    with ListenProcess(framework, secret) as process:
        steps = _steps()
        url = process.url()
        if form == "text":
            note(f"a {framework} application, really served, at {url}")
        findings = []
        for finding in _run(steps, process, parse_target(url, allow_remote=False), secret):
            findings.append(finding)
            if form == "jsonl":
                echo_json(_facts(finding))
    is_good = not any(finding.differences for finding in findings)
    summary = {"framework": framework, "url": url, "ok": is_good, "seconds": round(time.perf_counter() - started, 3)}
    if form == "text":
        _show(findings, summary)
    elif form == "jsonl":
        echo_json(summary)
    else:
        echo_json({**summary, "deliveries": [_facts(finding) for finding in findings]}, indent=2)
    context.exit(0 if is_good else 1)


def _steps() -> tuple[Step, ...]:
    created, revoked = make_event("license.created"), make_event("license.revoked")
    unknown = make_event("starship.launched")
    welcomed, locked = ("welcome_customer", "audit_license"), ("lock_seats", "audit_license")
    return (
        Step(title="license.created", event=created, status=200, outcome="processed", handlers=welcomed),
        Step(title="license.revoked", event=revoked, status=200, outcome="processed", handlers=locked),
        Step(title="the same again", event=revoked, status=200, outcome="duplicate"),
        Step(title="body changed", event=created, tamper="body", **_refused("signature_mismatch")),
        Step(title="an hour old", event=created, tamper="timestamp", **_refused("timestamp_outside_tolerance")),
        Step(title="an unknown type", event=unknown, status=200, outcome="processed", handlers=("log_other",)),
    )


def _refused(reason: str) -> dict[str, Any]:
    return {"status": 401, "outcome": "rejected", "reason": reason}


def _run(steps: Sequence[Step], process: ListenProcess, target: Target, secret: str) -> Iterator[Finding]:
    for step in steps:
        process.forget()
        delivery = make_delivery(step.event, secret, tamper=step.tamper)
        answer = post(target, delivery.body, delivery.headers)
        yield Finding(step=step, answer=answer, line={} if answer.error else process.line())


def _show(findings: Sequence[Finding], summary: dict[str, Any]) -> None:
    header = ("delivery", "expected", "answer", "handlers that ran", "ms", "")
    show_table(header, [_row(finding) for finding in findings], good=[not finding.differences for finding in findings])
    for finding in findings:
        for difference in finding.differences:
            echo(printable(f"{finding.step.title}: {difference}"))
    wrong = sum(bool(finding.differences) for finding in findings)
    if wrong:
        echo(paint(f"{wrong} of {len(findings)} deliveries went otherwise than they should.", good=False))
        echo(f"next: licensechain-hooks listen --framework {summary['framework']}, which shows the receiver's side")
        return
    verdict = f"All {len(findings)} deliveries went as they should, in {summary['seconds']:.1f} s."
    echo(paint(verdict, good=True))
    echo(
        "next: with LICENSECHAIN_WEBHOOK_SECRET set, in one terminal\n"
        f"          licensechain-hooks listen --framework {summary['framework']}\n"
        "      and in another\n"
        f"          licensechain-hooks trigger license.revoked --to http://127.0.0.1:8000{DEFAULT_PATH}"
    )


def _row(finding: Finding) -> tuple[str, ...]:
    step, answer = finding.step, finding.answer
    return (
        step.title,
        f"{step.status} {step.outcome}",
        "none" if answer.status is None else f"{answer.status} {answer.outcome or '-'}",
        printable(_names(finding.handlers)),
        f"{answer.milliseconds:.1f}",
        "differs" if finding.differences else "ok",
    )


def _names(handlers: Sequence[str]) -> str:
    return ", ".join(handlers) or "-"


def _facts(finding: Finding) -> dict[str, Any]:
    step, answer = finding.step, finding.answer
    return {
        "delivery": step.title,
        "type": step.event.raw_type,
        "id": step.event.id,
        "expected": {"status": step.status, "outcome": step.outcome, "handlers": list(step.handlers)},
        "status": answer.status,
        "outcome": answer.outcome or None,
        "reason": finding.line.get("reason"),
        "handlers": list(finding.handlers),
        "ms": round(answer.milliseconds, 3),
        "differences": finding.differences,
        "ok": not finding.differences,
    }
