"""``licensechain-hooks demo``: real deliveries to a real server, and what came of each."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import click

from licensechain_hooks.cli._child import ListenProcess
from licensechain_hooks.cli._options import DEFAULT_PATH, format_option
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable, show_table
from licensechain_hooks.cli._scenes import Finding, Stage, make_steps, warm_up
from licensechain_hooks.cli._servers import FRAMEWORKS
from licensechain_hooks.cli._target import parse_target

__all__ = ["command"]

_PREFIX = "licensechain-demo-"


@click.command("demo")
@click.option("--framework", type=click.Choice(FRAMEWORKS), default=FRAMEWORKS[0], show_default=True)
@click.option("--keep", is_flag=True, help="Keep the inbox, a SQLite file, to look into it afterwards.")
@format_option("text", "json", "jsonl")
@click.pass_context
def command(context: click.Context, *, framework: str, keep: bool, form: str) -> None:
    """Send real deliveries to a real server and show what comes of each.

    A receiver starts on a free port of this machine, in a process of its own, with a secret and an inbox made for this
    run. Exits with 1 if any answer, any attempt of the worker or any handler that ran is not what it should be.
    """
    started = time.perf_counter()
    secret = secrets.token_urlsafe(32)
    findings = []
    threading.Thread(target=warm_up, daemon=True).start()
    with _inbox(keep=keep) as inbox, ListenProcess(framework, secret, "--demo", "--inbox", inbox) as process:
        url = process.url()
        if form == "text":
            note(f"a {framework} application, really served, at {url}")
        stage = Stage(process, parse_target(url, allow_remote=False), secret, inbox)
        for finding in stage.play(make_steps()):
            findings.append(finding)
            if form == "jsonl":
                echo_json(_facts(finding))
    is_good = not any(finding.differences for finding in findings)
    summary = {
        "framework": framework,
        "url": url,
        "inbox": inbox if keep else None,
        "ok": is_good,
        "seconds": round(time.perf_counter() - started, 3),
    }
    if form == "text":
        _show(findings, summary, stage.commands)
    elif form == "jsonl":
        echo_json(summary)
    else:
        echo_json({**summary, "steps": [_facts(finding) for finding in findings]}, indent=2)
    context.exit(0 if is_good else 1)


@contextmanager
def _inbox(*, keep: bool) -> Iterator[str]:
    """The URL of an inbox in a file, which goes with the block unless it is kept."""
    if keep:
        yield f"sqlite:///{mkdtemp(prefix=_PREFIX)}/inbox.db"
    else:
        with TemporaryDirectory(prefix=_PREFIX) as folder:
            yield f"sqlite:///{folder}/inbox.db"


def _show(findings: Sequence[Finding], summary: dict[str, Any], commands: Sequence[str]) -> None:
    header = ("step", "answer", "worker", "handlers that ran", "ms", "")
    show_table(header, [_row(finding) for finding in findings], good=[not finding.differences for finding in findings])
    for finding in findings:
        for difference in finding.differences:
            echo(printable(f"{finding.step.title}: {difference}"))
    wrong = sum(bool(finding.differences) for finding in findings)
    if wrong:
        echo(paint(f"{wrong} of {len(findings)} steps went otherwise than they should.", good=False))
        echo(f"next: licensechain-hooks listen --framework {summary['framework']}, which shows the receiver's side")
    else:
        echo(paint(f"All {len(findings)} steps went as they should, in {summary['seconds']:.1f} s.", good=True))
        for line in commands:
            echo(f"replayed with: {line}")
    _show_next(findings, summary, is_good=not wrong)


def _show_next(findings: Sequence[Finding], summary: dict[str, Any], *, is_good: bool) -> None:
    if summary["inbox"] is not None:
        last = max(attempt["entry"] for finding in findings for attempt in finding.attempts)
        echo(
            f"kept: {summary['inbox'].removeprefix('sqlite:///')}; look into it with\n"
            f"          licensechain-hooks inbox list --inbox {summary['inbox']}\n"
            f"          licensechain-hooks inbox show {last} --payload --inbox {summary['inbox']}"
        )
    if is_good:
        echo(
            "next: with LICENSECHAIN_WEBHOOK_SECRET set, in one terminal\n"
            f"          licensechain-hooks listen --framework {summary['framework']}\n"
            "      and in another\n"
            f"          licensechain-hooks trigger license.revoked --to http://127.0.0.1:8000{DEFAULT_PATH}"
        )


def _row(finding: Finding) -> tuple[str, ...]:
    answer = finding.answer
    answered = " ".join(filter(None, [str(answer.status or ""), answer.outcome])) or "none"
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
        "type": step.event.raw_type,
        "id": step.event.id,
        "expected": {
            "status": step.status,
            "outcome": step.outcome,
            "attempts": list(step.states),
            "handlers": list(step.handlers),
        },
        "status": answer.status,
        "outcome": answer.outcome or None,
        "reason": finding.line.get("reason"),
        "attempts": list(finding.states),
        "handlers": list(finding.handlers),
        "ms": round(answer.milliseconds, 3),
        "differences": finding.differences,
        "ok": not finding.differences,
    }
