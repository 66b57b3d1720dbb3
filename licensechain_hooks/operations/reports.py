"""Findings of a doctor, as lines for people and as facts for programs."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from licensechain_hooks.diagnosis.findings import Finding
from licensechain_hooks.operations.words import printable

__all__ = ["count_of", "finding_facts", "finding_lines", "report_facts", "summary"]

_INDENT = " " * 27


def count_of(found: Sequence[Finding]) -> int:
    """How many want something to be done."""
    return sum(finding.verdict in {"warn", "fail"} for finding in found)


def finding_facts(finding: Finding) -> dict[str, Any]:
    """A finding for programs."""
    facts = finding.facts()
    return {"check": facts.pop("code"), **facts}


def report_facts(found: Sequence[Finding]) -> dict[str, Any]:
    """All of them for programs."""
    return {"ok": not count_of(found), "checks": [finding_facts(finding) for finding in found]}


def finding_lines(finding: Finding, *, width: int, paint: Callable[[str, bool], str]) -> Iterator[str]:
    """Verdict, check and what is so on a line; below it why, and what to do.

    Args:
        finding: which.
        width: of the lines, where they can be broken.
        paint: colours a verdict by whether it is good.
    """
    verdict = f"{finding.verdict:<7}"
    if finding.verdict != "skipped":
        verdict = paint(verdict, finding.verdict == "ok")
    head = f"{finding.code:<18} "
    first, *others = _wrapped(finding.what, width - len(_INDENT))
    yield f"{verdict} {printable(head)}{first}"
    yield from (f"{_INDENT}{line}" for line in others)
    for label, text in (("why", finding.why), ("do", finding.todo)):
        for number, line in enumerate(_wrapped(text, width - len(_INDENT) - 5)):
            yield f"{_INDENT}{label + ':' if number == 0 else '':<5}{line}"


def summary(found: Sequence[Finding]) -> str:
    """The last line."""
    number = count_of(found)
    skipped = sum(finding.verdict == "skipped" for finding in found)
    rest = f"; {skipped} skipped" if skipped else ""
    return f"{number} to look at{rest}" if number else f"nothing to do{rest}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(printable(text), max(width, 40), break_long_words=False, break_on_hyphens=False)
