"""Findings for people: rows, a sentence that sums up, and what to do next."""

from collections.abc import Iterator, Sequence
from typing import Any

from licensechain_hooks.cli._findings import Finding, Findings
from licensechain_hooks.cli._output import printable
from licensechain_hooks.operations.words import spell_count, spell_moment

__all__ = ["FINDINGS_HEADER", "advice", "all_facts", "finding_row", "sum_up"]

FINDINGS_HEADER = ("event id", "type", "deliveries", "last", "answer", "entry", "problem")
_REFUSED = {401, 403}
_REPLAYED = {"failed", "dead"}
_SHOWN = 10  # numbers of entries in a command


def finding_row(finding: Finding) -> tuple[str, ...]:
    """The cells of a finding, under `FINDINGS_HEADER`."""
    answer = " ".join(filter(None, (str(finding.status_code or ""), finding.error))) or "none"
    entry = "-" if finding.entry is None else f"{finding.entry} ({finding.state})"
    cells = (finding.event_id or "-", finding.event_type or "-", str(finding.deliveries), spell_moment(finding.last_at))
    return tuple(map(printable, (*cells, answer, entry, ", ".join(finding.problems))))


def sum_up(findings: Findings) -> str:
    """What a look has shown, in a sentence."""
    number = sum(findings.deliveries.values())
    delivered = findings.deliveries.get("delivered", 0)
    parts = [f"{spell_count(number, 'delivery')} of {spell_count(findings.events, 'event')}, {delivered:,} succeeded"]
    failed, missing = findings.count("failed"), findings.count("missing")
    parts.append(f"{spell_count(failed, 'event')} never delivered" if failed else "every event was delivered")
    if findings.compared_since is not None:
        parts.append(f"{spell_count(missing, 'event')} missing from the inbox" if missing else "the inbox has them all")
    if not number:
        parts = ["no delivery is logged"]
    return printable(f"webhook {findings.webhook} since {spell_moment(findings.since)}: {'; '.join(parts)}")


def all_facts(findings: Findings) -> dict[str, Any]:
    """What a look has shown, and what to do next, for programs."""
    return findings.facts() | {"advice": list(advice(findings))}


def advice(findings: Findings) -> Iterator[str]:
    """What to do next, a line for each kind of finding; and what could not be compared."""
    found, test = findings.found, f"licensechain-hooks webhooks test {printable(findings.webhook)}"
    if any(finding.status_code in _REFUSED for finding in found):
        yield "401 and 403: the endpoint's signing secret is probably another one; licensechain-hooks doctor finds out"
    if any("failed" in finding.problems and finding.entry is None for finding in found):
        here = "here they never arrived" if findings.compared_since else "whether they arrived, only an inbox can tell"
        yield (
            f"failed: see that `{test}` gets through (webhooks logs), then ask LicenseChain to send these again, for "
            f"which its API has no call ({here}); on the emulator's page 'Send again' does it"
        )
    if any(finding.problems == ("missing",) for finding in found):
        yield (
            "missing though delivered: does the webhook's URL lead to a receiver that stores in this inbox? These have "
            "to be sent again, too"
        )
    arrived = [finding for finding in found if finding.entry is not None]
    if arrived:
        yield (
            "failed, but in the inbox: they arrived, and need not be sent again; the answer was an error, or came too "
            "late (LicenseChain waits for 5 seconds)"
        )
    troubled = sorted(
        {finding.entry for finding in arrived if finding.state in _REPLAYED and finding.entry is not None}
    )
    if troubled:
        more = f" (and {len(troubled) - _SHOWN} more)" if len(troubled) > _SHOWN else ""
        yield f"run their handlers again: licensechain-hooks inbox replay {_numbers(troubled)}{more}"
    yield from _limits(findings)


def _limits(findings: Findings) -> Iterator[str]:
    if findings.unnamed and findings.compared_since is not None:
        yield f"{findings.unnamed:,} of the logs name no event, so that the inbox cannot be compared with them"
    if findings.compared_since is not None and findings.compared_since > findings.since:
        yield "the inbox keeps entries for a shorter time than --since looks back: before that, none is called missing"


def _numbers(pks: Sequence[int]) -> str:
    return " ".join(map(str, pks[:_SHOWN]))
