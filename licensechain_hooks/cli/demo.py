"""``licensechain-hooks demo``: real deliveries to a real server, and what came of each."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import click

from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable, show_table
from licensechain_hooks.cli._scenes import Finding, make_steps
from licensechain_hooks.cli._servers import FRAMEWORKS
from licensechain_hooks.cli._stage import Stage, warm_up

__all__ = ["command"]

_PREFIX = "licensechain-demo-"


@click.command("demo")
@click.option("--framework", type=click.Choice(FRAMEWORKS), default=FRAMEWORKS[0], show_default=True)
@click.option("--keep", is_flag=True, help="Leave all running until Ctrl-C, to play on; the inbox stays even then.")
@format_option("text", "json", "jsonl")
@click.pass_context
def command(context: click.Context, *, framework: str, keep: bool, form: str) -> None:
    """Play a license's life, and what can go wrong with it.

    A local LicenseChain and a receiver start on free ports, in processes of their own; the
    receiver's URL is registered as a webhook by the API. Then a license is created, updated, expires and is revoked,
    deliveries come twice, forged and late, handlers fail, the receiver is down, and the monitor finds what it has
    missed. Exits with 1 if anything goes otherwise than it should.
    """
    started = time.perf_counter()
    findings = []
    threading.Thread(target=warm_up, daemon=True).start()
    with _folder(keep=keep) as folder, Stage(framework, folder) as stage:
        if form == "text":
            note(f"a local LicenseChain at {stage.page}")
            note(f"a {framework} application, really served, at {stage.url}")
        for finding in stage.play(make_steps()):
            findings.append(finding)
            if form == "jsonl":
                echo_json(_facts(finding))
        is_good = not any(finding.differences for finding in findings)
        summary = {
            "framework": framework,
            "page": stage.page,
            "url": stage.url,
            "inbox": stage.inbox if keep else None,
            "ok": is_good,
            "seconds": round(time.perf_counter() - started, 3),
        }
        if form == "text":
            _show(findings, summary, stage.commands)
        elif form == "jsonl":
            echo_json(summary)
        else:
            echo_json({**summary, "steps": [_facts(finding) for finding in findings]}, indent=2)
        if keep:
            _play_on(stage, findings, form)
    context.exit(0 if is_good else 1)


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    """For the inbox; it goes with the block unless it is kept."""
    if keep:
        yield Path(mkdtemp(prefix=_PREFIX))
    else:
        with TemporaryDirectory(prefix=_PREFIX) as folder:
            yield Path(folder)


def _play_on(stage: Stage, findings: Sequence[Finding], form: str) -> None:
    """Tell of deliveries until Ctrl-C."""
    if form == "text":
        last = max((attempt["entry"] for finding in findings for attempt in finding.attempts), default=1)
        echo(
            f"open  {stage.page}  and send again, revoke, break things; here is what the receiver makes of it\n"
            f"inbox {stage.inbox.removeprefix('sqlite:///')}; look into it with\n"
            f"          licensechain-hooks inbox list --inbox {stage.inbox}\n"
            f"          licensechain-hooks inbox show {last} --payload --inbox {stage.inbox}\n"
            "Ctrl-C ends it"
        )
    for line in stage.lines():
        echo_json(dict(line)) if form == "jsonl" else note(_told(line))


def _told(line: Mapping[str, Any]) -> str:
    answered = (
        f"{line['status']} {line['outcome']}" if "outcome" in line else f"attempt {line['attempt']} {line['state']}"
    )
    ran = ", ".join(name.rpartition(".")[2] for name in line.get("handlers", ()))
    return printable("  ".join(filter(None, [f"{line['type'] or '-':<22}", answered, line.get("reason"), ran])))


def _show(findings: Sequence[Finding], summary: Mapping[str, Any], commands: Sequence[str]) -> None:
    header = ("step", "answer", "worker", "handlers that ran", "ms", "")
    show_table(header, [_row(finding) for finding in findings], good=[not finding.differences for finding in findings])
    for finding in findings:
        for difference in finding.differences:
            echo(printable(f"{finding.step.title}: {difference}"))
    wrong = sum(bool(finding.differences) for finding in findings)
    if wrong:
        echo(paint(f"{wrong} of {len(findings)} steps went otherwise than they should.", good=False))
        echo(f"next: licensechain-hooks listen --framework {summary['framework']}, which shows the receiver's side")
        return
    echo(paint(f"All {len(findings)} steps went as they should, in {summary['seconds']:.1f} s.", good=True))
    for line in dict.fromkeys(commands):
        echo(f"ran: {line}")
    if summary["inbox"] is None:
        echo("next: licensechain-hooks demo --keep, and open the page of the local LicenseChain")


def _row(finding: Finding) -> tuple[str, ...]:
    answer = finding.answer
    answered = " ".join(filter(None, [str(answer.status or ""), answer.outcome])) or "no answer"
    if finding.step.action == "watch":
        answered = ", ".join(finding.findings) or "nothing wrong"
    return (
        finding.step.title,
        answered,
        _counted(finding.states),
        printable(_counted(finding.handlers)),
        f"{answer.milliseconds:.1f}",
        "differs" if finding.differences else "ok",
    )


def _counted(names: Sequence[str]) -> str:
    """Names, each once, with how often it is there."""
    return ", ".join(name if number == 1 else f"{name} {number}x" for name, number in Counter(names).items()) or "-"


def _facts(finding: Finding) -> dict[str, Any]:
    step, answer = finding.step, finding.answer
    return {
        "step": step.title,
        "type": finding.event_type or None,
        "id": finding.event_id or None,
        "expected": {
            "status": step.status,
            "outcome": step.outcome,
            "attempts": list(step.states),
            "handlers": list(step.handlers),
            "findings": list(step.findings),
        },
        "status": answer.status,
        "outcome": answer.outcome or None,
        "reason": finding.line.get("reason"),
        "attempts": list(finding.states),
        "handlers": list(finding.handlers),
        "findings": list(finding.findings),
        "ms": round(answer.milliseconds, 3),
        "differences": finding.differences,
        "ok": not finding.differences,
    }
