"""How the findings of ``probe`` are shown: a table for people, facts for programs, JUnit's XML for CI."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from licensechain_hooks.cli._output import echo, note, paint, printable, show_table

if TYPE_CHECKING:
    from licensechain_hooks.testing.probe import Finding

__all__ = ["facts", "is_good", "junit", "show_sheet", "summed_up"]

_HEADER = ("row", "sent", "expected", "got", "verdict", "why it matters")
_VERDICTS = ("ok", "differs", "falls short", "unseen")
_VERDICT = _HEADER.index("verdict")
_NAMED = 2  # of those that come to the same


def is_good(finding: "Finding", *, strict: bool) -> bool:
    """Whether a finding is no fault."""
    return finding.verdict != "falls short" and not (strict and finding.verdict == "differs")


def facts(finding: "Finding") -> dict[str, Any]:
    """All that is known of a finding."""
    return asdict(finding) | {"milliseconds": round(finding.milliseconds, 3)}


def summed_up(counts: Mapping[str, int]) -> str:
    """How many findings there are of each verdict, in words."""
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts.get(verdict)) or "nothing sent"


def show_sheet(found: Sequence["Finding"], *, strict: bool, shows_all: bool, is_whole: bool) -> None:
    """Print a table, and a line that sums it up.

    Args:
        found: the findings.
        strict: whether what differs is a fault.
        shows_all: whether each finding has a line of its own; else what is well has none, and others share one where
            they come to the same.
        is_whole: whether everything was sent that was to be sent.
    """
    listed = [(finding, finding.name) for finding in found] if shows_all else _in_short(found, strict=strict)
    if listed:
        rows = [_cells(finding, names) for finding, names in listed]
        good = [is_good(finding, strict=strict) for finding, _ in listed]
        show_table(_HEADER, rows, good=good, verdict=_VERDICT)
        echo("")
    is_ok = all(is_good(finding, strict=strict) for finding in found)
    echo(paint(summed_up(Counter(finding.verdict for finding in found)), good=is_ok))
    if not is_whole:
        note("the rest was not sent")
    elif not shows_all and not strict and any(finding.verdict == "differs" for finding in found):
        note("--all lists what differs as well")


def _in_short(found: Iterable["Finding"], *, strict: bool) -> list[tuple["Finding", str]]:
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in found:
        if finding.verdict == "unseen" or not is_good(finding, strict=strict):
            key = (finding.row, finding.expected, finding.must, finding.got, finding.verdict, finding.why)
            groups.setdefault(key, []).append(finding)
    return [(alike[0], _names(alike)) for alike in groups.values()]


def _names(alike: Sequence["Finding"]) -> str:
    listed = ", ".join(finding.name for finding in alike[:_NAMED])
    return listed if len(alike) <= _NAMED else f"{listed} and {len(alike) - _NAMED} more"


def junit(url: str, found: Iterable["Finding"], *, strict: bool) -> str:
    """The findings as a test suite in JUnit's XML, as CI servers read it."""
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - only for who asks for it

    listed = list(found)
    failures = sum(not is_good(finding, strict=strict) for finding in listed)
    unseen = sum(finding.verdict == "unseen" for finding in listed)
    suite = ET.Element(
        "testsuite", name=f"licensechain-hooks probe {url}", tests=str(len(listed)), failures=str(failures)
    )
    suite.attrib |= {"errors": "0", "skipped": str(unseen)}
    for finding in listed:
        row = f"{finding.row:02d} {finding.title}"
        seconds = f"{finding.milliseconds / 1000:.3f}"
        case = ET.SubElement(suite, "testcase", classname=row, name=finding.name, time=seconds)
        said = f"expected {_expected(finding)}, got {finding.got}: {finding.why}"
        if not is_good(finding, strict=strict):
            ET.SubElement(case, "failure", message=said, type=finding.verdict)
        elif finding.verdict == "unseen":
            ET.SubElement(case, "skipped", message=said)
        elif finding.verdict == "differs":
            ET.SubElement(case, "system-out").text = said
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _cells(finding: "Finding", names: str) -> tuple[str, ...]:
    why = "" if finding.verdict == "ok" else finding.why
    sent = f"{finding.title}: {names}"
    return (f"{finding.row:02d}", *map(printable, (sent, _expected(finding), finding.got, finding.verdict, why)))


def _expected(finding: "Finding") -> str:
    """What ours answers, and in brackets what every receiver must."""
    return finding.expected if finding.expected == finding.must else f"{finding.expected} ({finding.must})"
